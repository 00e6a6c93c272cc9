"""A pool in chunks: where they begin and end, and how their records become one pool again.

A pool that is not drawn at once begins with some samples, and each further chunk doubles it. A chunk is
scored as if the PRM had just read the ones before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tts_select.training.log.records import Pool, Sample, Scores


def rounds(n_samples: int) -> tuple[int, ...]:
    """1, 2, 4, ... and all of them: after so many samples the tokens of a PRM are noted."""
    return (*(2**k for k in range((n_samples - 1).bit_length())), n_samples)


def chunks(n_samples: int, first: int | None) -> list[range]:
    """The indices of the samples of each chunk; `first` is the size of the first one, None that of the pool.

    >>> chunks(64, 16)
    [range(0, 16), range(16, 32), range(32, 64)]
    """
    ends = [min(first or n_samples, n_samples)]
    while ends[-1] < n_samples:
        ends.append(min(2 * ends[-1], n_samples))
    return [range(start, end) for start, end in pairwise((0, *ends))]


def rounds_in(chunk: range, n_samples: int) -> tuple[int, ...]:
    """The rounds of a pool that lie in a chunk, and the end of that."""
    within = (k for k in rounds(n_samples) if chunk.start < k < chunk.stop)
    return (*within, chunk.stop)


def split(pool: Pool) -> tuple[Pool, list[Scores]]:
    """The samples of a pool without what PRMs say of them, and that."""
    bare = tuple(replace(sample, scores={}) for sample in pool.samples)
    of_prms = [
        Scores(
            pool.problem,
            pool.policy,
            pool.temperature,
            prm,
            tuple(sample.scores.get(prm) for sample in pool.samples),
            tokens,
            pool.first,
        )
        for prm, tokens in pool.prm_tokens.items()
    ]
    return replace(pool, samples=bare, prm_tokens={}), of_prms


def cut(pool: Pool, into: Sequence[range]) -> list[Pool]:
    """A whole pool in its chunks: joined they are the pool again.

    The tokens that a PRM had read by the end of a chunk are noted in a whole pool only where a round ends
    there; elsewhere they are taken to grow evenly in between.
    """
    return [
        replace(
            pool,
            samples=pool.samples[chunk.start : chunk.stop],
            prm_tokens={
                prm: _since(tokens, chunk, len(pool.samples)) for prm, tokens in pool.prm_tokens.items()
            },
            first=chunk.start,
        )
        for chunk in into
    ]


def _since(tokens: dict[int, int], chunk: range, n_samples: int) -> dict[int, int]:
    """The tokens of a chunk's rounds, from its own beginning."""
    known = sorted({0: 0, **tokens}.items())

    def by(k: int) -> int:
        return round(float(np.interp(k, [at for at, _ in known], [n for _, n in known])))

    return {k: by(k) - by(chunk.start) for k in rounds_in(chunk, n_samples)}


def joined(parts: Sequence[Pool], scores: Iterable[Scores], prms: Sequence[str]) -> Pool:
    """A pool from its chunks, in their order, and what PRMs say of them, in the order of `prms`.

    The tokens of the prompt are those of the first chunk: whoever draws the whole pool reads it once. Those
    of a PRM add up.
    """
    known = {(of.prm, of.first): of for of in scores}
    samples = [
        _scored(sample, {prm: known[prm, part.first].scores[k] for prm in prms})
        for part in parts
        for k, sample in enumerate(part.samples)
    ]
    wanted = rounds(len(samples))
    tokens: dict[str, dict[int, int]] = {}
    for prm in prms:
        so_far = 0
        tokens[prm] = found = {}
        for part in parts:
            of_chunk = known[prm, part.first].prm_tokens
            found.update({k: so_far + n for k, n in sorted(of_chunk.items()) if k in wanted})
            so_far += max(of_chunk.values())
    return replace(parts[0], samples=tuple(samples), prm_tokens=tokens)


def _scored(sample: Sample, scores: dict[str, tuple[float, ...] | None]) -> Sample:
    return replace(sample, scores={prm: of for prm, of in scores.items() if of is not None})
