"""Results as small pieces of HTML. Every text that comes from outside is escaped here.

Colour is never the only signal: each bar has its number, each state its word. `language` is one
of `LANGUAGES`; what a button puts into a prompt or a question is English in all of them.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from unif2ace.attributes import ATTRIBUTES
from unif2ace.composing import phrase
from unif2ace.languages import say
from unif2ace.links import Link
from unif2ace.parsing import ABSENT
from unif2ace.provenance import Verification
from unif2ace.serving import Painting
from unif2ace.value_names import value_name
from unif2ace.wording import DETAIL_QUESTION, NOT_VISIBLE, canonical_question, likeliest_value

# Title: regions of `Attribute.region` that are shown together
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Face": ("face", "skin", "cheeks", "chin", "forehead", "neck"),
    "Hair": ("hair",),
    "Eyes": ("eyes", "brows"),
    "Nose and mouth": ("nose", "mouth"),
    "Ears and clothes": ("ears", "clothes"),
    "Pose": ("pose",),
    "Light": ("scene",),
}
Known = Mapping[str, tuple[str, ...]]  # attribute: values, as `UniF2aceConfig.attributes`
SURE, UNSURE = 0.8, 0.4
NOTHING_PAINTED = "Press Generate. While it paints, the pieces that are still open show here."
NOTHING_VERIFIED = "The answer appears here."


def grouped(known: Collection[str]) -> dict[str, list[str]]:
    """{title: names of attributes}, every known attribute once, no group empty."""
    groups = {
        title: [name for name in known if ATTRIBUTES[name].region in regions]
        for title, regions in GROUPS.items()
    }
    return {title: names for title, names in groups.items() if names}


# -- choosing instead of typing ----------------------------------------------------------------


def question_chooser(known: Known, language: str) -> str:
    """Buttons with the question about each known attribute, by region; first, about everything."""

    def chip(name: str) -> str:
        question = canonical_question(name)
        words = question if language == "en" else attribute_name(name, language)
        return _chip("question", question, words)

    panels = {"Face": _chip("question", DETAIL_QUESTION, say(DETAIL_QUESTION, language))}
    for title, names in grouped(known).items():
        panels[title] = panels.get(title, "") + "".join(map(chip, names))
    return _chooser(panels, "Or pick a question", language)


def value_chooser(known: Known, language: str) -> str:
    """Buttons with the known values, by region; they say whether they are picked."""
    panels = {}
    for title, names in grouped(known).items():
        rows = []
        for name in names:
            called = attribute_name(name, language)
            chips = "".join(
                _chip(name, value, value_name(name, value, language), called)
                for value in _in_order(known[name])
            )
            rows.append(f'<div class="row"><span>{called}</span>{chips}</div>')
        panels[title] = "".join(rows)
    return _chooser(panels, "Or pick what you want to see", language)


def _in_order(values: Sequence[str]) -> Sequence[str]:
    """Steps of a scale from the first to the last; the plain value is their first otherwise."""
    return sorted(values, key=int) if all(value.isdigit() for value in values) else values


def _chip(name: str, value: str, words: str, attribute: str = "") -> str:
    """A button that says `words`; with an attribute, one that is pressed or not."""
    label = f"{attribute}: {words}"
    state = f' aria-pressed="false" aria-label="{escape(label)}"' if attribute else ""
    return (
        f'<button type="button" class="chip" data-name="{escape(name)}" '
        f'data-value="{escape(value)}"{state}>{escape(words)}</button>'
    )


def _chooser(panels: Mapping[str, str], heading: str, language: str) -> str:
    """One button per panel; assets/page.js shows one panel at a time."""
    tabs = "".join(
        f'<button type="button" data-panel="{i}" aria-expanded="{str(i == 0).lower()}">'
        f"{say(title, language)}</button>"
        for i, title in enumerate(panels)
    )
    shown = "".join(
        f'<div data-panel="{i}"{"" if i == 0 else " hidden"}>{panel}</div>'
        for i, panel in enumerate(panels.values())
    )
    heading = f'<p class="quiet">{say(heading, language)}</p>'
    return f'<div class="chooser">{heading}<div class="regions">{tabs}</div>{shown}</div>'


# -- painting ----------------------------------------------------------------------------------


def mosaic(painting: Painting, language: str = "en") -> str:
    """The painting as coarse tiles, one per image token; hatched where still masked."""
    rows, columns = painting.is_masked.shape
    small = painting.preview.convert("RGB").resize((columns, rows), Image.Resampling.BOX)
    colors = np.asarray(small).reshape(-1, 3)
    tiles = "".join(
        '<i class="open"></i>' if is_open else f'<i style="background:rgb({r},{g},{b})"></i>'
        for is_open, (r, g, b) in zip(painting.is_masked.flat, colors.tolist(), strict=True)
    )
    left, total = int(painting.is_masked.sum()), painting.is_masked.size
    if left:
        said = say("Step {} of {}: {} of {} pieces still open", language)
        words = said.format(painting.step, painting.num_steps, left, total)
    else:
        said = say("Step {} of {}: all pieces painted", language)
        words = said.format(painting.step, painting.num_steps)
    return (
        f'<div class="mosaic" role="img" aria-label="{words}" '
        f'style="grid-template-columns:repeat({columns},1fr)">{tiles}</div>'
        f'<p class="quiet legend"><span><i class="open"></i>{say("still open", language)}</span> '
        f'<span><i class="done"></i>{say("painted", language)}</span></p>'
        f'<p class="quiet" id="progress">{words}</p>'
    )


def quiet(english: str, language: str = "en") -> str:
    return f'<p class="quiet">{say(english, language)}</p>'


def agreement(
    asked: Mapping[str, Sequence[str]], scores: Mapping[str, float], language: str = "en"
) -> str:
    """How sure the model is, looking at its own picture, of each attribute that was asked for.

    asked: per attribute the values that would do.
    """
    if not scores:
        words = "The words name nothing that could be checked in the picture."
        return quiet(words, language)
    rows = "".join(
        f"<tr><th scope='row'>{_open(name, asked[name], language)}</th><td>{_bar(p)}</td>"
        f"<td>{_verdict(p, language)}</td></tr>"
        for name, p in scores.items()
    )
    caption = say("Asked for, and how surely the AI sees it", language)
    return f"<table class='facts'><caption>{caption}</caption>{rows}</table>"


def chosen(values: Mapping[str, str], language: str = "en") -> str:
    """What the words left open and the model settled before it painted; closed at first."""
    if not values:
        return ""
    said = ", ".join(_asked(name, value, language) for name, value in values.items())
    summary = say("What your words left open, the AI chose itself", language)
    return f"<details id='chosen' class='quiet'><summary>{summary}</summary><p>{said}</p></details>"


def _open(name: str, values: Sequence[str], language: str) -> str:
    """One of several values: each of them, or, if any but none at all will do, the attribute."""
    present = set(ATTRIBUTES[name].values) - {ABSENT.get(name)}
    if name in ABSENT and len(values) > 1 and set(values) == present:
        return attribute_name(name, language)
    if language != "en":
        listed = [escape(value_name(name, value, language)) for value in values]
        return f"{attribute_name(name, language)}: {' / '.join(listed)}"
    return " / ".join(_asked(name, value, language) for value in values)


def _asked(name: str, value: str, language: str) -> str:
    if language != "en":
        return f"{attribute_name(name, language)}: {escape(value_name(name, value, language))}"
    return escape(phrase(name, value)[1] or value)


def _verdict(probability: float, language: str) -> str:
    if probability >= SURE:
        return f"✓ {say('seen', language)}"
    if probability >= UNSURE:
        return f"~ {say('perhaps', language)}"
    return f"✗ {say('not seen', language)}"


def result_line(settings: Mapping[str, str | int | float], language: str = "en") -> str:
    """Which seed painted this, and a link that repeats it.

    A changed part has no link: it would have to hold the picture that was changed.
    """
    link = Link(
        tab="generate",
        prompt=str(settings["prompt"]),
        seed=int(settings["seed"]),
        steps=int(settings["steps"]),
        guidance=float(settings["guidance"]),
        checkpoint=str(settings["checkpoint"]),
    )
    numbers = say("{} steps · guidance {}", language).format(
        settings["steps"], f"{settings['guidance']:g}"
    )
    if "region" in settings:
        part = attribute_name(str(settings["region"]), language)
        origin = say("Changed: {}", language).format(part)
    else:
        origin = _link(link, "repeat-link", "Link that paints this again", language)
    seed = f'{say("Seed", language)} <b id="seed-used">{settings["seed"]}</b>'
    words = escape(str(settings["prompt"]))
    return f'<p id="result-line" data-words="{words}">{seed} · {numbers} · {origin}</p>'


def question_line(
    question: str,
    topic: str | None,
    checkpoint: str,
    language: str = "en",
    *,
    others: Sequence[str] = (),
) -> str:
    """What a question was taken to be about, and a link that asks it of its reader's picture.

    others: attributes that it may be about as well, each a button that asks about it.
    """
    link = Link(tab="understand", question=question, checkpoint=checkpoint)
    line = _link(link, "question-link", "Link to this question", language)
    if topic is not None:
        taken = say("Understood as a question about: {}", language)
        line = f"{taken.format(attribute_name(topic, language))} · {line}"
    if not others:
        return f"<p>{line}</p>"
    chips = "".join(
        _chip("question", canonical_question(name), attribute_name(name, language))
        for name in others
    )
    meant = say("Did you mean:", language)
    return f'<p>{line}</p><div class="meant"><span>{meant}</span>{chips}</div>'


def _link(link: Link, elem_id: str, words: str, language: str) -> str:
    return (
        f'<a id="{elem_id}" href="{escape(link.to_query())}" target="_blank" rel="noopener">'
        f"{say(words, language)}</a>"
    )


# -- looking -----------------------------------------------------------------------------------


def observations(
    table: Mapping[str, Mapping[str, float]], language: str = "en", *, title: str = ""
) -> str:
    """The likeliest value of every attribute with its probability, by region, and downloads.

    What most likely cannot be seen shares one row.
    """
    groups = []
    for group, names in grouped(table).items():
        seen = {name: likeliest_value(table[name]) for name in names}
        hidden = [name for name, value in seen.items() if value == NOT_VISIBLE]
        rows = [
            _observed(name, value, table[name], language)
            for name, value in seen.items()
            if value != NOT_VISIBLE
        ]
        if hidden:
            listed = ", ".join(attribute_name(name, language) for name in hidden)
            words = f"<em>{say('not visible', language)}</em>: {listed}"
            rows.append(f"<tr><td colspan='3'>{words}</td></tr>")
        caption = f"<caption>{say(group, language)}</caption>"
        groups.append(f"<table class='facts'>{caption}{''.join(rows)}</table>")
    downloads = " · ".join(
        f'<a download="face-attributes.{kind.lower()}" '
        f'href="data:{mime};base64,{base64.b64encode(text.encode()).decode()}">{kind}</a>'
        for kind, mime, text in (
            ("JSON", "application/json", json.dumps(table, indent=2)),
            ("CSV", "text/csv", as_csv(table)),
        )
    )
    links = f"<p id='downloads'>{say('Download as', language)} {downloads}</p>"
    return f"{title}<div class='groups'>{''.join(groups)}</div>{links}"


def _observed(name: str, value: str, values: Mapping[str, float], language: str) -> str:
    def called(value: str) -> str:
        if value == NOT_VISIBLE:
            return say(value, language)
        return value_name(name, value, language)

    everything = ", ".join(f"{called(v)} {100 * q:.0f} %" for v, q in values.items())
    return (
        f"<tr title='{escape(everything)}'><th scope='row'>{attribute_name(name, language)}</th>"
        f"<td>{escape(called(value))}</td>"
        f"<td>{_bar(values[value])}</td></tr>"
    )


def as_csv(table: Mapping[str, Mapping[str, float]]) -> str:
    """One line per value: attribute, value, probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["attribute", "value", "probability"])
    for name, values in table.items():
        writer.writerows([name, value, round(p, 6)] for value, p in values.items())
    return text.getvalue()


_NAMES = {"age_years": "Decade of age", "skin_tone_monk": "Monk skin tone"}


def attribute_name(attribute: str, language: str) -> str:
    """What an attribute, a part or a setting is called on the page, safe in HTML."""
    words = _NAMES.get(attribute, attribute.replace("_", " ").capitalize())
    return escape(say(words, language))


def _bar(probability: float) -> str:
    percent = round(100 * probability)
    return f'<span class="bar"><b style="width:{percent}%"></b></span> {percent} %'


# -- origin ------------------------------------------------------------------------------------


def verification(found: Verification, language: str = "en") -> str:
    """What both marks say, in words."""
    is_found = found.has_invisible_mark
    strength = say("strength {:.1f}; pictures from elsewhere lie between -4 and 4", language)
    lines = [
        f"{say('Invisible mark: found' if is_found else 'Invisible mark: not found', language)} "
        f"({strength.format(found.score)})",
        say(
            "Label in the file: AI-made picture"
            if found.source_type
            else "Label in the file: none",
            language,
        ),
    ]
    if not found.is_generated:
        lines.append(
            say(
                "That proves little: marks are lost when a picture is cropped or heavily changed.",
                language,
            )
        )
    text = "".join(f"<p>{line}</p>" for line in lines)
    rows = "".join(
        f"<tr><th scope='row'>{attribute_name(str(name), language)}</th>"
        f"<td>{escape(str(value))}</td></tr>"
        for name, value in (found.settings or {}).items()
    )
    caption = say("Settings in the file", language)
    table = f"<table class='facts'><caption>{caption}</caption>{rows}</table>" if rows else ""
    return f"<h3>{say(_origin(found), language)}</h3>{text}{table}"


def _origin(found: Verification) -> str:
    """In a few words. Of the two marks only the invisible one is this program's alone."""
    if found.is_generated:
        return "✓ Painted by this AI"
    if found.settings:
        return "The file says it is from here, but the invisible mark is missing"
    if found.source_type:
        return "Made by an AI, says the file, but no mark of this one was found"
    return "No mark of this AI was found"
