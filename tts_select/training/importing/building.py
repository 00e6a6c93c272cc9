"""Builds the manifest and the pools of a sweep log from what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from statistics import median_low

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError, UnknownName
from tts_select.core.plan import Settings
from tts_select.core.pricing import TokenPrice
from tts_select.data.grading import GRADER, grade
from tts_select.training.importing.intake import Intake, spec_of
from tts_select.training.importing.spool import SpoolSample
from tts_select.training.log.chunks import rounds
from tts_select.training.log.records import ImportFacts, Manifest, ModelCard, Pool, Sample, Unit

LOG_GRADER = "log"


def manifest_of(
    intake: Intake,
    *,
    name: str,
    source: tuple[str, tuple[str, ...]],
    unit: Unit,
    n_parameters: Mapping[str, float],
    prices: Mapping[str, TokenPrice],
) -> Manifest:
    """Return the manifest of a log; `source` is the format and the names of the files.

    Raises:
        InputError: the size or price is given of a model that the log does not have, or a PRM has a model's
            name.
    """
    for option, given in (("--params", n_parameters), ("--prices", prices)):
        for model in given:
            if model not in intake.models.values():
                raise UnknownName(f"model in {option}", model, set(intake.models.values()))
    sizes = intake.spool.sizes()
    prms = {prm for policy in sizes for prm in intake.prms[policy]}
    if both := sizes.keys() & prms:
        raise InputError(f"'{intake.models[min(both)]}' is a model and a PRM: name the PRM with --prm")
    arms = [arm for policy, found in sizes.items() for arm in _arms(policy, found, list(intake.prms[policy]))]
    tally = intake.tally
    n_pools = sum(map(len, sizes.values()))
    return Manifest(
        portfolio=name,
        arms=tuple(arms),
        n_samples=max(max(found) for found in sizes.values()),
        n_runs=1,
        seed=0,
        models={
            spec: _card(spec, model, sizes, n_parameters, prices)
            for spec, model in intake.models.items()
            if spec in sizes or spec in prms
        },
        grader=LOG_GRADER if intake.log_has_graded else GRADER,
        imported=ImportFacts(*source, unit, tally.n_rows, tally.n_bad, tally.n_duplicates, n_pools),
    )


def pools_of(intake: Intake, unit: Unit) -> Iterator[Pool]:
    """Yield the pools; what the log does not say is graded here."""
    for policy, id_, samples in intake.spool.pools():
        gold = intake.problems.known[id_].answer
        prompts = {sample.prompt_tokens for sample in samples}
        correct = _graded(samples, gold)
        yield Pool(
            problem=id_,
            policy=policy,
            temperature=Settings().temperature,
            prompt_tokens=prompts.pop() if len(prompts) == 1 else None,
            samples=tuple(_sample(s, right, unit) for s, right in zip(samples, correct, strict=True)),
            prm_tokens={},
        )


def _arms(policy: str, sizes: Sequence[int], prms: Sequence[str]) -> Iterator[Arm]:
    """Yield arms with budgets that at least half of the pools have samples for."""
    budgets = rounds(median_low(sizes))
    yield from (Arm(policy, None, "majority", budget) for budget in budgets)
    yield from (Arm(policy, prm, "best_of_n", budget) for prm in prms for budget in budgets)


def _card(
    spec: str,
    model: str,
    policies: Mapping[str, object],
    n_parameters: Mapping[str, float],
    prices: Mapping[str, TokenPrice],
) -> ModelCard:
    size = n_parameters.get(model)
    kind = "policy" if spec in policies else "prm"
    fingerprint = hashlib.sha256(spec.encode()).hexdigest()[:16]  # of the name: no log knows the weights
    return ModelCard(kind, None if size is None else round(size), fingerprint, prices.get(model))


def _graded(samples: Sequence[SpoolSample], gold: str | None) -> list[bool]:
    verdicts = iter(grade((s.answer, gold) for s in samples if s.correct is None))
    return [next(verdicts) == "equivalent" if s.correct is None else s.correct for s in samples]


def _sample(sample: SpoolSample, correct: bool, unit: Unit) -> Sample:
    n = {"tokens": sample.n_tokens, "characters": sample.n_chars, "samples": 1}[unit]
    assert n is not None
    return Sample(
        answer=sample.answer,
        correct=correct,
        n_tokens=n,
        logprob=sample.logprob,
        finish=sample.finish,
        text=sample.text,
        scores={spec_of(prm): tuple(scores) for prm, scores in sample.scores.items()},
        certainty=sample.certainty,
    )
