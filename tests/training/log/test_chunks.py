"""A pool in chunks: they cover it once, and are one pool again."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.log.chunks import chunks, cut, joined, rounds, rounds_in, split
from tts_select.training.log.records import Pool, Sample, Scores

sizes = st.integers(1, 300)


def sample(k: int) -> Sample:
    return Sample(str(k), k % 2 == 0, k + 1, -float(k), "stop", f"step {k}", {"p": (k / 1000,)})


def pool(n: int) -> Pool:
    tokens = list(accumulate(range(1, n + 1)))
    return Pool(
        "one", "a", 0.7, 9, tuple(map(sample, range(n))), {"p": {k: tokens[k - 1] for k in rounds(n)}}
    )


@given(sizes, st.none() | sizes)
def test_chunks_cover_a_pool_once_and_double_it(n: int, first: int | None) -> None:
    found = chunks(n, first)
    assert [k for chunk in found for k in chunk] == list(range(n))
    assert all(len(chunk) <= chunk.start for chunk in found[1:])
    assert len(found[0]) == min(first or n, n)


@given(sizes, st.none() | sizes)
def test_the_rounds_of_all_chunks_are_those_of_the_pool_and_the_ends(n: int, first: int | None) -> None:
    found = chunks(n, first)
    in_chunks = [k for chunk in found for k in rounds_in(chunk, n)]
    assert in_chunks == sorted({*rounds(n), *(chunk.stop for chunk in found)})


@given(sizes, sizes)
def test_a_pool_that_is_cut_and_joined_is_the_same(n: int, first: int) -> None:
    whole = pool(n)
    bare, (scores,) = split(whole)
    assert all(not sample.scores for sample in bare.samples)
    tokens = list(accumulate(range(1, n + 1)))
    parts, of_prms = [], []
    for chunk in chunks(n, first):
        before = tokens[chunk.start - 1] if chunk.start else 0
        parts.append(Pool("one", "a", 0.7, 9, bare.samples[chunk.start : chunk.stop], {}, chunk.start))
        of_chunk = {k: tokens[k - 1] - before for k in rounds_in(chunk, n)}
        some = scores.scores[chunk.start : chunk.stop]
        of_prms.append(Scores("one", "a", 0.7, "p", some, of_chunk, chunk.start))
    assert joined(parts, of_prms, ["p"]) == whole
    assert joined([bare], [scores], ["p"]) == whole


@given(sizes, sizes)
def test_a_whole_pool_is_the_same_when_its_chunks_are_joined(n: int, first: int) -> None:
    """Whatever was noted of its chunks."""
    whole = pool(n)
    parts = cut(whole, chunks(n, first))
    assert [part.first for part in parts] == [chunk.start for chunk in chunks(n, first)]
    for part, chunk in zip(parts, chunks(n, first), strict=True):
        assert tuple(part.prm_tokens["p"]) == rounds_in(chunk, n)
        assert all(tokens >= 0 for tokens in part.prm_tokens["p"].values())
    found = [split(part) for part in parts]
    of_prms = [scores for _, some in found for scores in some]
    assert joined([bare for bare, _ in found], of_prms, ["p"]) == whole
