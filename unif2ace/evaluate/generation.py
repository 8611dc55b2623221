"""How well painted faces follow their words, how many are one clear face, how real they look.

The judge reads the pictures; what it reads off true renders is printed beside, since no painter
can be seen to do better than that. FD-ELite0 is a Fréchet distance on EfficientNet-Lite0 features
(not FID: other features), always beside the distance of two halves of the renders; the same on the
judge's features stands beside it, since a decoder may have learnt to match the former.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from unif2ace.areas import AREA_POINTS
from unif2ace.attributes import ATTRIBUTES, Vocabulary, hidden_attributes, visible
from unif2ace.checkpoint import is_prequantized
from unif2ace.encoders import EfficientNetLite0
from unif2ace.evaluate.faces import LabelledFaces, stack_images
from unif2ace.evaluate.judge import Judge, Verdict
from unif2ace.evaluate.metrics import frechet_distance, rate
from unif2ace.parsing import parse_constraints
from unif2ace.pipeline import UniF2acePipeline, to_image
from unif2ace.records import DEFAULT_STEERING
from unif2ace.synth.captions import Style, caption
from unif2ace.synth.sampling import Split, sample_attributes
from unif2ace.train.perceptual import imagenet_network, pooled_features
from unif2ace.vq import Told

VISITOR_PROMPTS = (
    "a smiling woman with red hair",
    "old man with a white beard",
    "a bald man with glasses",
    "angry man",
    "young woman with long blond hair and blue eyes",
    "woman wearing sunglasses",
    "a surprised old woman",
    "man with a mustache and a black shirt",
    "dark-skinned woman with earrings, laughing",
    "a sad young man looking down",
    "woman with a ponytail and red lipstick",
    "a man in a beanie",
    "elderly lady with short gray hair and round glasses",
    "young man with green eyes and freckles",
    "a woman winking",
    "man with his eyes closed",
    "someone with brown skin and a yellow shirt in front of a green background",
    "a middle-aged man, head turned to the left",
    "woman with a braid, blue background",
    "a laughing bald man with a full beard",
    "pale woman with black hair and a headband",
    "man with a goatee lit from the right, warm light",
    "a woman with a bob and rectangular glasses",
    "stubble, thick eyebrows, looking to the left",
)
"""As visitors type them; what they leave open is judged as open."""

STYLES: tuple[Style, ...] = ("tags", "short", "plain", "long")
FEATURE_SIZE = 224  # px at which ImageNet weights were trained
GROUPED_BY = ("gender", "age", "skin_tone")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A prompt and, for every attribute that it narrows, the values that fulfil it."""

    prompt: str
    allowed: Mapping[str, frozenset[str]]


def grammar_requests(
    count: int,
    seed: int,
    *,
    fits: Callable[[str], bool] = lambda prompt: True,
    split: Split = "test",
    known: Collection[str] = tuple(ATTRIBUTES),
) -> list[Request]:
    """Captions of faces with attribute combinations held out of training, styles in turn.

    Those of `split` "train" are combinations that training has seen. Captions that do not fit the
    model are passed over, so that styles may be uneven. They say and vary only what is `known`.
    """
    requests: list[Request] = []
    number = seed
    while len(requests) < count:
        attributes = sample_attributes(number, split, known)
        said = caption(
            attributes,
            visible(attributes).keys() & set(known),
            generator=random.Random(number),
            style=STYLES[number % len(STYLES)],
        )
        number += 1
        allowed = {name: frozenset({value}) for name, value in said.mentioned.items()}
        if fits(said.text):
            requests.append(Request(prompt=said.text, allowed=allowed))
    return requests


def requests_for(
    pipe: UniF2acePipeline, count: int, seed: int, *, split: Split = "test"
) -> list[Request]:
    """`grammar_requests` of what a checkpoint knows, in captions that it takes."""
    known = pipe.config.attributes
    return grammar_requests(count, seed, fits=partial(fits, pipe), split=split, known=known)


def fits(pipe: UniF2acePipeline, prompt: str) -> bool:
    """Whether the model takes a prompt of this length."""
    try:
        pipe.check_prompt(prompt)
    except ValueError:
        return False
    return True


def visitor_requests() -> list[Request]:
    """The fixed prompts, read by the parser."""
    return [request_of(prompt) for prompt in VISITOR_PROMPTS]


def request_of(prompt: str) -> Request:
    """A prompt as the parser reads it; what it hides by its own words is not asked."""
    constraints = parse_constraints(prompt)
    settled = {name: next(iter(v)) for name, v in constraints.items() if len(v) == 1}
    hidden = hidden_attributes(settled)
    allowed = {name: values for name, values in constraints.items() if name not in hidden}
    return Request(prompt=prompt, allowed=allowed)


def paint(
    pipe: UniF2acePipeline,
    requests: Sequence[Request],
    *,
    seed: int,
    steps: int,
    guidance: float,
    steering: float,
    kept: Path | None = None,
) -> list[Image.Image]:
    """One picture per request; request i has seed + i.

    kept: folder where each lies once it is painted, and is found again by what it was painted
        from: checkpoint as it was loaded, prompt and settings, but not the code. None keeps none.
    """
    pictures = []
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    for i, request in enumerate(tqdm(requests, desc="paint", unit="face")):
        settings: dict[str, Any] = {"steps": steps, "guidance": guidance, "steering": steering}
        settings["seed"] = seed + i
        file = None
        if kept is not None:
            form = (is_prequantized(pipe.config), str(pipe.model.dtype), pipe.device.type)
            about = json.dumps([pipe.checkpoint, form, request.prompt, settings], sort_keys=True)
            file = kept / f"{hashlib.sha256(about.encode()).hexdigest()[:24]}.png"
            if file.exists():
                pictures.append(Image.open(file).convert("RGB"))
                continue
        pictures.append(pipe.generate(request.prompt, **settings)[0].image)
        if file is not None:
            draft = file.with_suffix(".new")
            pictures[-1].save(draft, format="png")
            draft.replace(file)
    return pictures


def outcomes(request: Request, verdict: Verdict) -> dict[str, bool]:
    """Per attribute asked for, if the judge knows it, whether it sees an allowed value."""
    return {
        name: verdict.values[name] in allowed
        for name, allowed in request.allowed.items()
        if name in verdict.values
    }


def agreement(requests: Sequence[Request], verdicts: Sequence[Verdict]) -> dict[str, list[bool]]:
    """{attribute: per request that asked for it, whether the judge sees an allowed value}."""
    table: dict[str, list[bool]] = {name: [] for name in ATTRIBUTES}
    for request, verdict in zip(requests, verdicts, strict=True):
        for name, is_right in outcomes(request, verdict).items():
            table[name].append(is_right)
    return {name: found for name, found in table.items() if found}


def summary(requests: Sequence[Request], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Agreement over all asked attributes, of whole pictures, by attribute, size and group.

    `other_prompt` is the agreement with the next request's words instead: what a painter gets
    that ignores its prompt.
    """

    def asked(pairs: Sequence[tuple[Request, Verdict]]) -> list[bool]:
        return [is_right for pair in pairs for is_right in outcomes(*pair).values()]

    pairs = list(zip(requests, verdicts, strict=True))
    shifted = list(zip(requests, [*verdicts[1:], *verdicts[:1]], strict=True))
    sizes = {"1-3 asked": range(1, 4), "4-9 asked": range(4, 10), "10+ asked": range(10, 99)}
    by_size = {
        label: rate(asked([(r, v) for r, v in pairs if len(r.allowed) in span])).to_json()
        for label, span in sizes.items()
    }
    groups: dict[str, dict[str, Any]] = {}
    for attribute in GROUPED_BY:
        for value in ATTRIBUTES[attribute].values:
            of_group = [(r, v) for r, v in pairs if r.allowed.get(attribute) == {value}]
            groups.setdefault(attribute, {})[value] = rate(asked(of_group)).to_json()
    return {
        "num_pictures": len(pairs),
        "agreement": rate(asked(pairs)).to_json(),
        "other_prompt": rate(asked(shifted)).to_json(),
        "all_asked_right": rate([all(asked([p])) for p in pairs if p[0].allowed]).to_json(),
        "one_clear_face": rate([v.has_face for v in verdicts]).to_json(),
        "attributes": {n: rate(o).to_json() for n, o in agreement(requests, verdicts).items()},
        "by_size": by_size,
        "groups": groups,
    }


def requests_of(faces: LabelledFaces) -> list[Request]:
    """Each render as if everything that can be seen of it had been asked for."""
    return [
        Request(prompt="", allowed={n: frozenset({v}) for n, v in faces.seen(i).items()})
        for i in range(len(faces))
    ]


@torch.inference_mode()
def reconstructions(
    pipe: UniF2acePipeline,
    images: Sequence[Image.Image],
    told: Told | None = None,
) -> list[Image.Image]:
    """The pictures through the image tokenizer and back.

    told: what can be seen on them, for the decoder to hear: the best any painter can do.
    """
    rebuilt = []
    for i, image in enumerate(tqdm(images, desc="reconstruct", unit="face")):
        words = told and told.row(i).to(pipe.device)
        rebuilt.append(to_image(pipe.model.decode_codes(pipe.encode(image).codes, words)[0]))
    return rebuilt


def told_of(faces: LabelledFaces, attributes: Vocabulary) -> Told:
    """What can be seen on renders, as a decoder is told it."""
    words = [
        [values.index(seen[name]) if name in seen else len(values) for name, values in attributes]
        for seen in map(faces.seen, range(len(faces)))
    ]
    points = torch.from_numpy(faces.landmarks[:, AREA_POINTS])
    return Told(words=torch.tensor(words), points=points)


@torch.inference_mode()
def perceptual_features(pixels: Tensor, network: EfficientNetLite0) -> np.ndarray:
    """(n, 3, S, S) pixels in [-1, 1] to (n, 1280) pooled features, at 224 px."""
    parts = []
    for batch in pixels.split(16):
        large = F.interpolate(batch, (FEATURE_SIZE, FEATURE_SIZE), mode="bilinear")
        parts.append(pooled_features(network, network.stages(large)[-1]))
    return torch.cat(parts).numpy()


def frechet_report(
    pictures: Mapping[str, Tensor], renders: Tensor, features: Callable[[Tensor], np.ndarray]
) -> dict[str, Any]:
    """Fréchet distance of n pictures of each kind to n renders, and of n other renders to those.

    `renders` must hold 2n faces. Equal n everywhere, since small samples raise the distance.
    features: (n, 3, S, S) pixels to (n, D).
    """
    count = len(renders) // 2
    counts = {name: len(shown) for name, shown in pictures.items()}
    if len(renders) % 2 or set(counts.values()) != {count}:
        raise ValueError(
            f"need half as many pictures of each kind as renders, got {counts} and "
            f"{len(renders)} renders"
        )
    reference, other = features(renders).reshape(2, count, -1)
    distances = {
        f"{name}_to_renders": frechet_distance(features(shown), reference)
        for name, shown in pictures.items()
    }
    distances["renders_to_renders"] = frechet_distance(other, reference)
    return {"n": count} | {name: float(f"{value:.5g}") for name, value in distances.items()}


def frechet_reports(
    pictures: Mapping[str, Tensor], renders: Tensor, judge: Judge
) -> dict[str, dict[str, Any]]:
    """`frechet_report` on the ImageNet network's features and on those of the judge, which no
    painter was trained on."""
    network = imagenet_network()
    return {
        "fd_elite0": frechet_report(
            pictures, renders, partial(perceptual_features, network=network)
        ),
        "fd_judge": frechet_report(pictures, renders, judge.features),
    }


def evaluate_crowd(
    pipe: UniF2acePipeline,
    judge: Judge,
    faces: LabelledFaces,
    *,
    count: int,
    seed: int,
    steps: int,
    guidance: float,
    kept: Path | None = None,
) -> dict[str, Any]:
    """What `evaluate_generation` measures of painted captions alone, so of more of them.

    `faces` are unseen renders, 2 * count of them at least. kept: as of `paint`.
    """
    renders = _renders(faces, count)
    settings = _settings(seed, steps, guidance)
    grammar, size = requests_for(pipe, count, seed), pipe.image_size
    painted = paint(pipe, grammar, **settings, kept=kept)
    pictures = {"painted": stack_images(painted, size)}
    return {
        "checkpoint": pipe.checkpoint,
        "settings": settings,
        "captions": summary(grammar, judge.examine(painted)),
        **frechet_reports(pictures, stack_images(renders, size), judge),
    }


def _settings(seed: int, steps: int, guidance: float) -> dict[str, Any]:
    return {"seed": seed, "steps": steps, "guidance": guidance, "steering": DEFAULT_STEERING}


def _renders(faces: LabelledFaces, count: int) -> list[Image.Image]:
    """Twice `count` of them; ValueError where there are fewer."""
    if len(faces) < 2 * count:
        raise ValueError(f"{count} pictures need {2 * count} unseen renders, got {len(faces)}")
    return [faces.image(i) for i in range(2 * count)]


def evaluate_generation(
    pipe: UniF2acePipeline,
    judge: Judge,
    faces: LabelledFaces,
    *,
    count: int,
    seed: int,
    steps: int,
    guidance: float,
    kept: Path | None = None,
) -> dict[str, Any]:
    """Everything above on `count` grammar captions and the visitors' prompts.

    `faces` are unseen renders, 2 * count of them at least. kept: as of `paint`.
    """
    renders = _renders(faces, count)
    settings = _settings(seed, steps, guidance)
    grammar = requests_for(pipe, count, seed)
    visitors = visitor_requests()
    painted = paint(pipe, grammar, **settings, kept=kept)
    unseeing = paint(pipe, grammar, **(settings | {"steering": 0.0}), kept=kept)
    by_visitors = paint(pipe, visitors, **settings, kept=kept)
    known = faces.knowing(pipe.config.attributes)
    told = told_of(known, pipe.config.encoders.attributes).rows(slice(count, 2 * count))
    rebuilt = reconstructions(pipe, renders[count:], told)
    untold = reconstructions(pipe, renders[count:])
    truths = requests_of(known)
    size = pipe.image_size
    return {
        "checkpoint": pipe.checkpoint,
        "settings": settings,
        "captions": summary(grammar, judge.examine(painted)),
        "unseeing": summary(grammar, judge.examine(unseeing)),
        "visitors": summary(visitors, judge.examine(by_visitors)),
        "heard_in_edits": rate([pipe.hears_plan(picture) for picture in painted]).to_json(),
        "renders": summary(truths[: 2 * count], judge.examine(renders)),
        "rebuilt": summary(truths[count : 2 * count], judge.examine(rebuilt)),
        "untold": summary(truths[count : 2 * count], judge.examine(untold)),
        **frechet_reports(
            {
                "painted": stack_images(painted, size),
                "unseeing": stack_images(unseeing, size),
                "rebuilt": stack_images(rebuilt, size),
            },
            stack_images(renders, size),
            judge,
        ),
    }
