"""The playground in a real browser, on a server that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.serving.running import Running
from tests.traced import sampled
from tests.tracing.pages import NASTY
from tts_select.core.json_text import to_json

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page of a server of the embedded models is."""
    with Running([], tmp_path_factory.mktemp("server")) as server:
        yield server.url.removesuffix("/v1") + "/ui"


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page in a tab, which complains of nothing and asks its own server alone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab, complaints, requests = context.new_page(), [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(address)
    yield tab
    context.close()
    assert complaints == []
    assert all(url.startswith(address) for url in requests)


def answered(tab: Any, *events: dict[str, Any]) -> None:
    """The server's answer from here on."""
    body = "".join(f"data: {to_json(event)}\n\n" for event in events)
    tab.route(
        "**/ui/solve",
        lambda route: route.fulfill(status=200, content_type="text/event-stream", body=body),
    )


def solve(tab: Any) -> None:
    tab.get_by_role("button", name="Solve").click()
    tab.wait_for_selector("button[type=submit]:not([disabled])", timeout=90_000)


def test_a_problem_is_solved_and_shown_with_its_decisions(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        tab.get_by_label("Problem", exact=True).fill("Start with 14. Multiply by 3. What is the result?")
        solve(tab)
        assert tab.locator(".strip .answer").inner_text() == "42"
        assert tab.locator(".lane > li").count() >= 2
        assert tab.locator(".outcome").count() == 1


def test_two_prices_stand_side_by_side(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        tab.get_by_label("Or pick one").select_option(index=2)
        tab.get_by_label("and at a second price").check()
        tab.get_by_role("group", name="Beside it").get_by_role("button", name="low").click()
        solve(tab)
        assert tab.locator(".column .strip").count() == 2
        rows = tab.locator("section[aria-label='Side by side'] tbody tr")
        assert [rows.nth(k).inner_text().split("\t")[0] for k in range(2)] == ["effort medium", "effort low"]


def test_a_search_shows_its_tree(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        tab.get_by_text("Model and method").click()
        tab.get_by_label("Method").select_option("beam")
        tab.get_by_label("Budget N").fill("8")
        solve(tab)
        assert tab.locator(".tree rect").count() > 1


def test_no_text_of_a_reply_acts_on_the_page(browser: Any, address: str) -> None:
    trace = sampled(NASTY, lambda _, k: f"{NASTY} {k}\n\n\\boxed{{53}}", name=NASTY)
    rounds = [{"decision": {**d, "now": d["evidence"]}, "bill": trace["bill"]} for d in trace["decisions"]]
    with opened(browser, address) as tab:
        answered(tab, *rounds, {"tts": {}, "text": NASTY, "trace": trace})
        tab.get_by_label("Problem", exact=True).fill(NASTY)
        solve(tab)
        assert tab.evaluate("document.body.dataset.owned === undefined")
        assert "<script>document.body.dataset.owned = 1</script>" in tab.locator(".question").inner_text()
        assert tab.locator("main img, main script").count() == 0


def test_a_complaint_of_the_server_is_told(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        answered(tab, {"error": {"message": "there is no <b>banana</b>"}})
        solve(tab)
        assert tab.get_by_role("alert").inner_text() == "there is no <b>banana</b>"


def test_the_page_is_used_with_keys_alone(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        tab.get_by_label("Problem", exact=True).focus()
        names = []
        for _ in range(9):
            tab.keyboard.press("Tab")
            names.append(tab.evaluate("document.activeElement.textContent || document.activeElement.id"))
        assert "Solve" in names
        assert "beside" in names


def test_it_can_be_stopped(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        tab.route("**/ui/solve", lambda route: None)  # it is never answered
        tab.get_by_role("button", name="Solve").click()
        tab.get_by_role("button", name="Stop").click()
        assert tab.get_by_role("alert").inner_text() == "stopped"
