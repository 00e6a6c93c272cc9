"""The units that a sweep is made of: what one machine can do by itself, and do again with the same result.

A unit says all that its result depends on: the problem, the models with their fingerprints, the settings and
the seed. Its id is a hash of that. So two machines agree without a word on whose it is, and what one has done
is known wherever it comes back to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.plan import Settings
from tts_select.training.log.chunks import chunks, rounds_in
from tts_select.training.log.gathering import Key
from tts_select.training.log.manifest import PoolPlan, pool_size, pools_of, searches
from tts_select.training.log.records import LoggedProblem, Manifest

_VERSION = 1
"""What an id is a hash of, in which form; another one makes other ids."""


@dataclass(frozen=True, slots=True)
class SampleUnit:
    """Some samples of a policy for a problem: number `first` of the pool and the next `n` - 1."""

    problem: LoggedProblem
    policy: str
    fingerprint: str
    grader: str
    settings: Settings
    pool: str
    """The name of the pool."""
    pool_size: int
    first_chunk: int | None
    """The size of the first chunk of the pool; None: it is drawn at once."""
    first: int
    n: int
    top_logprobs: int = 0
    """As in `SampleRequest`."""

    @property
    def id(self) -> str:
        """The hash of the unit, but for the pool's name and sizes, which say nothing of its samples."""
        more = [self.top_logprobs] if self.top_logprobs else []  # ids of samples without are as they were
        return _hash("samples", *self._whole_pool, self.first, self.n, *more)

    @property
    def _whole_pool(self) -> tuple[object, ...]:
        """What all chunks of the pool have in common."""
        settings = asdict(self.settings)
        used = {name: settings[name] for name in ("temperature", *POOL_SETTINGS, "seed")}
        return self.problem, self.policy, self.fingerprint, self.grader, used

    @property
    def key(self) -> Key:
        """The key of its record."""
        return ("pool", self.problem.id, self.pool, self.first)

    @property
    def home(self) -> str:
        """A hash of what stays together when a sweep is cut into shards: the chunks of a pool."""
        return _hash("pool", *self._whole_pool)

    @property
    def chunk(self) -> range:
        """The indices of its samples."""
        return range(self.first, self.first + self.n)


@dataclass(frozen=True, slots=True)
class ScoreUnit:
    """What a PRM says of the samples of another unit."""

    samples: SampleUnit
    prm: str
    fingerprint: str
    """That of the PRM, its format included."""

    @property
    def problem(self) -> LoggedProblem:
        """The problem of the samples."""
        return self.samples.problem

    @property
    def policy(self) -> str:
        """The policy that wrote the samples, which is not asked again."""
        return self.samples.policy

    @property
    def id(self) -> str:
        """The hash of the unit."""
        rounds = rounds_in(self.samples.chunk, self.samples.pool_size)
        return _hash("scores", self.samples.id, self.prm, self.fingerprint, rounds)

    @property
    def needs(self) -> list[Key]:
        """The keys of the samples that it reads: of the chunk, and of those before, which it shares with."""
        unit = self.samples
        firsts = (chunk.start for chunk in chunks(unit.first + unit.n, unit.first_chunk))
        return [("pool", self.problem.id, unit.pool, first) for first in firsts]

    @property
    def key(self) -> Key:
        """The key of its record."""
        return ("scores", self.problem.id, self.samples.pool, self.prm, self.samples.first)

    @property
    def home(self) -> str:
        """That of the samples: they are scored where they are."""
        return self.samples.home


@dataclass(frozen=True, slots=True)
class SearchUnit:
    """One search of an arm."""

    problem: LoggedProblem
    arm: Arm
    seed: int
    fingerprints: tuple[str, ...]
    """Those of the policy and of the PRM, if there is one."""
    sizes: tuple[int | None, ...]
    """Their numbers of parameters, which the FLOPs of the bill come from."""
    grader: str

    @property
    def policy(self) -> str:
        """The policy that searches."""
        return self.arm.policy

    @property
    def id(self) -> str:
        """The hash of the unit."""
        arm = replace(self.arm, settings=replace(self.arm.settings, seed=self.seed))
        return _hash("search", self.problem, arm.as_dict(), self.fingerprints, self.sizes, self.grader)

    @property
    def key(self) -> Key:
        """The key of its record."""
        return ("run", self.problem.id, self.arm.name, self.seed)

    @property
    def home(self) -> str:
        """A hash of what stays together when a sweep is cut into shards: a search is by itself."""
        return self.id


Unit = SampleUnit | ScoreUnit | SearchUnit


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `n` parts of a sweep; each unit is in exactly one, whoever asks."""

    index: int
    """From 0 to `n` - 1."""
    n: int

    def __contains__(self, unit: Unit) -> bool:
        return int(unit.home, 16) % self.n == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.n}"


def units_of(manifest: Manifest, problems: Sequence[LoggedProblem]) -> Iterator[Unit]:
    """Yield the units of a sweep: pools before searches, the samples of all problems before the scores."""
    for name, plan in pools_of(manifest.arms).items():
        for chunk in chunks(pool_size(manifest, plan), manifest.chunk):
            samples = [_samples(manifest, problem, name, plan, chunk) for problem in problems]
            yield from samples
            for prm in plan.prms:
                yield from (ScoreUnit(unit, prm, manifest.models[prm].fingerprint) for unit in samples)
    for arm, seed in searches(manifest.arms, manifest.n_runs, manifest.seed):
        cards = [manifest.models[spec] for spec in (arm.policy, arm.prm) if spec]
        used = tuple(card.fingerprint for card in cards), tuple(card.n_parameters for card in cards)
        yield from (SearchUnit(problem, arm, seed, *used, manifest.grader) for problem in problems)


def _samples(
    manifest: Manifest, problem: LoggedProblem, name: str, plan: PoolPlan, chunk: range
) -> SampleUnit:
    arm = plan.arm
    return SampleUnit(
        problem,
        arm.policy,
        manifest.models[arm.policy].fingerprint,
        manifest.grader,
        replace(arm.settings, seed=manifest.seed, temperature=arm.temperature),
        name,
        pool_size(manifest, plan),
        manifest.chunk,
        chunk.start,
        len(chunk),
        plan.top_logprobs,
    )


def _hash(kind: str, *parts: object) -> str:
    plain = [asdict(part) if isinstance(part, LoggedProblem) else part for part in parts]
    text = json.dumps([_VERSION, kind, *plain], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
