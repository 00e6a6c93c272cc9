from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.calibration import Calibration

probabilities = st.floats(0, 1)
curves = st.integers(1, 8).flatmap(
    lambda n: st.builds(
        lambda said, is_: Calibration(tuple(sorted(said)), tuple(sorted(is_))),
        st.lists(probabilities, min_size=n, max_size=n, unique=True),
        st.lists(probabilities, min_size=n, max_size=n),
    )
)


def test_a_curve_goes_through_its_points_and_is_flat_outside() -> None:
    curve = Calibration((0.2, 0.4, 0.8), (0.1, 0.5, 0.6))
    asked = np.array([0.0, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0])
    assert curve(asked) == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.55, 0.6, 0.6])


@given(curves, st.lists(probabilities, min_size=1))
def test_it_keeps_the_order_and_stays_a_probability(curve: Calibration, said: list[float]) -> None:
    found = curve(np.sort(said))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(curves)
def test_a_curve_comes_back_from_json(curve: Calibration) -> None:
    assert Calibration.from_dict(json.loads(json.dumps(curve.as_dict()))) == curve


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"said": [0.1, 0.2], "is": [0.5, 0.4]}, "non-decreasing"),
        ({"said": [0.2, 0.1], "is": [0.4, 0.5]}, "non-decreasing"),
        ({"said": [], "is": []}, "non-decreasing"),
        ({"said": [0.1], "is": [0.1, 0.2]}, "non-decreasing"),
        ({"said": [[0.1]], "is": [[0.1]]}, "non-decreasing"),
        ({"said": [0.1, 0.2], "is": [0.1, 1.2]}, "within 0 and 1"),
        ({"said": [0.1], "is": [-0.1]}, "within 0 and 1"),
        ({"said": [0.1], "is": [float("nan")]}, "within 0 and 1"),
    ],
)
def test_what_is_no_curve_is_refused(record: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calibration.from_dict(record)
