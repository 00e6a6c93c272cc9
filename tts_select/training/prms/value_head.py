"""A linear value head: the logit that a solution which begins so ends right, from a hidden state.

Labels are soft: beginnings that several samples share have the share of them that ended right. Every solution
weighs the same, however many steps it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from tts_select.training.prms.hidden import States
from tts_select.training.prms.solutions import Solution, Split

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""L2 penalties on weights of standardised states; each fit starts from the one before."""
_STEPS = 60
_LEAST_SPREAD = 1e-4


@dataclass(frozen=True, slots=True)
class ValueHead:
    """`logit = weight @ state + bias`, of the state behind so many layers."""

    n_layers: int
    weight: np.ndarray
    """Shape (hidden size,)."""
    bias: float
    penalty: float
    loss: float
    """The cross-entropy of the validation problems."""

    def logits(self, states: np.ndarray) -> np.ndarray:
        """The logits of states of the shape (steps, hidden size)."""
        found: np.ndarray = states.astype(np.float32) @ self.weight + self.bias
        return found


@dataclass(frozen=True, slots=True)
class Labels:
    """Of each step: how likely it ends right, what it weighs, and its split."""

    right: np.ndarray
    weight: np.ndarray
    splits: np.ndarray

    def of(self, split: Split) -> np.ndarray:
        """A mask of the steps of a split."""
        found: np.ndarray = self.splits == split
        return found


def labels_of(solutions: Sequence[Solution], states: States) -> Labels:
    """The labels of all steps, in the order of the states."""
    correct = np.array([s.correct for s in solutions], dtype=float)
    ended, seen = correct[states.solution], _prefixes(solutions, states)
    shared = np.bincount(seen, ended) / np.bincount(seen)
    n_steps = np.bincount(states.solution, minlength=len(solutions))
    splits = np.array([s.split for s in solutions])[states.solution]
    return Labels(shared[seen], 1.0 / n_steps[states.solution], splits)


def fit_head(states: States, labels: Labels) -> ValueHead:
    """The head, of all depths and penalties, with the least cross-entropy on the validation problems, and
    calibrated on them."""
    return min((_fit_depth(states, labels, k) for k in range(len(states.layers))), key=lambda h: h.loss)


def _prefixes(solutions: Sequence[Solution], states: States) -> np.ndarray:
    """A number for each step's beginning: equal ones have the same text."""
    numbers: dict[tuple[str, ...], int] = {}
    depth = np.zeros(len(solutions), dtype=int)
    found = np.empty(len(states.solution), dtype=int)
    for row, k in enumerate(states.solution.tolist()):
        depth[k] += 1
        key = (solutions[k].problem, *solutions[k].steps[: depth[k]])
        found[row] = numbers.setdefault(key, len(numbers))
    return found


def _fit_depth(states: States, labels: Labels, depth: int) -> ValueHead:
    train, held = labels.of("train"), labels.of("validation")
    values = states.values[depth].astype(np.float32)
    mean, spread = values[train].mean(0), np.maximum(values[train].std(0), _LEAST_SPREAD)
    x, y, w = (torch.from_numpy(np.asarray(a, np.float32)) for a in
               ((values[train] - mean) / spread, labels.right[train], labels.weight[train]))  # fmt: skip
    weight, bias = torch.zeros(x.shape[1]), torch.zeros(())
    best: ValueHead | None = None
    for penalty in PENALTIES:
        weight, bias = _minimised((x, y, w / w.sum()), (weight, bias), penalty)
        own = weight.numpy() / spread
        head = ValueHead(states.layers[depth], own, float(bias) - float(own @ mean), penalty, 0.0)
        head = _calibrated(head, values[held], labels.right[held], labels.weight[held])
        best = head if best is None or head.loss < best.loss else best
    assert best is not None
    return best


def _minimised(
    data: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    start: tuple[torch.Tensor, torch.Tensor],
    penalty: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight and bias of the least loss, from states, labels and the weights of the steps."""
    x, y, w = data
    weight, bias = (part.clone().requires_grad_() for part in start)

    def loss() -> torch.Tensor:
        each = F.binary_cross_entropy_with_logits(x @ weight + bias, y, reduction="none")
        found: torch.Tensor = (w * each).sum() + 0.5 * penalty * weight.square().sum()
        return found

    _descend(loss, [weight, bias])
    return weight.detach(), bias.detach()


def _descend(loss: Callable[[], torch.Tensor], parameters: list[torch.Tensor]) -> None:
    """Minimise a smooth loss by its parameters, in place."""
    solver = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        found = loss()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    solver.step(closure)  # type: ignore[no-untyped-call]


def _calibrated(head: ValueHead, states: np.ndarray, right: np.ndarray, weight: np.ndarray) -> ValueHead:
    """Scale and shift the logits for the validation problems (Platt 1999), with the loss that this leaves."""
    logits, y, w = (torch.from_numpy(np.asarray(a, np.float32)) for a in (head.logits(states), right, weight))
    scale, shift = torch.ones(()).requires_grad_(), torch.zeros(()).requires_grad_()

    def loss() -> torch.Tensor:
        found: torch.Tensor = F.binary_cross_entropy_with_logits(scale * logits + shift, y, w / w.mean())
        return found

    _descend(loss, [scale, shift])
    a, b = max(float(scale.detach()), 1e-3), float(shift.detach())
    return replace(head, weight=a * head.weight, bias=a * head.bias + b, loss=float(loss().detach()))
