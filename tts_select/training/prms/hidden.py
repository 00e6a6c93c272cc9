"""The hidden states of a base model at the ends of steps, kept on disk: a cut run goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tts_select.executors.prms.encoding import EncodedSolution, Encoder
from tts_select.executors.prms.head_card import trained_format
from tts_select.executors.prms.trained import layers_of
from tts_select.executors.runtime.loading import LoadedModel
from tts_select.training.prms.solutions import Solution

DEPTHS = (0.5, 0.67, 0.83, 1.0)
"""The parts of the layers behind which the states are taken: what tells right from wrong is often clearer in
the middle, and the layers above need not be computed then."""
_CHUNK = 64
"""Solutions in a file."""
_BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class States:
    """The states of all steps of all solutions, one after the other."""

    layers: tuple[int, ...]
    """The number of layers below each depth."""
    values: np.ndarray
    """Shape (depths, steps, hidden size), in float16."""
    solution: np.ndarray
    """Shape (steps,): the place of the solution that a step is of."""
    is_last: np.ndarray
    """Shape (steps,): whether it is the last step."""


def states_of(
    solutions: Sequence[Solution],
    loaded: LoadedModel,
    *,
    is_chat: bool,
    name: str,
    kept: Path,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> States:
    """Compute the states, or read those that are in `kept` already. A solution that does not fit the context
    has none. `progress` is called with how many solutions are done, of how many.

    Raises:
        InputError: the tokenizer does not suit the format.
    """
    encoder = Encoder(trained_format(is_chat=is_chat).layout, loaded.tokenizer, name)
    layers = depths_of(loaded)
    kept.mkdir(parents=True, exist_ok=True)
    parts: list[np.ndarray] = []
    counts: list[int] = []
    for start in range(0, len(solutions), _CHUNK):
        chunk = solutions[start : start + _CHUNK]
        path = kept / f"{start:07d}-{_key(chunk, loaded, layers)}.npz"
        values, n_steps = _read(path) if path.exists() else _computed(chunk, loaded, encoder, layers, path)
        parts.append(values)
        counts += n_steps.tolist()
        progress(min(start + _CHUNK, len(solutions)), len(solutions))
    place = np.repeat(np.arange(len(solutions)), counts)
    is_last = np.append(place[1:] != place[:-1], True)[: len(place)]
    return States(layers, np.concatenate(parts, axis=1), place, is_last)


def depths_of(loaded: LoadedModel) -> tuple[int, ...]:
    """The numbers of layers that `DEPTHS` come to."""
    n = len(layers_of(loaded.model))
    return tuple(sorted({max(1, round(depth * n)) for depth in DEPTHS}))


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as found:
        return found["values"], found["n_steps"]


def _computed(
    chunk: Sequence[Solution], loaded: LoadedModel, encoder: Encoder, layers: tuple[int, ...], path: Path
) -> tuple[np.ndarray, np.ndarray]:
    encoded = [encoder(s.text, s.steps) for s in chunk]
    fits = [len(e.ids) <= loaded.context for e in encoded]
    found: dict[int, np.ndarray] = {}
    for places in _batches([k for k, fit in enumerate(fits) if fit], encoded):
        found.update(_forward(places, encoded, loaded, layers))
    empty = np.zeros((len(layers), 0, loaded.model.config.get_text_config().hidden_size), np.float16)
    rows = [found.get(k, empty) for k in range(len(chunk))]
    values, n_steps = np.concatenate(rows, axis=1), np.array([row.shape[1] for row in rows])
    partial = path.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.savez(stream, values=values, n_steps=n_steps)
    partial.replace(path)
    return values, n_steps


def _batches(places: Sequence[int], encoded: Sequence[EncodedSolution]) -> Iterator[list[int]]:
    """Cut the solutions into batches of about so many padded tokens, similar lengths together."""
    batch: list[int] = []
    for place in sorted(places, key=lambda k: len(encoded[k].ids)):
        if batch and len(encoded[place].ids) * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _forward(
    places: Sequence[int], encoded: Sequence[EncodedSolution], loaded: LoadedModel, layers: tuple[int, ...]
) -> dict[int, np.ndarray]:
    """Padding is on the right: with causal attention nothing that is read looks at it."""
    model, width = loaded.model, max(len(encoded[k].ids) for k in places)
    ids = np.zeros((len(places), width), dtype=np.int64)
    for row, k in enumerate(places):
        ids[row, : len(encoded[k].ids)] = encoded[k].ids
    with torch.inference_mode():
        out = model(torch.from_numpy(ids).to(model.device), use_cache=False, output_hidden_states=True)
        n_all = len(layers_of(model))
        at = [
            out.last_hidden_state
            if n == n_all
            else model.norm(out.hidden_states[n])  # as a shorter model has it
            for n in layers
        ]
        return {
            k: torch.stack([hidden[row, encoded[k].closed[1:]] for hidden in at])
            .to(torch.float16)
            .cpu()
            .numpy()
            for row, k in enumerate(places)
        }


def _key(chunk: Sequence[Solution], loaded: LoadedModel, layers: tuple[int, ...]) -> str:
    said = repr([loaded.fingerprint, str(loaded.model.dtype), layers, [(s.text, s.steps) for s in chunk]])
    return hashlib.sha256(said.encode()).hexdigest()[:16]
