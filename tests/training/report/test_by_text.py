"""What the page says of the text alone, and of what decides."""

from __future__ import annotations

from tts_select.training.report import by_text

GAIN = {"value": 0.0125, "low": -0.001, "high": 0.026}
REPORT = {
    "unit": "tokens",
    "text_only": {
        "router_minus": GAIN,
        "at_costs": [{"cost": 1200.0, "router": 0.8, "text_only": 0.7875, "difference": GAIN}],
    },
    "first_steps": {f"arm {k}": 0.1 for k in range(10)},
    "decides": {"an answer is right": {"votes": 0.75, "lengths": 0.25}, "going on": {"lengths": 1.0}},
}


def test_the_summary_says_what_looking_is_worth() -> None:
    (said,) = by_text.in_words(REPORT)
    assert "+1.2 points (-0.1 to +2.6)" in said
    assert list(by_text.in_words({})) == []


def test_both_are_shown_at_equal_cost_and_few_first_steps_are_named() -> None:
    at_cost, first = by_text.beside(REPORT)
    for shown in ("1,200 tokens", "78.8 %", "80.0 %", "+1.2 points (-0.1 to +2.6)"):
        assert shown in at_cost
    assert "arm 7" in first
    assert "arm 8" not in first
    assert "20.0 %" in first


def test_a_group_that_a_model_does_not_have_is_left_blank() -> None:
    page = by_text.decides(REPORT)
    assert page.count("75.0 %") == 1
    assert page.count("25.0 %") == 1
    assert page.count("100.0 %") == 1
    assert by_text.decides({}) == ""
