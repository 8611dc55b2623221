"""The data card's tables: Markdown between markers, so that no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unif2ace.attributes import ATTRIBUTES
from unif2ace.markdown import insert, table
from unif2ace.synth.balance import DEPENDENCIES, associations, joint_counts, leaks
from unif2ace.synth.bench import Measured
from unif2ace.synth.check import TARGETS, Check
from unif2ace.synth.statistics import PAPER, StyleNumbers


def text_section(numbers: Mapping[str, StyleNumbers], num_faces: int, num_questions: int) -> str:
    """What is written of `num_faces` faces, beside what the paper reports."""
    rows = [
        (
            style,
            f"{n.attributes:.1f}",
            f"{n.tokens:.1f}",
            f"{n.words:.1f}",
            f"{n.read_back:.2%}",
            f"{n.distinct:.1%}",
            " / ".join(f"{count:,}" for count in n.grams),
        )
        for style, n in numbers.items()
    ]
    paper = (f"{PAPER['attributes']}", f"{PAPER['tokens']:.0f}")
    head = (
        "style",
        "attributes",
        "tokens",
        "words",
        "reads back whole",
        "distinct",
        "1-/2-/3-grams",
    )
    rows.append(("*UniF²ace-130K*", *paper, "–", "–", "–", "–"))
    sample = next(iter(numbers.values())).captions
    return (
        f"{num_faces:,} faces, {len(numbers)} captions and {num_questions / num_faces:.1f} "
        f"questions each ({num_questions:,} in all; the paper: {PAPER['questions']} each). "
        f"By style, over {sample:,} faces, tokens of our tokenizer:\n\n{table(head, rows)}"
    )


def balance_section(faces: Sequence[Mapping[str, str]]) -> str:
    """The joint table of the evenly drawn attributes, and which attributes go together."""
    counts = joint_counts(faces)
    ages = ATTRIBUTES["age"].values
    joint = [
        (tone, gender, *(f"{counts[tone, gender, age]:,}" for age in ages))
        for tone in ATTRIBUTES["skin_tone"].values
        for gender in ATTRIBUTES["gender"].values
    ]
    found = associations(faces)
    meant = [
        (f"{a} – {b}", f"{v:.3f}", DEPENDENCIES[frozenset((a, b))])
        for (a, b), v in found.items()
        if frozenset((a, b)) in DEPENDENCIES
    ]
    other = {pair: v for pair, v in found.items() if frozenset(pair) not in DEPENDENCIES}
    (a, b), strongest = next(iter(other.items()))
    leaking = ", ".join(f"{a} – {b}" for a, b in leaks(found)) or "none"
    return "\n\n".join(
        [
            f"{len(faces):,} faces; each cell would hold {len(faces) / len(counts):,.0f}.",
            table(("skin tone", "gender", *ages), joint),
            f"Cramér's V of the pairs that are meant to go together; of the {len(other)} others "
            f"the strongest is {strongest:.3f} ({a} – {b}). Leaks: {leaking}.",
            table(("pair", "Cramér's V", "because"), meant),
        ]
    )


def bench_section(measured: Measured) -> str:
    """Where a face's time goes, as shares, and how many come out of a second of one core."""
    rows = [(stage, f"{share:.0%}") for stage, share in measured.shares.items()]
    return (
        f"{measured.size} px, {'with' if measured.has_pack else 'without'} the texture pack, one "
        f"process: {measured.faces_per_cpu_second:.1f} faces a second of processor time over "
        f"{measured.num_faces} faces; the second half took {measured.drift:.2f} times the first. "
        f"The start costs as much as {measured.start_in_faces:.0f} faces.\n\n"
        f"{table(('stage', 'share of the time'), rows)}"
    )


def check_section(check: Check) -> str:
    """What outsiders see: the shares with their targets, and agreement by gender and hair."""
    told = [
        ("a face is found, no mask", check.found_unmasked, TARGETS["found_unmasked"]),
        ("gender presentation agrees", check.gender, TARGETS["gender"]),
        ("age, Pearson's r", check.age_correlation, TARGETS["age_correlation"]),
    ]
    groups = [
        (
            f"{name}: {value}",
            f"{g.faces}",
            f"{g.found:.1%}",
            f"{g.gender:.1%}",
            f"{g.mean_years:.0f}",
        )
        for name in ("gender", "age_years", "skin_tone", "hair_style")
        for value, g in check.groups[name].items()
    ]
    return (
        f"{check.faces:,} faces, {check.covers['open'].faces:,} of them open.\n\n"
        f"{table(('', 'measured', 'target'), [(n, f'{v:.3f}', f'{t}') for n, v, t in told])}\n\n"
        f"{table(('open faces', 'faces', 'found', 'gender agrees', 'mean years'), groups)}"
    )


def write_section(card: Path, section: str, text: str) -> None:
    """Renew one section of the card. Raises ValueError when it cannot be read or written."""
    try:
        renewed = insert(card.read_text(encoding="utf-8"), section, text, str(card))
        card.write_text(renewed, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot renew {card}: {error}") from error
