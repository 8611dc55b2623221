"""How well the model reads faces: questions, whole attribute tables, free descriptions.

Everything is asked through `UniF2acePipeline` about renders it was not trained on, and read back
by `parsing`. An answer that cannot be read counts as wrong.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.evaluate.faces import LabelledFaces
from unif2ace.evaluate.metrics import (
    Statements,
    balanced_accuracy,
    calibration_bins,
    confusion,
    count_statements,
    expected_calibration_error,
    majority_share,
    rate,
)
from unif2ace.parsing import declines, parse_answer, parse_attributes, parse_yes_no
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.synth.captions import worth_describing
from unif2ace.synth.questions import QA, questions
from unif2ace.wording import NOT_VISIBLE, canonical_question, likeliest_value

GROUPED_BY = ("gender", "age", "skin_tone")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One attribute of one face: what is so, what the model read, and how sure it was."""

    face: int
    name: str
    truth: str  # a value, or NOT_VISIBLE
    said: str | None
    confidence: float = 0.0

    @property
    def is_right(self) -> bool:
        return self.said == self.truth


def read_tables(pipe: UniF2acePipeline, faces: LabelledFaces) -> list[Reading]:
    """Every attribute of every face by `pipe.attributes`: the likeliest value."""
    readings = []
    for i in tqdm(range(len(faces)), desc="attributes", unit="face"):
        seen = faces.seen(i)
        for name, table in pipe.attributes(faces.image(i)).items():
            said = likeliest_value(table)
            readings.append(
                Reading(
                    face=i,
                    name=name,
                    truth=seen.get(name, NOT_VISIBLE),
                    said=said,
                    confidence=min(1.0, table[said]),
                )
            )
    return readings


def table_summary(readings: Sequence[Reading], faces: LabelledFaces) -> dict[str, Any]:
    """Accuracy on what can be seen, on what cannot, by attribute and by group; calibration."""
    shown = [r for r in readings if r.truth != NOT_VISIBLE]
    attributes = {}
    for name in ATTRIBUTES:
        of_name = [r for r in shown if r.name == name]
        if of_name:
            truth, said = [r.truth for r in of_name], [r.said for r in of_name]
            attributes[name] = rate([r.is_right for r in of_name]).to_json() | {
                "balanced": round(balanced_accuracy(truth, said), 4),
                "majority": round(majority_share(truth), 4),
                "confusion": confusion(truth, said),
            }
    groups: dict[str, dict[str, Any]] = {}
    for attribute in GROUPED_BY:
        for value in ATTRIBUTES[attribute].values:
            of_group = [r.is_right for r in shown if faces.attributes[r.face][attribute] == value]
            groups.setdefault(attribute, {})[value] = rate(of_group).to_json()
    bins = calibration_bins([r.confidence for r in readings], [r.is_right for r in readings])
    balanced = [row["balanced"] for row in attributes.values()]
    return {
        "seen": rate([r.is_right for r in shown]).to_json(),
        "seen_but_declined": rate([r.said == NOT_VISIBLE for r in shown]).to_json(),
        "not_visible": rate([r.is_right for r in readings if r.truth == NOT_VISIBLE]).to_json(),
        "mean_balanced": round(sum(balanced) / len(balanced), 4),
        "calibration_error": round(expected_calibration_error(bins), 4),
        "calibration": [asdict(part) for part in bins],
        "attributes": attributes,
        "groups": groups,
    }


def ask_canonical(
    pipe: UniF2acePipeline, faces: LabelledFaces, *, per_face: int, seed: int
) -> dict[str, Any]:
    """Canonical questions, answered in words: are the words the attribute's true value?"""
    rng = random.Random(seed)
    outcomes = []
    for i in tqdm(range(len(faces)), desc="canonical questions", unit="face"):
        seen, image = faces.seen(i), faces.image(i)
        for name in rng.sample(sorted(seen), min(per_face, len(seen))):
            text = pipe.answer(image, canonical_question(name)).text
            outcomes.append(parse_answer(name, text) == seen[name])
    return rate(outcomes).to_json()


def is_answer_right(qa: QA, said: str) -> bool:
    """Whether `said` is right about the one attribute that `qa` asks about.

    Yes/no questions count the yes or no; about what cannot be seen, or what no face shows, the
    answer has to decline; all others count the value that is named.
    """
    if qa.kind in ("not_visible", "off_topic"):
        return declines(said)
    if qa.kind == "yes_no":
        return parse_yes_no(said) == parse_yes_no(qa.answer)
    return parse_answer(qa.attribute, said) == qa.value


def ask_grammar(
    pipe: UniF2acePipeline, faces: LabelledFaces, *, per_face: int, seed: int
) -> dict[str, Any]:
    """Questions in visitors' wording, drawn afresh: right answers by kind of question.

    Of answers about a region or the whole face, the share of right statements is counted.
    """
    rng = random.Random(seed)
    by_kind: dict[str, list[bool]] = {}
    by_region = Statements(right=0, said=0, sayable=0)
    for i in tqdm(range(len(faces)), desc="visitors' questions", unit="face"):
        drawn = questions(
            faces.attributes[i],
            faces.visible[i],
            generator=rng,
            count=per_face,
            known=pipe.config.attributes,
        )
        for qa in drawn:
            said = pipe.answer(faces.image(i), qa.question).text
            if qa.kind in ("region", "describe"):
                by_region += count_statements(parse_attributes(said), faces.seen(i))
            else:
                by_kind.setdefault(qa.kind, []).append(is_answer_right(qa, said))
    rates = {kind: rate(outcomes).to_json() for kind, outcomes in sorted(by_kind.items())}
    return rates | {"statements": by_region.precision.to_json()}


@dataclass(frozen=True, kw_only=True)
class Written:
    """A question written by hand.

    attribute: "" where no face tells what is asked. yes: to which values yes is right; None asks
        for a value.
    """

    question: str
    attribute: str
    yes: frozenset[str] | None


def read_written(path: Path) -> list[Written]:
    """Lines of JSON with `question`, `attribute` and perhaps `yes`; ValueError for others."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        written = [
            Written(
                question=row["question"],
                attribute=row["attribute"],
                yes=frozenset(row["yes"]) if "yes" in row else None,
            )
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no written questions: {error!r}") from error
    if unknown := sorted({one.attribute for one in written} - {"", *ATTRIBUTES}):
        raise ValueError(f"{path} asks about unknown attributes: {', '.join(unknown)}")
    return written


def ask_written(
    pipe: UniF2acePipeline, faces: LabelledFaces, written: Sequence[Written]
) -> dict[str, Any]:
    """Each question about two faces that show the thing, one of each truth where there are both.

    yes_no counts the yes or no, value the value that is named, off_topic whether what no face
    tells is declined, topic whether the question was taken to be about the attribute that it is
    about, topic_offered whether that or one of the others that are offered is what it is about.
    """
    outcomes: dict[str, list[bool]] = {"value": [], "yes_no": [], "off_topic": []}

    topics: dict[str, tuple[bool, bool]] = {}  # a question is understood before anyone looks

    def said_of(i: int, one: Written) -> str:
        answer = pipe.answer(faces.image(i), one.question)
        taken = answer.topic or ""
        topics[one.question] = (
            taken == one.attribute,
            one.attribute in (taken, *answer.others),
        )
        return answer.text

    for number, one in enumerate(tqdm(written, desc="written questions", unit="question")):
        if not one.attribute:
            outcomes["off_topic"].append(declines(said_of(number % len(faces), one)))
            continue
        if one.attribute not in pipe.config.attributes:
            continue
        shown = [i for i in range(len(faces)) if one.attribute in faces.visible[i]]
        shown = shown[number % max(len(shown), 1) :] + shown[: number % max(len(shown), 1)]
        truths = {i: faces.attributes[i][one.attribute] for i in shown}
        if one.yes is None:
            for i in shown[:2]:
                said = said_of(i, one)
                outcomes["value"].append(parse_answer(one.attribute, said) == truths[i])
            continue
        for is_so in (True, False):
            for i in [i for i in shown if (truths[i] in one.yes) == is_so][:1]:
                said = said_of(i, one)
                outcomes["yes_no"].append(parse_yes_no(said) == is_so)
    outcomes["topic"], outcomes["topic_offered"] = map(list, zip(*topics.values(), strict=True))
    return {kind: rate(found).to_json() for kind, found in outcomes.items() if found}


def read_descriptions(pipe: UniF2acePipeline, faces: LabelledFaces) -> dict[str, Any]:
    """Of what descriptions say, how much is so; of what can be seen, how much they say.

    Of those in a few sentences, and under `in_full` of those that are to leave nothing out. Those
    in a few sentences need not say what is ordinary: `recall_of_telling` is of the rest.
    """
    told: dict[bool, dict[str, Any]] = {}
    telling: list[bool] = []
    for in_full in (False, True):
        total = Statements(right=0, said=0, sayable=0)
        for i in tqdm(range(len(faces)), desc="descriptions", unit="face"):
            said = parse_attributes(pipe.describe(faces.image(i), in_full=in_full))
            total += count_statements(said, faces.seen(i))
            if not in_full:
                wanted = worth_describing(faces.attributes[i], faces.visible[i])
                telling += [said.get(name) == value for name, value in wanted.items()]
        told[in_full] = {"precision": total.precision.to_json(), "recall": total.recall.to_json()}
    found = rate(telling).to_json()
    return told[False] | {"recall_of_telling": found, "in_full": told[True]}


def evaluate_understanding(
    pipe: UniF2acePipeline,
    faces: LabelledFaces,
    *,
    per_face: int,
    seed: int,
    written: Sequence[Written] = (),
) -> dict[str, Any]:
    """All of the above on the same faces; `per_face` questions of each sort.

    Of what the checkpoint does not know nothing is asked.
    """
    faces = faces.knowing(pipe.config.attributes)
    by_hand = {"written_questions": ask_written(pipe, faces, written)} if written else {}
    return {
        "checkpoint": pipe.checkpoint,
        "num_faces": len(faces),
        "attributes": table_summary(read_tables(pipe, faces), faces),
        "canonical_questions": ask_canonical(pipe, faces, per_face=per_face, seed=seed),
        "visitor_questions": ask_grammar(pipe, faces, per_face=per_face, seed=seed),
        **by_hand,
        "descriptions": read_descriptions(pipe, faces),
    }
