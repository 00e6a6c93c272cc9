"""Small logs made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_select.core.arm import Arm
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Sample, SweepLog

POLICY = "world:small"


def sample(text: str, *, right: bool, answer: str | None = None, logprob: float = -1.0) -> Sample:
    said = answer or ("1" if right else "2")
    return Sample(said, right, max(1, len(text)), logprob, "stop", text, {})


def log_of(
    samples: Mapping[str, Sequence[Sample]],
    *,
    greedy: Sequence[Sample] = (),
    texts: Mapping[str, str] | None = None,
) -> SweepLog:
    """Problems whose texts are their ids, and one policy's samples of each."""
    arms = (Arm(POLICY, None, "majority", 2), Arm(POLICY, None, "cot", 1))
    manifest = Manifest("by hand", arms, 2, 1, 0, {POLICY: ModelCard("policy", 10, "f")}, "g")
    pools = {}
    for problem, some in samples.items():
        for temperature, those in ((0.7, some), (0.0, greedy)):
            pool = Pool(problem, POLICY, temperature, 5, tuple(those), {})
            if those:
                pools[problem, pool.name] = pool
    known = {p: LoggedProblem(p, (texts or {}).get(p, p), "1") for p in samples}
    return SweepLog(manifest, known, pools, {})
