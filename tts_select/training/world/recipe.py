"""The recipe of the embedded world in one table: what is trained, in which order, on how many steps.

A deeper model starts from a shallower one, with layers on top that add nothing at first, so no compute is
spent twice. The PRMs are deeper than the policies, as in the paper, where 7B PRMs judge 0.5-3B policies.
Three policies are specialists: `medium` or `base` after more problems, most of them of one family, so that
which policy is best depends on the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tts_select.data.world.suite import FAMILIES
from tts_select.training.world.models import Size


@dataclass(frozen=True, slots=True)
class PolicyStage:
    """Trains a policy on right derivations; `cycles` are the steps of each learning-rate cycle."""

    name: str
    size: Size
    cycles: tuple[int, ...]
    start_from: str | None = None
    stream: str = ""
    """Names the seeded problems it learns from, by default as the model itself."""
    families: tuple[str, ...] = ()
    """The families of those problems, one of them as often as it is named; none stands for all alike."""
    lr_scale: float = 1.0

    @property
    def n_steps(self) -> int:
        """The number of steps in all cycles."""
        return sum(self.cycles)


@dataclass(frozen=True, slots=True)
class PrmStage:
    """Trains a PRM on samples of `policies`: of each, `n_samples` solutions of `n_problems` problems."""

    name: str
    size: Size
    cycles: tuple[int, ...]
    start_from: str
    policies: tuple[str, ...]
    n_problems: int
    n_samples: int = 4
    stream: str = ""
    lr_scale: float = 0.5

    @property
    def n_steps(self) -> int:
        """The number of steps in all cycles."""
        return sum(self.cycles)


Stage = PolicyStage | PrmStage


@dataclass(frozen=True, slots=True)
class Recipe:
    """The stages in order; a stage may start from any stage before it."""

    stages: tuple[Stage, ...]
    seed: int = 0
    batch_tokens: int = 4096
    muon_lr: float = 1e-2
    adam_lr: float = 3e-3
    warmup_steps: int = 100
    final_lr_share: float = 0.05
    cycle_lr_decay: float = 0.6
    """The peak of a learning-rate cycle over that of the one before."""

    def names(self) -> tuple[str, ...]:
        """The names of the stages."""
        return tuple(stage.name for stage in self.stages)

    def scaled(self, scale: float) -> Recipe:
        """Return the recipe with `scale` times the steps and samples, for a trial run or a longer one."""

        def shrink(stage: Stage) -> Stage:
            cycles = tuple(max(1, round(n * scale)) for n in stage.cycles)
            if isinstance(stage, PolicyStage):
                return replace(stage, cycles=cycles)
            return replace(stage, cycles=cycles, n_problems=max(1, round(stage.n_problems * scale)))

        return replace(self, stages=tuple(shrink(stage) for stage in self.stages))


_GENERALISTS = ("small", "medium", "large", "base")
_SPECIALISTS = ("base-story", "medium-machine", "base-shopping")

FULL = Recipe(
    stages=(
        PolicyStage("small", Size(64, 3), cycles=(3000,)),
        PolicyStage("medium", Size(96, 3), cycles=(4000,)),
        PolicyStage("large", Size(128, 3), cycles=(6500,), stream="medium"),
        PolicyStage("base", Size(128, 5), cycles=(1800,), start_from="large", stream="large", lr_scale=0.6),
        *(
            PolicyStage(
                name,
                shape,
                cycles=cycles,
                start_from=name.split("-")[0],
                families=(*FAMILIES, *[name.split("-")[1]] * 17),
                lr_scale=0.6,
            )
            for name, shape, cycles in (
                ("base-story", Size(128, 5), (900, 2500)),
                ("medium-machine", Size(96, 3), (900,)),
                ("base-shopping", Size(128, 5), (900, 1500)),
            )
        ),
        PrmStage(
            "prm",
            Size(128, 6),
            cycles=(2400, 1500),
            start_from="base",
            policies=(*_GENERALISTS, *_SPECIALISTS),
            n_problems=2500,
        ),
        PrmStage(
            "prm-narrow",
            Size(128, 4),
            cycles=(500,),
            start_from="large",
            policies=("small",),
            n_problems=6000,
        ),
    ),
)
