"""Results as small pieces of HTML. Every text that comes from outside is escaped here.

Colour is never the only signal: each bar has its number, each state its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image

from unif2ace.attributes import ATTRIBUTES, Kind
from unif2ace.links import Link
from unif2ace.provenance import Verification
from unif2ace.serving import Painting

KIND_TITLES: Mapping[Kind, str] = {
    "appearance": "Appearance",
    "emotion": "Emotion",
    "action": "Action",
    "accessory": "Worn",
    "scene": "Scene",
}
NOTHING_PAINTED = '<p class="quiet">While it paints, the pieces that are still open show here.</p>'
SURE, UNSURE = 0.8, 0.4


def mosaic(painting: Painting) -> str:
    """The painting as coarse tiles, one per image token; hatched where still masked."""
    rows, columns = painting.is_masked.shape
    small = painting.preview.convert("RGB").resize((columns, rows), Image.Resampling.BOX)
    colors = np.asarray(small).reshape(-1, 3)
    tiles = "".join(
        '<i class="open"></i>' if is_open else f'<i style="background:rgb({r},{g},{b})"></i>'
        for is_open, (r, g, b) in zip(painting.is_masked.flat, colors.tolist(), strict=True)
    )
    left = int(painting.is_masked.sum())
    words = f"Step {painting.step} of {painting.num_steps}: " + (
        f"{left} of {painting.is_masked.size} pieces still open" if left else "all pieces painted"
    )
    return (
        f'<div class="mosaic" role="img" aria-label="{words}" '
        f'style="grid-template-columns:repeat({columns},1fr)">{tiles}</div>'
        f'<p class="quiet" id="progress">{words}</p>'
    )


def agreement(scores: Mapping[str, float]) -> str:
    """How sure the model is, looking at its own picture, that each asked attribute is there."""
    if not scores:
        return '<p class="quiet">The words name nothing that could be checked in the picture.</p>'
    rows = "".join(
        f"<tr><th scope='row'>{_name(name)}</th><td>{_bar(p)}</td><td>{_verdict(p)}</td></tr>"
        for name, p in scores.items()
    )
    return (
        f"<table class='facts'><caption>Asked for, and seen in the picture</caption>{rows}</table>"
    )


def _verdict(probability: float) -> str:
    if probability >= SURE:
        return "✓ yes"
    return "~ perhaps" if probability >= UNSURE else "✗ no"


def observations(table: Mapping[str, Mapping[str, float]]) -> str:
    """The likeliest value of every attribute with its probability, by kind."""
    groups = []
    for kind, title in KIND_TITLES.items():
        names = [name for name in table if ATTRIBUTES[name].kind == kind]
        rows = []
        for name in names:
            value, p = max(table[name].items(), key=lambda item: item[1])
            rows.append(
                f"<tr><th scope='row'>{_name(name)}</th><td>{escape(value)}</td>"
                f"<td>{_bar(p)}</td></tr>"
            )
        if rows:
            groups.append(f"<table class='facts'><caption>{title}</caption>{''.join(rows)}</table>")
    return f"<div class='groups'>{''.join(groups)}</div>"


def _name(attribute: str) -> str:
    return escape(attribute.replace("_", " ").capitalize())


def _bar(probability: float) -> str:
    percent = round(100 * probability)
    return f'<span class="bar"><b style="width:{percent}%"></b></span> {percent} %'


def result_line(settings: Mapping[str, str | int | float]) -> str:
    """Which seed painted this, and a link that repeats it."""
    link = Link(
        tab="generate",
        prompt=str(settings["prompt"]),
        seed=int(settings["seed"]),
        steps=int(settings["steps"]),
        guidance=float(settings["guidance"]),
        checkpoint=str(settings["checkpoint"]),
    )
    return (
        f'<p id="result-line">Seed <b id="seed-used">{settings["seed"]}</b> · '
        f"{settings['steps']} steps · guidance {settings['guidance']:g} · "
        f'<a id="repeat-link" href="{escape(link.to_query())}" target="_blank" rel="noopener">'
        "Link that paints this again</a></p>"
    )


def verification(found: Verification) -> str:
    """What both marks say, in words."""
    title = "✓ Painted by this AI" if found.is_generated else "No mark of this AI was found"
    mark = (
        f"Invisible mark: {'found' if found.has_invisible_mark else 'not found'} "
        f"(strength {found.score:.1f}; pictures from elsewhere lie between -4 and 4)."
    )
    label = f"Label in the file: {'AI-made picture' if found.source_type else 'none'}."
    lines = [mark, label]
    if not found.is_generated:
        lines.append(
            "That proves little: marks are lost when a picture is cropped or heavily changed."
        )
    text = "".join(f"<p>{line}</p>" for line in lines)
    rows = "".join(
        f"<tr><th scope='row'>{_name(str(name))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in (found.settings or {}).items()
    )
    table = f"<table class='facts'><caption>Settings in the file</caption>{rows}</table>"
    return f"<h3>{title}</h3>{text}{table if rows else ''}"
