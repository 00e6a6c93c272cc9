from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tts_select.selector.linear import Linear, standardised

MODEL = Linear((0.5, 0.0), (2.0, 1.0), (3.0, -1.0), 0.25)


def test_a_prediction_is_the_logistic_function_of_standardised_features() -> None:
    a, b = (math.asinh(4.0) - 0.5) / 2.0, math.asinh(-1.0)
    expected = 1 / (1 + math.exp(-(3.0 * a - b + 0.25)))
    assert MODEL.predict(np.array([[4.0, -1.0]])) == pytest.approx([expected])


def test_what_is_not_known_counts_as_the_mean() -> None:
    unknown, mean = MODEL.predict(np.array([[np.nan, np.nan], [math.sinh(0.5), 0.0]]))
    assert unknown == pytest.approx(mean)


@given(arrays(float, (3, 2), elements=st.floats()))
def test_any_row_has_a_probability(rows: np.ndarray) -> None:
    said = MODEL.predict(rows)
    assert ((said >= 0) & (said <= 1)).all()
    assert (np.abs(standardised(rows, MODEL.means, MODEL.spreads)) <= 4).all()


def test_it_comes_back_from_json_as_it_was() -> None:
    assert Linear.from_dict(json.loads(json.dumps(MODEL.as_dict())), 2) == MODEL


@pytest.mark.parametrize(
    ("change", "n_features"),
    [({}, 3), ({"means": [1.0]}, 2), ({"coefficients": []}, 2), ({"spreads": [1.0, 0.0]}, 2)],
)
def test_a_model_that_does_not_fit_its_features_is_refused(
    change: dict[str, list[float]], n_features: int
) -> None:
    with pytest.raises(ValueError, match="has to fit its features"):
        Linear.from_dict({**MODEL.as_dict(), **change}, n_features)
