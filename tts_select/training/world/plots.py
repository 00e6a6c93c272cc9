"""The two plots of the world report."""

from __future__ import annotations

from pathlib import Path

from tts_select.data.world.levels import LEVELS, THIRDS
from tts_select.training.world import report as world
from tts_select.training.world import statistics as stats
from tts_select.training.world.statistics import Estimate, estimate


def plot_levels(results: world.Results, path: Path) -> None:
    """pass@1 of every policy by level."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4))
    for policy in world.POLICIES:
        each = results.each(policy, stats.pass_at_1)
        found = [estimate(each[results.levels == k]) for k in LEVELS]
        axis.errorbar(list(LEVELS), [e.value for e in found], yerr=_bars(found), label=policy, capsize=2)
    axis.set(xlabel="level", ylabel="pass@1", ylim=(0, 1))
    axis.legend()
    _save(figure, path)


def plot_methods(results: world.Results, path: Path) -> None:
    """Accuracy of every method by third of the levels: a row a PRM, a column a policy."""
    import matplotlib.pyplot as plt

    shape = len(world.PRMS), len(world.POLICIES)
    figure, axes = plt.subplots(*shape, figsize=(4 * shape[1], 3 * shape[0]), sharey=True)
    for row, prm in zip(axes, world.PRMS, strict=True):
        for axis, policy in zip(row, world.POLICIES, strict=True):
            for k, method in enumerate(results.methods(policy, prm)):
                each = results.method(method, policy, prm)
                found = [estimate(each[results.third(t)]) for t in THIRDS]
                places = [i + 0.16 * (k - 2) for i in range(len(THIRDS))]
                axis.bar(places, [e.value for e in found], 0.15, yerr=_bars(found), label=method)
            axis.set_xticks(range(len(THIRDS)), list(THIRDS))
            axis.set_title(f"{policy}, {prm}, N = {world.N}")
    axes[0][0].legend(fontsize=8)
    _save(figure, path)


def _bars(found: list[Estimate]) -> list[list[float]]:
    return [[e.value - e.low for e in found], [e.high - e.value for e in found]]


def _save(figure: object, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.tight_layout()  # type: ignore[attr-defined]
    figure.savefig(path, dpi=110)  # type: ignore[attr-defined]
    plt.close(figure)  # type: ignore[arg-type]
