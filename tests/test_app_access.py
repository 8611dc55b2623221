"""Everybody can use the page: by keyboard, with a screen reader, in either scheme, in a hand.

axe-core comes with the package `axe-playwright-python`.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SIZES, set_number
from playwright.sync_api import Page, expect

TABS = ("Understand", "Generate", "Routing", "Verify", "About")
LOOKS = [f"{size}-{scheme}" for size in SIZES for scheme in ("light", "dark")]


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def press(page: Page, name: str, key: str = "Enter", most: int = 60) -> None:
    """Reach a button by the Tab key alone and press it; `name` is its id or its text."""
    focus = "[document.activeElement.id, document.activeElement.innerText?.trim()]"
    for _ in range(most):
        page.keyboard.press("Tab")
        if name in page.evaluate(focus):
            page.keyboard.press(key)
            return
    pytest.fail(f"{name!r} is not reached within {most} presses of Tab")


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical, each with the first elements that show it.

    Looked at when nothing fades in any more: half-transparent text has no colour of its own.
    """
    page.wait_for_function(
        "document.getAnimations().every("
        "a => !(a instanceof CSSTransition) || a.playState !== 'running')"
    )
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {[node['html'][:200] for node in rule['nodes'][:3]]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("page", LOOKS, indirect=True)
def test_no_tab_has_a_serious_violation_with_its_results_shown(page):
    problems = {"empty": violations(page)}
    page.locator("#ask").click()
    expect(page.locator("#answer-link a")).to_be_visible()
    page.locator("#observe").click()
    expect(page.locator("#downloads")).to_be_visible()
    problems["Understand"] = violations(page)
    open_tab(page, "Generate")
    problems["Generate, empty"] = violations(page)
    page.locator("#settings button").first.click()
    set_number(page, "num-images", 2)
    page.locator("#generate").click()
    expect(page.locator("#all-painted img")).to_have_count(2)
    expect(page.locator("#history .strip img")).to_have_count(1)
    problems["Generate"] = violations(page)
    open_tab(page, "Routing")
    page.locator("#show-routing").click()
    expect(page.locator("#routing img")).to_be_visible()
    problems["Routing"] = violations(page)
    for tab in ("Verify", "About"):
        open_tab(page, tab)
        problems[tab] = violations(page)
    assert {tab: found for tab, found in problems.items() if found} == {}


def test_a_face_is_painted_by_keyboard_alone(page):
    press(page, "Generate")  # the tab
    expect(page.locator("#generate")).to_be_visible()
    press(page, "generate")
    expect(page.locator("#seed-used")).to_be_visible()


def test_a_face_is_described_by_keyboard_alone(page):
    expect(page.locator("#crop img")).to_be_visible()
    press(page, "describe", key="Space")
    expect(page.locator("#answer textarea")).not_to_have_value("")


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_every_field_and_button_has_a_name(page):
    for tab in TABS:
        open_tab(page, tab)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, textarea, input')]
                .filter(e => e.offsetParent !== null && e.type !== 'file' && !(
                    e.innerText?.trim() || e.ariaLabel || e.title || e.labels?.length
                    || e.getAttribute('aria-labelledby') || e.closest('label')
                    || e.querySelector('img[alt]:not([alt=""])')))
                .map(e => e.outerHTML.slice(0, 150))"""
        )
        assert nameless == []
