from __future__ import annotations

from collections.abc import Callable

import pytest

from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.records import SweepLog
from tts_select.training.routers.lookahead.probes import probe_for

S, L, PRM = "world:small", "world:large", "world:prm"


@pytest.mark.parametrize(
    ("arms", "asked", "probe"),
    [
        ([{"policy": [L, S], "method": "cot"}], {}, Probe(S, None, 1, 0.0)),
        ([{"policy": [L, S], "method": "cot"}], {"policy": L}, Probe(L, None, 1, 0.0)),
        ([{"policy": S, "method": "majority", "budget": 4}], {}, Probe(S, None, 1)),
        ([{"policy": S, "method": "majority", "budget": 4}], {"n": 3}, Probe(S, None, 3)),
        (
            [{"policy": S, "method": "majority", "budget": 4, "temperature": 1.1}],
            {"n": 2},
            Probe(S, None, 2, 1.1),
        ),
        ([{"policy": S, "prm": PRM, "method": "best_of_n", "budget": 4}], {"prm": PRM}, Probe(S, PRM, 1)),
        ([{"policy": S, "prm": PRM, "method": "beam", "budget": 4}], {}, Probe(S, None, 0)),
        (
            [{"policy": S, "prm": PRM, "method": "beam", "budget": 4}, {"policy": L, "method": "cot"}],
            {},
            Probe(L, None, 1, 0.0),
        ),
    ],
)
def test_probes_are_the_cheapest_that_the_sweep_has(
    synthetic_log: Callable[..., SweepLog],
    arms: list[dict[str, object]],
    asked: dict[str, object],
    probe: Probe,
) -> None:
    manifest = synthetic_log(2, n_samples=4, arms=arms).manifest
    assert probe_for(manifest, **asked) == probe  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [{"policy": L}, {"n": 0}, {"prm": PRM}])
def test_what_was_asked_for_is_kept_for_the_refusal(
    synthetic_log: Callable[..., SweepLog], asked: dict[str, object]
) -> None:
    arms = [{"policy": S, "method": "majority", "budget": 4}]
    found = probe_for(synthetic_log(2, n_samples=4, arms=arms).manifest, **asked)  # type: ignore[arg-type]
    assert (found.policy, found.prm) == (asked.get("policy", S), asked.get("prm"))
    assert found.temperature == 0
