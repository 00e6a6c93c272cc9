from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select.core.errors import InputError
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.artifact import (
    SCHEMA,
    check_replaceable,
    describe_router,
    load_router,
    save_router,
)
from tts_select.selector.routers.lookahead import LookaheadRouter

TRAINED_ON = {"n_problems": 48, "problem_ids": ["p0", "p1"]}
FILES = {
    "manifest.json",
    "router.json",
    "mend.txt",
    "spoil.txt",
    "confidence.txt",
    "cost.txt",
    "difficulty-0.txt",
    "difficulty-1.txt",
}

WITHOUT_TORCH = """
import sys
from pathlib import Path
from tts_select.selector.routers.artifact import load_router
from tts_select.selector.evidence import Evidence, SolutionEvidence

router = load_router(Path(sys.argv[1]))
evidence = Evidence(sys.argv[2], {"p": [SolutionEvidence(0, 10, -1.0, 1, {"r": (0.5,)})]})
assert len(router.options(evidence)) == len(router.portfolio.arms) + 1
assert router.answers(evidence)
assert router.difficulties(evidence)
print(sorted({"torch", "transformers", "tokenizers", "vllm"} & set(sys.modules)))
"""


@pytest.fixture
def folder(router: LookaheadRouter, tmp_path: Path) -> Path:
    save_router(router, tmp_path / "router", trained_on=TRAINED_ON)
    return tmp_path / "router"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Changes a JSON file and its hash in the manifest."""
    text = json.dumps(change(json.loads((folder / name).read_text())))
    (folder / name).write_text(text)
    if name != "manifest.json":
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["sha256"][name] = hashlib.sha256(text.encode()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_router(folder)
    assert caught.value.exit_code == 2
    assert "train it again with `tts-select train`" in str(caught.value)
    return str(caught.value)


def test_a_router_comes_back_as_it_was_saved(router: LookaheadRouter, folder: Path, problem: str) -> None:
    loaded = load_router(folder)
    for n in range(4):
        samples = [SolutionEvidence(k % 2, 10 + k, -1.0 - k, 1, {"r": (0.5, 0.1 * k)}) for k in range(n)]
        found = {"beam@4 q r": samples[-1]} if samples else {}
        evidence = Evidence(problem, {"p": samples, "q": samples[:1]}, found)
        assert loaded.options(evidence) == router.options(evidence)
        assert loaded.answers(evidence) == router.answers(evidence)
        assert loaded.difficulties(evidence) == router.difficulties(evidence)
    for name in (
        *("portfolio", "probe", "prices", "fallback", "familiarity", "mean_tokens"),
        *("strengths", "fingerprints", "layout"),
    ):
        assert getattr(loaded, name) == getattr(router, name)


def test_saving_what_was_loaded_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save_router(load_router(folder), tmp_path / "again", trained_on=describe_router(folder))
    assert contents(tmp_path / "again") == contents(folder)


def test_the_folder_holds_text_only_and_nothing_half_written(folder: Path, tmp_path: Path) -> None:
    assert set(contents(folder)) == FILES
    assert all(content.decode().isprintable() or b"\n" in content for content in contents(folder).values())
    assert [path.name for path in tmp_path.iterdir()] == ["router"]


def test_the_training_is_described(folder: Path) -> None:
    assert describe_router(folder) == TRAINED_ON


def test_a_router_replaces_an_older_one_as_a_whole(router: LookaheadRouter, folder: Path) -> None:
    (folder / "difficulty-2.txt").write_text("of the older one")
    save_router(router, folder, trained_on={"n_problems": 50})
    assert set(contents(folder)) == FILES
    assert describe_router(folder) == {"n_problems": 50}


def test_a_router_of_another_version_may_be_replaced(router: LookaheadRouter, folder: Path) -> None:
    edit(folder, "manifest.json", lambda m: {**m, "schema": "tts-select/router@0"})
    save_router(router, folder, trained_on={})
    load_router(folder)


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{", "[]", "{}", '{"schema": 1}', '{"schema": "tts-select/sweep@1"}'],
    ids=["none", "empty", "broken", "list", "without schema", "number", "sweep"],
)
def test_a_folder_that_is_no_router_is_left_alone(
    router: LookaheadRouter, tmp_path: Path, manifest: str | None
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "precious.jsonl").write_text("hours of work")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    before = contents(folder)
    with pytest.raises(InputError, match=r"mine' is there and is no router: name another folder with --out"):
        save_router(router, folder, trained_on={})
    assert contents(folder) == before


def test_what_may_be_replaced_is_known_before_there_is_a_router(folder: Path, tmp_path: Path) -> None:
    check_replaceable(folder)
    check_replaceable(tmp_path / "new")
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="is there and is no router"):
        check_replaceable(tmp_path / "mine")


def test_a_file_is_left_alone(router: LookaheadRouter, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("hours of work")
    with pytest.raises(InputError, match="is there and is no router"):
        save_router(router, tmp_path / "mine", trained_on={})
    assert (tmp_path / "mine").read_text() == "hours of work"


def test_what_an_interrupted_save_left_behind_does_not_matter(
    router: LookaheadRouter, tmp_path: Path
) -> None:
    (tmp_path / "router.partial").mkdir()
    (tmp_path / "router.partial" / "old.txt").write_text("half")
    save_router(router, tmp_path / "router", trained_on={})
    assert set(contents(tmp_path / "router")) == FILES


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_tampered_file_is_named(folder: Path, name: str) -> None:
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace("0", "1", 1))
    assert f"{folder / name}' is not what its manifest says (sha256)" in refusal(folder)


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"the router lacks its file '{folder / name}'" in refusal(folder)


@pytest.mark.parametrize("missing", ["folder", "manifest"])
def test_a_half_written_folder_is_no_router(folder: Path, tmp_path: Path, missing: str) -> None:
    (folder / "manifest.json").unlink()
    asked = folder if missing == "manifest" else tmp_path / "none"
    assert f"no router in '{asked}': it has no manifest.json" in refusal(asked)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_manifest_that_is_not_json_is_named(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    assert f"'{folder / 'manifest.json'}' is not JSON" in refusal(folder)


@pytest.mark.parametrize("schema", ["tts-select/router@2", "tts-select/sweep@1", None, 1])
def test_another_schema_is_named(folder: Path, schema: object) -> None:
    edit(folder, "manifest.json", lambda m: {**m, "schema": schema})
    assert f"has the schema {schema!r}, this version reads {SCHEMA!r}" in refusal(folder)


@pytest.mark.parametrize("manifest", [[], "text", 3, None])
def test_a_manifest_that_is_no_object_has_no_schema(folder: Path, manifest: object) -> None:
    edit(folder, "manifest.json", lambda _: manifest)
    assert "manifest.json' has the schema None" in refusal(folder)


@pytest.mark.parametrize("field", ["sha256", "trained_on"])
def test_a_manifest_without_a_field_is_named(folder: Path, field: str) -> None:
    edit(folder, "manifest.json", lambda m: {k: v for k, v in m.items() if k != field})
    assert f"'{folder / 'manifest.json'}' lacks" in refusal(folder)


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_manifest_that_leaves_a_file_out_is_refused(folder: Path, name: str) -> None:
    edit(
        folder,
        "manifest.json",
        lambda m: {**m, "sha256": {k: v for k, v in m["sha256"].items() if k != name}},
    )
    assert f"the router '{folder}' cannot be read ('{name}')" in refusal(folder)


def test_other_features_than_this_version_has_are_named(folder: Path) -> None:
    edit(folder, "router.json", lambda r: {**r, "features": [*r["features"], "text/mood"]})
    assert f"the router '{folder}' cannot be read (it has other features than this version: text/mood" in (
        refusal(folder)
    )


def test_an_arm_without_a_strength_is_named(folder: Path) -> None:
    arm = load_router(folder).portfolio.arms[0].name
    edit(
        folder,
        "router.json",
        lambda r: {**r, "strengths": {k: v for k, v in r["strengths"].items() if k != arm}},
    )
    assert f"it does not know the strength of its arm '{arm}'" in refusal(folder)


def test_the_same_features_in_another_order_are_refused(folder: Path) -> None:
    edit(folder, "router.json", lambda r: {**r, "features": r["features"][::-1]})
    assert f"the router '{folder}' cannot be read (it has other features than this version: their order" in (
        refusal(folder)
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda r: {k: v for k, v in r.items() if k != "probe"},
        lambda r: {**r, "probe": {"policy": "p"}},
        lambda r: {**r, "text_ranges": [[1]]},
        lambda r: {**r, "portfolio": []},
        lambda r: {**r, "calibrations": []},
        lambda r: {**r, "calibrations": {**r["calibrations"], "mend": {"said": [0.5], "is": [1.5]}}},
        lambda _: [],
        lambda _: None,
    ],
    ids=[
        "no probe",
        "half a probe",
        "half a range",
        "no arms",
        "no curves",
        "bad curve",
        "list",
        "null",
    ],
)
def test_facts_that_are_no_routers_are_refused(folder: Path, change: Callable[[Any], Any]) -> None:
    edit(folder, "router.json", change)
    assert f"the router '{folder}' cannot be read (" in refusal(folder)


def test_a_model_that_lightgbm_cannot_read_is_refused(folder: Path) -> None:
    text = "no trees"
    (folder / "cost.txt").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    edit(folder, "manifest.json", lambda m: {**m, "sha256": {**m["sha256"], "cost.txt": digest}})
    assert f"the router '{folder}' cannot be read (" in refusal(folder)


def test_a_router_is_loaded_and_asked_without_a_model_library(folder: Path, problem: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(folder), problem],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
