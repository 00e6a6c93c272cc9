"""What was read so far: samples in the spool, their problems, and what is common to all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_select.training.importing.entries import Entry
from tts_select.training.importing.problems import Problems
from tts_select.training.importing.report import Tally
from tts_select.training.importing.spool import Spool
from tts_select.training.log.records import Unit

SCHEME = "log"
"""Of the specs of policies and PRMs that cannot be run."""


@dataclass(slots=True)
class Taken:
    """What was read so far."""

    spool: Spool
    problems: Problems
    tally: Tally
    prms: dict[str, dict[str, None]] = field(default_factory=dict)
    """By policy, those that have scored its samples, in the order in which they were met."""
    models: dict[str, str] = field(default_factory=dict)
    """By spec, the names in the log."""
    n_without_tokens: int = 0
    n_without_chars: int = 0
    log_has_graded: bool = False

    @property
    def unit(self) -> Unit:
        """The finest that every sample is known in."""
        if not self.n_without_tokens:
            return "tokens"
        return "samples" if self.n_without_chars else "characters"

    def add(self, entry: Entry) -> None:
        """Raises:
        ValueError: the sample cannot be used.
        """
        problem = self.problems.meet(entry)
        if entry.correct is None and problem.answer is None:
            raise ValueError("nothing says whether it is correct: no gold answer, and no correct")
        policy = spec_of(entry.model, entry.prompt)
        named = {policy: entry.model, **{spec_of(prm): prm for prm in entry.scores}}
        for spec, name in named.items():
            if self.models.setdefault(spec, name) != name:
                raise ValueError(f"'{name}' and '{self.models[spec]}' would both be {spec}")
        if not self.spool.add(policy, entry):
            self.tally.n_duplicates += 1
            return
        self.prms.setdefault(policy, {}).update(dict.fromkeys(map(spec_of, entry.scores)))
        self.n_without_tokens += entry.n_tokens is None
        self.n_without_chars += entry.n_chars is None
        self.log_has_graded |= entry.correct is not None


def spec_of(model: str, prompt: str | None = None) -> str:
    """Of a policy or PRM of a log: `log:MODEL`, `log:MODEL#PROMPT`; a space would end it in an arm's name."""
    name = model if prompt is None else f"{model}#{prompt}"
    return f"{SCHEME}:{'_'.join(name.split())}"
