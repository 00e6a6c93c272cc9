"""Which format a checkpoint is read in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tts_select import InputError, UnknownName
from tts_select.executors.prms.formats import FORMATS, format_for, format_named
from tts_select.executors.prms.identity import checkpoint_names
from tts_select.executors.prms.rules import LogRatio


@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [
        ("peiyi9979/math-shepherd-mistral-7b-prm", "math-shepherd"),
        ("RLHFlow/Llama3.1-8B-PRM-Mistral-Data", "rlhflow-mistral"),
        ("RLHFlow/Llama3.1-8B-PRM-Deepseek-Data", "rlhflow-deepseek"),
        ("Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B", "skywork-o1"),
        ("Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B", "skywork-o1"),
        ("Qwen/Qwen2.5-Math-PRM-7B", "qwen2.5-math-prm"),
        ("Qwen/Qwen2.5-Math-PRM-72B", "qwen2.5-math-prm"),
        ("Qwen/Qwen2.5-Math-7B-PRM800K", "qwen2.5-math-prm"),
        ("PRIME-RL/EurusPRM-Stage1", "eurus"),
        ("PRIME-RL/EurusPRM-Stage2", "eurus"),
        ("GAIR/ReasonEval-7B", "reason-eval"),
        ("GAIR/ReasonEval-34B", "reason-eval"),
        ("launch/ThinkPRM-14B", "generative"),
    ],
)
def test_a_family_is_known_by_its_checkpoints_name(checkpoint: str, name: str) -> None:
    assert format_for(checkpoint, checkpoint_names(checkpoint)).name == name


@pytest.mark.parametrize(
    "checkpoint", ["Qwen/Qwen2.5-Math-7B-Instruct", "Qwen/Qwen2.5-Math-RM-72B", "my/prm"]
)
def test_another_checkpoint_is_refused_with_the_names_of_all_formats(checkpoint: str) -> None:
    with pytest.raises(
        InputError, match=r"--prm-format, one of eurus, generative, judge, math-shepherd"
    ) as refused:
        format_for(checkpoint, checkpoint_names(checkpoint))
    assert all(name in str(refused.value) for name in FORMATS)


def test_a_folder_is_known_by_its_own_name_or_by_the_name_in_its_configuration(tmp_path: Path) -> None:
    by_name = tmp_path / "my-EurusPRM-tuned"
    by_name.mkdir()
    assert format_for("it", checkpoint_names(str(by_name))).name == "eurus"
    other = tmp_path / "judge"
    other.mkdir()
    (other / "config.json").write_text(
        json.dumps({"_name_or_path": "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B"})
    )
    assert format_for("it", checkpoint_names(str(other))).name == "skywork-o1"


def test_a_folders_name_may_end_with_its_format_whatever_family_it_was_made_of(tmp_path: Path) -> None:
    for name, format in [
        ("judge.world", "world"),
        ("my-EurusPRM.qwen2.5-math-prm", "qwen2.5-math-prm"),
    ]:
        (tmp_path / name).mkdir()
        assert format_for("it", checkpoint_names(str(tmp_path / name))).name == format
    with pytest.raises(InputError, match="let the folder's name end with it"):
        format_for("it", ["judge-world"])


def test_a_reference_model_is_named_behind_the_format() -> None:
    rule = format_named("eurus:my/reference").rule
    assert isinstance(rule, LogRatio)
    assert (rule.reference, rule.beta) == ("my/reference", 0.001)
    default = format_named("eurus").rule
    assert isinstance(default, LogRatio)
    assert default.reference == "Qwen/Qwen2.5-Math-7B-Instruct"


@pytest.mark.parametrize("name", ["math-shepherd:my/reference", "eurus:"])
def test_a_reference_that_is_not_used_or_not_given_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="only eurus:REFERENCE"):
        format_named(name)


def test_an_unknown_format_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'math-shepherd'\?"):
        format_named("mathshepherd")


def test_a_fingerprint_tells_how_a_checkpoint_is_read() -> None:
    assert FORMATS["world"].mark("fp") == "fp"
    assert len({format.mark("fp") for format in FORMATS.values()}) == len(FORMATS)
