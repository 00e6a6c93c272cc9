"""The pages in a real browser: nothing in a text acts, keys work, and what-if, filters and dark mode do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.traced import sampled, searched
from tests.tracing.pages import NASTY, results, watched, written
from tts_select.tracing.traces import results_page

pytestmark = pytest.mark.browser

SHOWN = "[role=status]:not(.hidden)"
TREE_TEXT = "section[aria-label^='Search tree'] .text"
UNOWNED = "document.body.dataset.owned === undefined"


@pytest.fixture
def one(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes the page of one trace."""

    def write(trace: dict[str, Any]) -> Path:
        data = {"kind": "one", "title": trace["problem"]["id"], "subtitle": ""}
        return written(tmp_path / "one.html", data, [trace])

    return write


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The page of 60 results."""
    page = results_page(results(tmp_path / "results.jsonl", 60))
    return written(tmp_path / "many.html", dict(page.data), list(page.records))


def text_of(tab: Any, selector: str) -> str:
    found: str = tab.locator(selector).first.inner_text()
    return found


def test_no_text_acts_on_the_page(browser: Any, one: Any) -> None:
    trace = sampled(f"What? {NASTY}", lambda _, k: f"{NASTY} {k}\n\n\\boxed{{53}}", name=NASTY)
    trace["decisions"][0]["options"][0]["name"] = NASTY
    trace["errors"] = [NASTY]
    with watched(browser) as watch:
        tab = watch.open(one(trace))
        assert tab.evaluate(UNOWNED)
        assert tab.locator("main img, main script").count() == 0
        shown = text_of(tab, ".question")
        assert "<script>document.body.dataset.owned = 1</script>" in shown
        assert r"\u{2028}" in shown
        assert r"\u{202e}" in shown
        assert "onerror=" in text_of(tab, ".samples .text")


def test_texts_of_a_list_act_as_little(browser: Any, tmp_path: Path) -> None:
    page = results_page(results(tmp_path / "results.jsonl", 5, text=NASTY))
    path = written(tmp_path / "many.html", {**page.data, "title": NASTY}, list(page.records))
    with watched(browser) as watch:
        tab = watch.open(path)
        assert tab.evaluate(UNOWNED)
        assert tab.locator("main img, main script").count() == 0
        assert "<script>" in text_of(tab, "[role=option]")


def test_a_sweep_that_is_not_done_is_tables_whose_texts_do_not_act(browser: Any, tmp_path: Path) -> None:
    heads = ["", "#done", "share", "why"]
    cards = [{"title": "Progress", "heads": heads, "rows": [[NASTY, "1", 0.25, "because"]]}]
    data = {"kind": "tables", "title": NASTY, "subtitle": "1 of 4 units", "cards": cards}
    with watched(browser) as watch:
        tab = watch.open(written(tmp_path / "tables.html", data, []))
        assert tab.evaluate(UNOWNED)
        assert tab.locator("main img, main script").count() == 0
        assert "onerror=" in text_of(tab, "section[aria-label=Progress] td")
        assert tab.locator("[role=img][aria-label='25%']").count() == 1


def test_what_if_changes_with_its_sliders(browser: Any, one: Any) -> None:
    with watched(browser) as watch:
        tab = watch.open(one(sampled()))
        before = text_of(tab, ".outcome")
        assert "100% of what was spent" in before
        tab.get_by_label("Price of compute").press("End")
        assert text_of(tab, ".outcome") != before
        tab.get_by_label("Price of compute").press("Home")
        assert "was not sampled" in text_of(tab, ".outcome")
        tab.get_by_label("Minimum confidence").press("End")
        assert "withheld" in text_of(tab, ".outcome")


def test_decisions_are_numbered_and_each_has_its_evidence(browser: Any, one: Any) -> None:
    trace = sampled()
    with watched(browser) as watch:
        tab = watch.open(one(trace))
        numbers = tab.locator(".lane .number").all_inner_texts()
        assert numbers == [str(k + 1) for k in range(len(trace["decisions"]))]
        votes = [d["evidence"]["n_votes"] for d in trace["decisions"] if d["evidence"]["n_votes"]]
        assert tab.locator(".lane .votes").count() == len(votes)


def test_the_tree_is_walked_with_keys(browser: Any, one: Any) -> None:
    with watched(browser) as watch:
        tab = watch.open(one(searched("beam")))
        tab.locator(".tree [tabindex='0']").focus()
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        assert text_of(tab, TREE_TEXT).startswith("step 2")
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("Enter")
        assert text_of(tab, TREE_TEXT).startswith("step 1")
        tab.locator(".tree rect.pruned").first.click()
        assert "given up" in text_of(tab, TREE_TEXT)
        n_rows = tab.locator("section[aria-label^='Search tree'] table tbody tr").count()
        assert n_rows == tab.locator(".tree [role=treeitem]").count()


def test_keys_go_through_the_problems_and_the_link_follows(browser: Any, many: Path) -> None:
    with watched(browser) as watch:
        tab = watch.open(many)
        tab.keyboard.press("j")
        tab.keyboard.press("j")
        tab.locator(".detail .mono", has_text="problem 2/60").wait_for()
        assert tab.url.endswith("#p=problem%202%2F60")
        tab.keyboard.press("k")
        tab.locator(".detail .mono", has_text="problem 1/60").wait_for()
        assert tab.url.endswith("#p=problem%201%2F60")
        tab.keyboard.press("/")
        tab.keyboard.type("37")
        assert tab.locator("[role=option]").count() == 1
        tab.keyboard.press("Escape")
        assert tab.locator("[role=option]").count() > 3
        tab.keyboard.press("?")
        assert tab.locator("dialog[open]").count() == 1


def test_a_link_opens_its_problem(browser: Any, many: Path) -> None:
    with watched(browser) as watch:
        tab = watch.open(many, "#p=problem%2042%2F60")
        assert "problem 42/60" in text_of(tab, ".detail .mono").lower()
        assert "What is 42 + 42?" in text_of(tab, "[role=option][aria-selected=true]")


def test_filters_leave_what_they_name(browser: Any, many: Path) -> None:
    with watched(browser) as watch:
        tab = watch.open(many)
        wrong = tab.get_by_role("button", name=re.compile("^wrong"))
        n_wrong = int(re.findall(r"\d+", wrong.inner_text())[0])
        wrong.click()
        assert f"{n_wrong} of 60 shown" in text_of(tab, SHOWN)
        assert wrong.get_attribute("aria-pressed") == "true"
        tab.locator(".strip .chip.bad", has_text="wrong").wait_for()
        wrong.click()
        assert "60 of 60 shown" in text_of(tab, SHOWN)


def test_a_least_confidence_withholds_answers_in_the_list(browser: Any, many: Path) -> None:
    with watched(browser) as watch:
        tab = watch.open(many)
        tab.get_by_label("Minimum confidence").first.press("End")
        assert "60 shown: 1 answered" in text_of(tab, SHOWN)


def test_it_is_dark_where_that_is_asked_for(browser: Any, many: Path) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        with watched(browser, color_scheme=scheme) as watch:
            tab = watch.open(many)
            grounds.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = (sum(map(int, re.findall(r"\d+", ground)[:3])) for ground in grounds)
    assert light > 600
    assert dark < 150


def test_all_that_acts_has_a_name_and_the_frontier_a_table(browser: Any, many: Path) -> None:
    nameless = """[...document.querySelectorAll('button, input, [role=listbox], [role=img]')].filter(
        e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"""
    with watched(browser) as watch:
        tab = watch.open(many)
        assert tab.evaluate(nameless) == 0
        n_points = tab.locator(".frontier circle").count()
        assert tab.locator(".frontier table tbody tr").count() == n_points > 3


def test_the_policy_in_the_file_lets_no_other_script_run(browser: Any, many: Path) -> None:
    adds = """() => {
        const s = document.createElement('script');
        s.textContent = 'document.body.dataset.owned = 1';
        document.body.append(s);
    }"""
    with watched(browser) as watch:
        tab = watch.open(many)
        tab.evaluate(adds)
        assert tab.evaluate(UNOWNED)
        assert any("Content Security Policy" in text for text in watch.complaints)
        watch.complaints.clear()
