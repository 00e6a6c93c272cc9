"""How the PRMs of each family read a solution and say what they think: a new family is a new entry here.

Nothing here knows a tokenizer or a model: `encoding.py` makes token ids of a layout, `reading.py` scores of a
rule. Sources are named at each entry; docs/prms.md says what was tested and what was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tts_select.core.errors import InputError, UnknownName
from tts_select.executors.prms.layouts import Layout
from tts_select.executors.prms.rules import (
    GOOD,
    Classes,
    Head,
    Likelihood,
    LogRatio,
    Rule,
    Sign,
    Value,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class PrmFormat:
    """`ids` are regular expressions, searched for in the names of checkpoints, whatever the case."""

    name: str
    layout: Layout
    rule: Rule
    ids: tuple[str, ...] = ()

    def mark(self, fingerprint: str) -> str:
        """The fingerprint of a checkpoint that is read so; that of the embedded PRMs' own format is plain."""
        return fingerprint if self.name == "world" else f"{fingerprint}+{self.name}"


JUDGE = "judge"
"""The format of models that were not trained to be PRMs."""

_WORLD = Layout(prompt="{problem}\n", close="\n\n", is_stripped=False)
_RLHFLOW = Layout(chat="dialogue", before_first=" ", answer=GOOD)

_ALL = [
    # the embedded PRMs (docs/lab/world.md)
    PrmFormat("world", _WORLD, Sign(is_cumulative=True)),
    # any policy of the embedded world as a judge: the probability that it had written the text itself
    PrmFormat("world-likelihood", _WORLD, Likelihood()),
    # model card of peiyi9979/math-shepherd-mistral-7b-prm; Wang et al. 2023, arXiv 2312.08935
    PrmFormat(
        "math-shepherd",
        Layout(
            before_first=" ",
            before="\n",
            close=" ки",
            close_is_one_token=True,
            begins="added",
            behind="ки",
        ),
        Sign(),
        (r"math-?shepherd",),
    ),
    # math-rm/prm_evaluate.py of RLHFlow/RLHF-Reward-Modeling. The two differ in the data that they were
    # trained on, whose steps end at "ки\n" or at a blank line; given the steps, their inputs are alike
    PrmFormat("rlhflow-mistral", _RLHFLOW, Sign(), (r"PRM-Mistral-Data",)),
    PrmFormat("rlhflow-deepseek", _RLHFLOW, Sign(), (r"PRM-Deepseek-Data",)),
    # model_utils/{io_utils,prm_model}.py of SkyworkAI/skywork-o1-prm-inference
    PrmFormat(
        "skywork-o1",
        Layout(
            prompt="{problem}\n",
            close="\n",
            close_is_one_token=True,
            begins="bos",
            is_apart=True,
        ),
        Value(Head((("v_head.summary",),), 1)),
        (r"Skywork-o1-Open-PRM",),
    ),
    # model card of Qwen/Qwen2.5-Math-PRM-7B; Zhang et al. 2025, arXiv 2501.07301. A fine-tune as a token
    # classifier has one linear layer instead of the two
    PrmFormat(
        "qwen2.5-math-prm",
        Layout(
            chat="assistant",
            system="Please reason step by step, and put your final answer within \\boxed{}.",
            close="<extra_0>",
            close_is_one_token=True,
        ),
        Classes(Head((("score.0", "score.2"), ("score",)), 2), (1,)),
        (r"Qwen2\.5-Math-(7B-)?PRM",),
    ),
    # model card of PRIME-RL/EurusPRM-Stage2; Cui et al. 2025, arXiv 2502.01456. The card reads a step that is
    # followed by another one token into that other one; here it is read where it ends
    PrmFormat(
        "eurus",
        Layout(chat="assistant", close="\n\n"),
        LogRatio("Qwen/Qwen2.5-Math-7B-Instruct", 0.001),
        (r"EurusPRM",),
    ),
    # codes/examples.py of GAIR-NLP/ReasonEval; Xia et al. 2024, arXiv 2404.05692. The padding token cuts the
    # text before it is tokenised and is not shown to the model; valid are the neutral and the positive class
    PrmFormat(
        "reason-eval",
        Layout(
            prompt="Question:\n{problem}\nAnswer:\nLet's think step by step.\n",
            begins="bos",
            behind="{pad}",
            is_apart=True,
        ),
        Classes(Head((("score_head",),), 3), (1, 2)),
        (r"ReasonEval",),
    ),
    # utils/helper.py of mukhal/ThinkPRM, whose words the models were trained with; Khalifa et al. 2025,
    # arXiv 2504.16828
    PrmFormat(
        "generative",
        Layout(),
        Verdict(
            request="You are given a math problem and a proposed step-by-step solution:\n\n[Math Problem]\n\n"
            "{problem}\n\n[Solution]\n\n{steps}\n\nReview and critique each step in the proposed solution to "
            "determine whether each step is correct. If the solution is incomplete, only verify the provided "
            "steps.",
            opening="\nLet's verify step by step:",
            step="Step {number}: {step}",
            question="Is the solution correct?",
            good=" Yes",
            bad=" No",
            max_tokens=1024,
        ),
        (r"ThinkPRM",),
    ),
    # any model that follows instructions, asked in words of ours (executors/prms/judge.py)
    PrmFormat(
        JUDGE,
        Layout(),
        Verdict(
            request="[Problem]\n\n{problem}\n\n[Solution]\n\n{steps}\n\nThis is a solution, or the "
            "beginning of one, that somebody else wrote. Check every calculation and every conclusion in it.",
            opening="",
            step="{step}",
            question="Is everything in it correct?",
            good=" Yes",
            bad=" No",
            max_tokens=0,
        ),
    ),
]

FORMATS: dict[str, PrmFormat] = {format.name: format for format in _ALL}


def format_named(name: str) -> PrmFormat:
    """The format of this name; `eurus:REFERENCE` is that with another reference model.

    Raises:
        UnknownName: there is none.
        InputError: a format that has no reference model is given one.
    """
    known, colon, reference = name.partition(":")
    if known not in FORMATS:
        raise UnknownName("PRM format", known, FORMATS)
    found = FORMATS[known]
    if not colon:
        return found
    if not isinstance(found.rule, LogRatio) or not reference:
        raise InputError(f"the PRM format '{name}' names no reference model: only eurus:REFERENCE does")
    return replace(found, rule=replace(found.rule, reference=reference))


def format_for(checkpoint: str, names: Iterable[str]) -> PrmFormat:
    """The format that one of the checkpoint's `names` ends with, as a file with its suffix, or whose family
    one of them belongs to.

    >>> format_for("judge.skywork-o1", ["judge.skywork-o1"]).name
    'skywork-o1'

    Raises:
        InputError: none does.
    """
    tried = list(names)
    for format in FORMATS.values():
        if any(name.endswith(f".{format.name}") for name in tried):
            return format
    for format in FORMATS.values():
        if any(re.search(pattern, name, re.IGNORECASE) for pattern in format.ids for name in tried):
            return format
    raise InputError(
        f"the format of the PRM '{checkpoint}' is not known: name it with --prm-format, one of "
        f"{', '.join(sorted(FORMATS))}, or let the folder's name end with it, as in my-prm.math-shepherd "
        "(docs/prms.md)"
    )
