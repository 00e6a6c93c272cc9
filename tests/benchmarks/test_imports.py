"""Every script finds what it imports: nothing else here runs most of them."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def imported(script: Path) -> Iterator[tuple[str, str]]:
    """The module and the name of everything that a script takes from this package, or from its neighbours."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def defined(script: Path) -> set[str]:
    """The names of a script's functions, classes and constants."""
    found = set()
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        found.add(getattr(node, "name", ""))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_finds_what_it_imports(script: Path) -> None:
    for module, name in imported(script):
        if module.split(".")[0] == "tts_select":
            found = importlib.import_module(module)
            if not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")
        elif (neighbour := BENCHMARKS / f"{module}.py").exists():
            assert name in defined(neighbour), f"{module} has no {name}"
