from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tts_select.selector.linear import Blocks, Linear, standardised

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


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 3), st.randoms(use_true_random=False)
)
def test_what_rows_share_may_be_looked_at_once(lengths: list[int], n_shared: int, rng: Any) -> None:
    model = Linear((0.5, 0.0, 1.0), (2.0, 1.0, 3.0), (3.0, -1.0, 0.5), 0.25)

    def values(n: int) -> list[float]:
        return [rng.choice([math.nan, math.inf, rng.gauss(0, 3)]) for _ in range(n)]

    rows = []
    for n in lengths:
        shared = values(n_shared)
        rows += [[*shared, *values(3 - n_shared)] for _ in range(n)]
    found = np.reshape(rows, (len(rows), 3))
    assert model.predict(found, Blocks(lengths, n_shared)) == pytest.approx(model.predict(found))


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
