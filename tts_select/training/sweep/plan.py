"""A sweep to run, and what it asks of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.errors import InputError, UnknownName, unknown_size
from tts_select.core.pricing import price_of_tokens
from tts_select.core.protocols import Policy, RewardModel
from tts_select.data.grading import GRADER
from tts_select.selector.portfolio import Portfolio
from tts_select.solving.batch import DEFAULT_CONCURRENCY
from tts_select.training.log.manifest import PoolPlan, pools_of
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard

DEFAULT_SAMPLES = 64
DEFAULT_RUNS = 2


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep to run. It is validated by `check` and inert until then."""

    portfolio: Portfolio
    problems: Sequence[LoggedProblem]
    n_samples: int = DEFAULT_SAMPLES
    """The number of samples of each policy on each problem."""
    n_runs: int = DEFAULT_RUNS
    """The number of runs of each search arm on each problem."""
    seed: int = 0
    concurrency: int = DEFAULT_CONCURRENCY
    n_samples_of: Mapping[str, int] = field(default_factory=dict)
    """The number of samples by policy, where it differs."""
    chunk: int | None = None
    """The number of samples that each pool is begun with, before any pool has more; None: all of them."""

    @property
    def pools(self) -> dict[str, PoolPlan]:
        """The pools by name, with how each is sampled."""
        return pools_of(self.portfolio.arms)

    def check(self) -> None:
        """Raises:
        InputError: there is no problem, or a pool could not show what a sampling arm would have done.
        """
        if not self.problems:
            raise InputError("there is no problem to sweep: name a file with some")
        if unknown := sorted(set(self.n_samples_of) - set(self.portfolio.policies)):
            raise UnknownName("policy of the portfolio", unknown[0], self.portfolio.policies)
        if len({problem.id for problem in self.problems}) < len(self.problems):
            raise InputError("two problems have the same id: give each its own")
        for arm in self.portfolio.arms:
            if arm.is_sampling:
                self._check_sampling(arm)
        if both := set(self.portfolio.policies) & set(self.portfolio.prms):
            raise InputError(
                f"'{min(both)}' is a policy and a PRM of the portfolio: call one of them otherwise"
            )

    def _check_sampling(self, arm: Arm) -> None:
        n = self.pools[arm.pool].size(self.n_samples, self.n_samples_of)
        if arm.temperature > 0 and arm.budget > n:
            raise InputError(
                f"the arm '{arm.name}' needs {arm.budget} samples and a pool has {n}: "
                f"ask for --samples {arm.budget}, or take the arm out of the portfolio"
            )
        if arm.temperature == 0 and arm.budget > 1:
            raise InputError(
                f"the arm '{arm.name}' is greedy, so its {arm.budget} samples are all the same: "
                "give it a temperature, or a budget of 1"
            )
        shared = self.pools[arm.pool].arm.settings
        for name in POOL_SETTINGS:
            if getattr(arm.settings, name) != getattr(shared, name):
                raise InputError(
                    f"the arm '{arm.name}' samples with another {name} than {getattr(shared, name)}, and one "
                    "pool serves all sampling arms of a policy at one temperature: sweep it by itself"
                )


def manifest_of(sweep: Sweep, cards: Mapping[str, ModelCard]) -> Manifest:
    """Return the manifest of a sweep with these models."""
    portfolio = sweep.portfolio
    return Manifest(
        portfolio=portfolio.name,
        arms=portfolio.arms,
        n_samples=sweep.n_samples,
        n_samples_of=dict(sweep.n_samples_of),
        n_runs=sweep.n_runs,
        seed=sweep.seed,
        models={spec: cards[spec] for spec in (*portfolio.policies, *portfolio.prms)},
        grader=GRADER,
        chunk=sweep.chunk,
    )


def card_of(kind: str, model: Policy | RewardModel) -> ModelCard:
    """Return the card of a loaded model, which is a `policy` or a `prm`.

    Raises:
        InputError: its size is not known.
    """
    if model.n_parameters is None:
        raise InputError(unknown_size(model.name))
    return ModelCard(kind, model.n_parameters, model.fingerprint, price_of_tokens(model))
