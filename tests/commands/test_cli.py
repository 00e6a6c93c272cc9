"""The whole command line: helps, names, sections, and what is refused before anything is loaded."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tts_select import commands
from tts_select.cli import SECTIONS, main
from tts_select.commands._exit import EXIT_CODES
from tts_select.core.errors import BackendError, InputError, NoAnswer
from tts_select.executors import registry

ROOT = Path(__file__).parent.parent.parent
PROBLEM = "Start with 14. Multiply by 3. What is the result?"


def every_command(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The command of each path, groups too."""
    yield names, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = dict(every_command(main))


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args), input=PROBLEM)


def examples(command: click.Command) -> list[list[str]]:
    """The words of each example, without what the shell does with them."""
    shown = (command.epilog or "").replace("\\\n", " ")
    lines = re.findall(r"tts-select ([^\n#|]*)", shown)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_help_has_examples_that_can_be_typed(names: tuple[str, ...]) -> None:
    assert "Examples:" in invoke(*names, "--help").output
    found = [words for words in examples(COMMANDS[names]) if tuple(words[: len(names)]) == names]
    assert found
    for words in found:
        path = next(words[:k] for k in (2, 1) if tuple(words[:k]) in COMMANDS)
        options = {o for p in COMMANDS[tuple(path)].params for o in p.opts} | {"--help"}
        assert {word for word in words if re.match("--?[a-z]", word)} <= options


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is(names: tuple[str, ...]) -> None:
    for option in COMMANDS[names].params:
        if isinstance(option, click.Option):
            assert option.help, f"{names} {option.opts}"
            assert option.help[0].isupper() or option.help[0].isdigit() or option.help.split()[0].islower()


def test_the_help_lists_every_command_once_and_in_a_section() -> None:
    listed = [str(c.name) for section in SECTIONS.values() for c in section]
    assert sorted(listed) == sorted(main.commands)
    shown = invoke("--help").output
    assert all(f"{title}:" in shown for title in SECTIONS)
    assert all(f"\n  {name} " in shown for name in listed)


def test_the_help_documents_every_exit_code() -> None:
    shown = invoke("--help").output
    assert "Exit codes:" in shown
    for code in (0, InputError.exit_code, NoAnswer.exit_code, BackendError.exit_code, 5, 130):
        assert re.search(rf"^  {code} ", EXIT_CODES, re.MULTILINE)


def test_a_file_is_called_like_its_command_and_imports_no_other() -> None:
    files = {p.stem for p in Path(commands.__file__).parent.glob("[!_]*.py")}
    assert {name.rstrip("_").replace("_", "-") for name in files} == set(main.commands)
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["type"] == "independence" and "commands" in c["modules"][0])
    assert {module.rpartition(".")[2] for module in contract["modules"]} == files


@pytest.fixture
def nothing_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a command runs that must not load a model."""

    def load(*_: Any) -> None:
        raise AssertionError("a model is loaded")

    for name in ("_load_policy", "_load_prm"):
        monkeypatch.setattr(registry, name, load)
    (tmp_path / "p.jsonl").write_text('{"problem": "1 + 1?", "answer": "2"}\n')
    (tmp_path / "arms.yaml").write_text("arms: [{policy: 'wolrd:small', method: cot}]")
    (tmp_path / "a-file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


ONE = "solve -"
MANY = "solve --problems p.jsonl --out r.jsonl"
SWEEP = "sweep --problems p.jsonl --out log"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{ONE} --method baem", "did you mean 'beam'?"),
        (f"{ONE} --aggregation lats", "did you mean 'last'?"),
        (f"{ONE} --selection vot", "did you mean 'vote'?"),
        (f"{ONE} --prm-format skywrok-o1", "did you mean 'skywork-o1'?"),
        (f"{ONE} --policy wolrd:small", "did you mean 'world'?"),
        (f"{ONE} --policy world:small --prm serve:x", "did you mean 'served'?"),
        (f"{ONE} --policy world:small --policy-option dtyp=x", "unknown option of world policies 'dtyp'"),
        (f"{ONE} --policy world:small --base-url http://x", "unknown option of world policies 'base_url'"),
        (f"{ONE} --policy world:small --prm world:prm --prm-option dtyp=x", "unknown option of world PRMs"),
        (f"{ONE} --policy world:small --prm none --method dvts", "needs a PRM"),
        (f"{ONE} --method beam --budget 0", "choose from 1 to"),
        (f"{ONE} --method beam --temperature nan", "choose from 0 (greedy) to 10"),
        (f"{ONE} --method beam --max-new-tokens 0", "allow at least 1"),
        (f"{ONE} --method beam --deadline nan", "allow more than 0"),
        (f"{ONE} --method beam --max-tokens 0", "allow at least 1"),
        (f"{ONE} --method beam --router there", "'router' is for the router"),
        (f"{ONE} --max-flops nan", "allow more than 0"),
        (f"{ONE} --price nan", "write 0 or more"),
        (f"{ONE} --effort low --price 1e-9", "specify one"),
        (f"{ONE} --min-confidence nan", "is not a number"),
        (f"{ONE} --out r.jsonl", "--out is for --problems"),
        (f"{ONE} --resume", "--resume is for --problems"),
        (f"{ONE} --with-candidates", "--show-candidates"),
        (f"{MANY} --show-candidates", "--with-candidates"),
        (f"{MANY} --method baem", "did you mean 'beam'?"),
        (f"{MANY} --method majority --budget 99999", "choose from 1 to"),
        (f"{MANY} --total-flops nan", "is not a number"),
        (f"{MANY} --total-tokens 0", "--total-tokens"),
        (f"{MANY} --total-tokens 9 --method cot", "'method' interferes: drop one"),
        ("solve --problems p.jsonl --out no/r.jsonl --method cot", "there is no folder 'no'"),
        ("solve --problems p.jsonl --out . --method cot", "it is a folder"),
        ("solve --problems p.jsonl --out p.jsonl --method cot --resume", "holds the problems"),
        ("plan - --effort low --price 1e-9", "specify one"),
        ("plan - --effort lo", "did you mean 'low'?"),
        ("plan - --max-flops nan", "allow more than 0"),
        (f"{SWEEP} --portfolio arms.yaml", "did you mean 'world'?"),
        (f"{SWEEP} --portfolio none.yaml", "none.yaml"),
        ("sweep --problems p.jsonl --out a-file/log", "'a-file' is a file"),
        ("train log --out a-file/router", "'a-file' is a file"),
        ("evaluate router log --out a-file", "'a-file' is a file"),
        ("world train --out w --scale nan", "is not a number"),
        ("world report --out a-file", "'a-file' is a file"),
    ],
)
def test_bad_usage_is_refused_before_a_model_is_loaded(nothing_is_loaded: Path, line: str, said: str) -> None:
    result = invoke(*line.split())
    assert result.exit_code == 2, result.output
    assert said in result.stderr.replace(f"{nothing_is_loaded}/", "")
    assert "Traceback" not in result.output
    assert not {"r.jsonl", "log", "w"} & {path.name for path in nothing_is_loaded.iterdir()}
    assert (nothing_is_loaded / "p.jsonl").read_text() == '{"problem": "1 + 1?", "answer": "2"}\n'
