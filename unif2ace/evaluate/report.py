"""From measured JSON to what README and model card say: tables between two markers.

No number reaches those files by another way. Sections that were not measured are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unif2ace.evaluate.arms import ablation_tables
from unif2ace.evaluate.ratios import ratio_lines
from unif2ace.evaluate.tables import interval, percent
from unif2ace.markdown import insert, table
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEERING, DEFAULT_STEPS

SECTIONS = (
    *(
        "judge",
        "understanding",
        "photographs",
        "generation",
        "crowd",
        "probes",
        "bench",
        "frontier",
        "compare",
    ),
    "ablation",
)
Json = Mapping[str, Any]


def merge(folder: Path) -> dict[str, Any]:
    """The sections' JSON files of a folder as one object, in the order of SECTIONS.

    Raises ValueError when there is none, or a file holds no JSON object.
    """
    merged: dict[str, Any] = {}
    for name in SECTIONS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        try:
            merged[name] = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is no JSON: measure it again ({error})") from error
        if not isinstance(merged[name], dict):
            raise ValueError(f"{path} holds no JSON object: measure it again")
    if not merged:
        raise ValueError(f"{folder} holds none of {', '.join(SECTIONS)} (.json): measure first")
    if bench := merged.get("bench"):
        bench.get("weights", {}).pop("weights", None)  # one row per tensor: too long to ship
    if ablation := merged.get("ablation"):
        ablation.pop("runs", None)  # the arms hold their values
        # where files lay on one machine is nobody's business
        ablation["budget"] = {k: v for k, v in ablation["budget"].items() if not isinstance(v, str)}
    return merged


def key_numbers(merged: Json) -> list[tuple[str, str]]:
    """What a decision to try this rests on: (what in plain words, how much), of what was measured.

    The words are keys of `languages.TABLE`.
    """
    rows: list[tuple[str, str]] = []
    if reads := merged.get("understanding"):
        tables = reads["attributes"]
        rows.append(
            ("Details of unseen rendered faces read right", percent(tables["seen"]["share"], 0))
        )
        for group, words in _GROUPS.items():
            shares = [rate["share"] for rate in tables["groups"][group].values() if rate["total"]]
            rows.append((words, f"{100 * min(shares):.0f}–{100 * max(shares):.0f} %"))
    if photographs := merged.get("photographs"):
        balanced = percent(photographs["mean_balanced"], 0)
        rows.append(("Yes or no about unseen portraits right (guessing: 50 %)", balanced))
        told = [percent(photographs["questions"][name]["yes"]["share"], 0) for name in _GENDERS]
        rows.append(("Women and men in these portraits taken for what they are", " / ".join(told)))
    if paints := merged.get("generation"):
        seen = percent(paints["captions"]["agreement"]["share"], 0)
        most = percent(paints["renders"]["agreement"]["share"], 0)
        rows.append(("Asked details that an independent judge sees in painted faces", seen))
        rows.append(("The same judge on real renders: the most there can be", most))
        clear = percent(paints["captions"]["one_clear_face"]["share"], 0)
        rows.append(("Painted pictures that show one clear face", clear))
    if costs := merged.get("bench"):
        seconds = costs["pipeline"]["seconds"]
        rows.append(("Seconds to paint a face, on two processor cores", f"{seconds['face']:.1f}"))
        rows.append(("Seconds to describe a face", f"{seconds['description']:.1f}"))
        size = f"{costs['weights']['disk_bytes'] / 1e6:.0f} MB"
        rows.append(("Size of the model; it needs no graphics card", size))
    return rows


_GENDERS = ("woman", "man")
_GROUPS = {
    "gender": "The same, for women and men apart",
    "skin_tone": "The same, for each skin tone: worst and best",
    "age": "The same, for each age group: worst and best",
}


def understanding_tables(measured: Json) -> str:
    tables, asked = measured["attributes"], measured["visitor_questions"]
    rows = [
        ("attribute tables: value of what can be seen", interval(tables["seen"])),
        ("attribute tables: declines what can be seen", interval(tables["seen_but_declined"])),
        ("attribute tables: recognises what cannot be seen", interval(tables["not_visible"])),
        ("attribute tables: mean balanced accuracy", percent(tables["mean_balanced"])),
        ("attribute tables: expected calibration error", percent(tables["calibration_error"])),
        ("canonical questions", interval(measured["canonical_questions"])),
        *(
            (f"visitors' questions: {kind.replace('_', ' ')}", interval(rate))
            for kind, rate in asked.items()
        ),
        *(
            (f"questions written by hand: {kind.replace('_', ' ')}", interval(rate))
            for kind, rate in measured.get("written_questions", {}).items()
        ),
        ("descriptions: precision", interval(measured["descriptions"]["precision"])),
        ("descriptions: recall", interval(measured["descriptions"]["recall"])),
        (
            "descriptions: recall of what tells faces apart",
            interval(measured["descriptions"]["recall_of_telling"]),
        ),
        *(
            (f"descriptions in full detail: {what}", interval(rate))
            for what, rate in measured["descriptions"].get("in_full", {}).items()
        ),
    ]
    heading = f"**Understanding**, {measured['num_faces']} unseen renders"
    return f"{heading}\n\n{table(('what', 'share (95 % interval)'), rows)}"


def photograph_table(measured: Json) -> str:
    rows = [
        (
            name,
            percent(row["balanced"]),
            interval(row["yes"]),
            interval(row["no"]),
            percent(row["table"]["balanced"]),
        )
        for name, row in measured["questions"].items()
    ]
    means = (measured["mean_balanced"], measured["mean_balanced_of_tables"])
    rows.append(("mean", percent(means[0]), "", "", percent(means[1])))
    head = ("yes or no", "balanced", "right where yes is so", "right where no is so", "its table")
    found = interval(measured["faces_found"])
    heading = (
        "**Photographs**, that is portraits by other image generators, "
        f"{measured['num_photographs']} never trained on, labelled by eye; "
        f"a face is found in {found}"
    )
    return f"{heading}\n\n{table(head, rows)}{_heard(measured, 'the found faces')}"


def generation_tables(measured: Json) -> str:
    names = {
        "captions": "painted, captions of unseen combinations",
        "unseeing": "the same, painted without looking at the unfinished face",
        "visitors": "painted, prompts as visitors type them",
        "rebuilt": "renders through the image tokenizer, whose decoder is told what they show",
        "untold": "the same, from codes alone",
        "renders": "renders (what the judge can see)",
    }
    rows = [
        (
            label,
            interval(measured[key]["agreement"]),
            interval(measured[key]["one_clear_face"]),
        )
        for key, label in names.items()
    ]
    distance, settings = measured["fd_elite0"], measured["settings"]
    heading = (
        f"**Generation**, {settings['steps']} steps, guidance {settings['guidance']}, judged by an "
        "independent network"
    )
    chance = percent(measured["captions"]["other_prompt"]["share"])
    return (
        f"{heading}\n\n"
        f"{table(('pictures', 'asked attributes right', 'one clear face'), rows)}\n\n"
        f"Agreement with somebody else's prompt, the floor: {chance}. FD-ELite0 to "
        f"{distance['n']} unseen renders: painted {distance['painted_to_renders']:.1f}, "
        f"without looking {distance['unseeing_to_renders']:.1f}, rebuilt "
        f"{distance['rebuilt_to_renders']:.1f}, other renders "
        f"{distance['renders_to_renders']:.1f} (not FID: EfficientNet-Lite0 features)."
        f"{_as_judged(measured)}"
        f"{_heard(measured, 'painted faces')}"
    )


def crowd_text(measured: Json) -> str:
    seen, distance = measured["captions"], measured["fd_elite0"]
    painted, halves = distance["painted_to_renders"], distance["renders_to_renders"]
    right, clear = interval(seen["agreement"]), interval(seen["one_clear_face"])
    return (
        f"**{distance['n']:,} captions** painted the same way: {right} of what was asked is right, "
        f"{clear} show one clear face. FD-ELite0 to as many unseen renders is {painted:.1f}, that "
        f"of other renders {halves:.1f}: {painted / halves:.1f} times as much."
        f"{_as_judged(measured)}"
    )


def _painted(merged: Json) -> Json:
    """What the judge finds in painted captions, of the largest number that was painted."""
    paints, crowd = merged.get("generation", {}), merged.get("crowd", {})
    is_alike = crowd.get("checkpoint", "") == paints.get("checkpoint")
    return (crowd if is_alike else paints).get("captions", {})


def _as_judged(measured: Json) -> str:
    """A sentence on the Fréchet distance by the judge's features, where that was measured."""
    if distance := measured.get("fd_judge"):
        painted, halves = distance["painted_to_renders"], distance["renders_to_renders"]
        return (
            " An image tokenizer may have learnt to match these features (`pooled_weight`); by "
            "those of the judge, which none has seen, painted faces are "
            f"{painted / halves:.1f} times as far off as other renders."
        )
    return ""


def _heard(measured: Json, whose: str) -> str:
    """A paragraph on `heard_in_edits`, where that was measured."""
    if heard := measured.get("heard_in_edits"):
        return (
            f"\n\nIf a part were painted anew, the decoder would be told what is shown in "
            f"{interval(heard)} of {whose}; the others are read too unsurely."
        )
    return ""


def attribute_table(merged: Json) -> str:
    """Per attribute: what the model reads, what it paints, and what the judge itself reads."""
    columns: list[tuple[str, Json]] = []
    if reads := merged.get("understanding"):
        columns.append(("reads", reads["attributes"]["attributes"]))
        columns.append(("balanced", reads["attributes"]["attributes"]))
        columns.append(("majority", reads["attributes"]["attributes"]))
    if paints := _painted(merged):
        columns.append(("paints", paints["attributes"]))
    if judge := merged.get("judge"):
        columns.append(("judge on renders", judge["attributes"]))

    def cell(label: str, rows: Json, name: str) -> str:
        key = label if label in ("balanced", "majority") else "share"
        return percent(rows.get(name, {}).get(key))

    names = list(dict.fromkeys(name for _, rows in columns for name in rows))
    rows = [(n.replace("_", " "), *(cell(la, r, n) for la, r in columns)) for n in names]
    return table(("attribute", *(label for label, _ in columns)), rows)


def group_table(merged: Json) -> str:
    """Accuracy per age, skin tone and gender presentation, so that differences are seen."""
    reads = merged.get("understanding", {}).get("attributes", {}).get("groups", {})
    paints = _painted(merged).get("groups", {})
    rows = [
        (
            f"{attribute.replace('_', ' ')}: {value}",
            interval(reads[attribute][value]) if attribute in reads else "–",
            interval(paints[attribute][value]) if attribute in paints else "–",
        )
        for attribute in (reads or paints)
        for value in (reads or paints)[attribute]
    ]
    return table(("group", "reads", "paints"), rows)


def bench_table(measured: Json) -> str:
    speed = measured["pipeline"]
    flops = speed["matmul_gflop_per_second"]
    rows = [
        (f"one {name.replace('attributes', 'attribute table')}", f"{seconds:.2f} s", f"{work:,}")
        for (name, seconds), work in zip(
            speed["seconds"].items(), speed["float32_gflop"].values(), strict=True
        )
    ]
    rate = f"{flops['float32']:.0f} (float32) and {flops['bfloat16']:.0f} (bf16) GFLOP/s"
    lines = [
        f"**Cost** on {speed['threads']} CPU threads with matrix products at {rate}",
        table(("what", "time", "float32 GFLOP in that time"), rows),
    ]
    weights = measured["weights"]
    copies = weights.get("copy_bytes", 0)
    lines.append(
        f"NF4 holds {percent(weights['nf4_share_of_attention_and_experts'])} of the attention and "
        f"expert weights; {weights['total']['weights'] / 1e6:.1f} M weights take "
        f"{weights['total']['bytes'] / 2**20:.0f} MiB in memory and "
        f"{weights['disk_bytes'] / 2**20:.0f} MiB on disk. Plain copies of the NF4 weights, with "
        f"which a CPU with memory to spare computes, take another "
        f"{copies / 2**20:.0f} MiB."
    )
    if ratios := measured.get("ratios"):
        lines.append("\n".join(f"- {line}" for line in ratio_lines(ratios)))
    if app := measured.get("app"):
        lines.append(
            f"The app serves after {app['start_up_seconds']:.0f} s; its first face takes "
            f"{app['first_face_seconds']:.1f} s; peak memory {app['peak_memory_mib']} MiB."
        )
    return "\n\n".join(lines)


def told_apart(text: str, section: Json, merged: Json) -> str:
    """`text` of a section, with a word that another checkpoint was measured if that is so."""
    of, shipped = section.get("checkpoint"), merged.get("generation", {}).get("checkpoint")
    if None in (of, shipped) or of == shipped:
        return text
    return f"{text}\n\n(Measured on an earlier checkpoint, `{of}`, with the judge of its time.)"


def probes_table(measured: Json) -> str:
    check, neutral = measured["self_check"], measured["neutral_prompts"]
    rows = [
        ("captions of unseen combinations, the first picture", interval(check["first"])),
        (
            f"the best of {check['candidates']} by the model's own eyes",
            interval(check["best_by_itself"]),
        ),
        (f"the best of {check['candidates']} by the judge's eyes", interval(check["oracle"])),
        ("captions of combinations seen in training", interval(measured["seen_combinations"])),
        ('prompts with "no", "not" and "without"', interval(measured["negations"])),
    ]
    groups = "; ".join(
        ", ".join(f"{value} {percent(share)}" for value, share in shares.items())
        for shares in neutral.values()
    )
    return (
        f"{table(('painted', 'asked attributes right'), rows)}\n\n"
        f'{measured["num_neutral"]} pictures of prompts like "a person", by the judge\'s eyes: '
        f"{groups}. Mean distance between the features of two pictures of one prompt: "
        f"{measured['spread_of_one_prompt']:.1f}; of two renders: "
        f"{measured['spread_of_renders']:.1f}."
    )


def frontier_table(measured: Json) -> str:
    default = (DEFAULT_STEPS, DEFAULT_GUIDANCE, DEFAULT_STEERING)
    rows = [
        (
            f"{row['steps']}"
            + " (default)" * ((row["steps"], row["guidance"], row["steering"]) == default),
            f"{row['guidance']:g}",
            f"{row['steering']:g}",
            f"{row['seconds_per_face']:.2f} s",
            percent(row["agreement"]["share"]),
            percent(row["one_clear_face"]["share"]),
            f"{row['fd_elite0']:.1f}",
        )
        for row in measured["rows"]
    ]
    head = (
        "steps",
        "guidance",
        "steering",
        "a face",
        "asked attributes right",
        "one clear face",
        "FD-ELite0",
    )
    what = f"the same {measured['count']} captions and seeds in every row"
    title = f"**Steps, guidance and steering**, {what}"
    return f"{title}\n\n{table(head, rows)}"


def compare_table(measured: Json) -> str:
    rows = [
        (
            name,
            interval(row["accuracy"]),
            percent(row["same_attributes"]["share"]),
            percent(row["same_answers"]["share"]),
            percent(row["same_codes"]),
            f"{row['file_mib']:.0f} MiB",
            " + ".join(f"{row[kind]:.0f}" for kind in ("weight_mib", "copy_mib") if row[kind])
            + " MiB",
        )
        for name, row in measured["forms"].items()
    ]
    first = next(iter(measured["forms"]))
    same = f"as {first}:"
    head = (
        *("weights", "reads", f"{same} attributes", f"{same} answers", f"{same} codes"),
        *("file", "memory"),
    )
    return (
        f"**What NF4 costs**, same seeds and questions\n\n{table(head, rows)}\n\n"
        "On a CPU, what is not NF4 is held in float32, and where memory is to spare plain copies "
        "of what is NF4 stand beside it (+)."
    )


def render(merged: Json) -> str:
    """All sections that were measured, as Markdown."""
    parts = []
    if understanding := merged.get("understanding"):
        parts.append(understanding_tables(understanding))
    if photographs := merged.get("photographs"):
        parts.append(photograph_table(photographs))
    if generation := merged.get("generation"):
        parts.append(generation_tables(generation))
    if crowd := merged.get("crowd"):
        parts.append(told_apart(crowd_text(crowd), crowd, merged))
    if probes := merged.get("probes"):
        parts.append(told_apart(probes_table(probes), probes, merged))
    if bench := merged.get("bench"):
        parts.append(told_apart(bench_table(bench), bench, merged))
    if judge := merged.get("judge"):
        accepted = percent(judge["faces_accepted"]["share"])
        worst = min(judge["negatives_refused"].values(), key=lambda rate: rate["share"])
        parts.append(
            f"The judge reads {interval(judge['all'])} of the values of unseen renders, accepts "
            f"{accepted} of them as one clear face, and refuses {percent(worst['share'])} of the "
            "hardest kind of spoilt picture."
        )
    details: dict[str, list[str]] = {
        "By attribute and by group": [],
        "Settings and formats": [],
        "Losses and experts": [],
    }
    closer, other, arms = details.values()
    if any(merged.get(name) for name in ("understanding", "generation", "judge")):
        closer.append(attribute_table(merged))
    if any(merged.get(name) for name in ("understanding", "generation")):
        closer.append(group_table(merged))
    if tried := merged.get("frontier"):
        other.append(told_apart(frontier_table(tried), tried, merged))
    if compared := merged.get("compare"):
        other.append(compare_table(compared))
    if ablated := merged.get("ablation"):
        arms.append(ablation_tables(ablated))
    for title, tables in details.items():
        if tables:
            body = "\n\n".join(tables)
            parts.append(f"<details><summary>{title}</summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts)


def write_report(folder: Path, out: Path, documents: list[Path]) -> Json:
    """Merge the folder's sections into `out` and renew the tables of every document.

    Nothing is written unless everything can be. Returns what was merged.
    """
    merged = merge(folder)
    text = render(merged)
    renewed = {path: insert(path.read_text(), "report", text, str(path)) for path in documents}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n")
    for path, content in renewed.items():
        path.write_text(content)
    return merged
