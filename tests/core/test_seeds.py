from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.seeds import derive_seed

parts = st.lists(st.one_of(st.integers(), st.text(), st.tuples(st.text())), max_size=3)


@given(parts)
def test_equal_parts_give_equal_seeds_that_fit_63_bits(these: list[object]) -> None:
    assert derive_seed(*these) == derive_seed(*these)
    assert 0 <= derive_seed(*these) < 2**63


def test_different_parts_give_different_seeds() -> None:
    seeds = {derive_seed(seed, k) for seed in range(50) for k in range(50)}
    assert len(seeds) == 2500
    assert derive_seed(1, 23) != derive_seed(12, 3)


def test_a_seed_is_the_same_in_every_process() -> None:
    assert derive_seed(0, "problem") == 7792074590895228566
