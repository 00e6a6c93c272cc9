"""From rows to a sweep log that the one reader reads."""

from __future__ import annotations

import csv
import gzip
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_select import InputError
from tts_select.core.problem import Problem
from tts_select.data.grading import GRADER
from tts_select.data.problems import Fields
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.problems import Reference
from tts_select.training.importing.run import Import, import_logs
from tts_select.training.log.reading import read_log

Imported = Callable[..., Any]


def row(id_: str = "a", model: str = "small", **more: Any) -> dict[str, Any]:
    return {"id": id_, "model": model, "answer": "2", "gold": "2", "correct": True, **more}


def many(n: int, **more: Any) -> list[dict[str, Any]]:
    return [row(sample=k, **more) for k in range(n)]


def test_rows_become_pools_that_may_be_ragged_or_missing(imported: Imported) -> None:
    rows = [*many(3), row("b", sample=0, answer="7", gold="3", correct=False), row("a", "large", sample=0)]
    report, log = imported(rows, n_parameters={"small": 0.5e9})
    assert log.manifest.schema == "tts-select/sweep@2"
    assert {key: len(pool.samples) for key, pool in log.pools.items()} == {
        ("a", "log:small"): 3,
        ("b", "log:small"): 1,
        ("a", "log:large"): 1,
    }
    assert [log.manifest.models[f"log:{name}"].n_parameters for name in ("small", "large")] == [
        5 * 10**8,
        None,
    ]
    assert (log.problems["b"].answer, log.problems["b"].problem) == ("3", "")
    assert log.manifest.n_samples == 3
    small, large = report.as_dict()["policies"]
    assert small["pass_at_1"] == 0.5  # the mean over problems, not over samples
    assert (small["problems"], small["samples"], large["samples"]) == (2, 4, 1)


def test_arms_are_majorities_of_what_half_of_the_pools_hold(imported: Imported) -> None:
    rows = [r for id_, n in (("a", 1), ("b", 5), ("c", 9)) for r in many(n, id_=id_)]
    _, log = imported(rows)
    assert [arm.name for arm in log.manifest.arms] == [f"majority@{k} log:small" for k in (1, 2, 4, 5)]


def test_what_a_log_does_not_say_is_none(imported: Imported) -> None:
    _, log = imported([row()])
    (sample,) = log.pools["a", "log:small"].samples
    assert (sample.logprob, sample.finish, sample.text) == (None, None, None)
    assert log.pools["a", "log:small"].prompt_tokens is None
    assert (log.manifest.imported.unit, sample.n_tokens) == ("samples", 1)


def test_what_a_log_says_is_kept(imported: Imported) -> None:
    said = {
        "tokens": 7,
        "logprob": -1.5,
        "certainty": 7.5,
        "finish": "EOS",
        "text": "It is 2",
        "prompt_tokens": 4,
        "scores": [0.25, 1],
        "level": "Level 3",
        "subject": "Algebra",
        "problem": "1 + 1?",
    }
    _, log = imported([row(**said)], reading={"prm": "judge"})
    pool = log.pools["a", "log:small"]
    (sample,) = pool.samples
    assert (sample.n_tokens, sample.logprob, sample.finish, sample.text) == (7, -1.5, "stop", "It is 2")
    assert sample.certainty == 7.5
    assert (pool.prompt_tokens, sample.scores, pool.prm_tokens) == (4, {"log:judge": (0.25, 1.0)}, {})
    problem = log.problems["a"]
    assert (problem.problem, problem.level, problem.family) == ("1 + 1?", 3, "Algebra")
    assert [arm.name for arm in log.manifest.arms] == [
        "majority@1 log:small",
        "best_of_n@1 log:small log:judge",
    ]
    assert log.manifest.models["log:judge"].kind == "prm"


@pytest.mark.parametrize(
    ("more", "fields", "unit", "length"),
    [
        ({"n_chars": 30, "output_tokens": 9}, "", "tokens", 9),
        ({"n_chars": 30}, "", "characters", 30),
        ({"text": "four"}, "", "characters", 4),
        ({"output_tokens": 9, "n_chars": 30}, "tokens=", "characters", 30),
    ],
)
def test_the_finest_unit_that_is_known_counts(
    imported: Imported, more: dict[str, Any], fields: str, unit: str, length: int
) -> None:
    _, log = imported([row(**more)], fields)
    assert log.manifest.imported.unit == unit
    assert log.pools["a", "log:small"].samples[0].n_tokens == length


def test_our_grader_decides_where_the_log_does_not(imported: Imported) -> None:
    rows = [
        {"id": "a", "model": "m", "answer": answer, "gold": "0.5", "sample": k}
        for k, answer in enumerate(["1/2", r"\frac12", "2", None])
    ]
    _, log = imported(rows)
    assert [s.correct for s in log.pools["a", "log:m"].samples] == [True, True, False, False]
    assert log.manifest.grader == GRADER


def test_the_answer_is_found_in_the_text_where_there_is_only_that(imported: Imported) -> None:
    _, log = imported([{"id": "a", "model": "m", "gold": "4", "text": "So it is \\boxed{4}"}])
    assert log.pools["a", "log:m"].samples[0].answer == "4"
    assert log.pools["a", "log:m"].samples[0].correct


def test_the_verdict_of_the_log_wins_and_the_manifest_says_so(imported: Imported) -> None:
    rows = [row(answer="3", gold="2", sample=0), row(answer=None, gold=None, sample=1)]
    _, log = imported(rows)
    samples = log.pools["a", "log:small"].samples
    assert [(s.answer, s.correct) for s in samples] == [("3", True), (None, True)]
    assert log.manifest.grader == "log"


def test_a_log_without_gold_answers_has_problems_without_answer(imported: Imported) -> None:
    _, log = imported([{"id": "a", "model": "m", "answer": "2", "correct": 1}])
    assert log.problems["a"].answer is None


@pytest.mark.parametrize(
    ("rows", "fields", "n_kept"),
    [
        (many(3) + many(3), "", 3),
        ([row(sample=0, run="x"), row(sample=0, run="y")], "run=run", 2),
        ([row(sample=k, text_sha=h) for k, h in enumerate("xxy")], "text_hash=text_sha", 2),
        ([row(sample=k, text="same") for k in range(3)], "", 1),
        ([row(sample=k, text="same") for k in range(3)], "text_hash=", 3),
        ([row(), row()], "", 2),  # nothing tells them apart, and nothing says that they are the same
        ([row("a", text="same"), row("b", text="same"), row("a", "large", text="same")], "", 3),
    ],
)
def test_duplicates_are_dropped_and_counted(
    imported: Imported, rows: list[dict[str, Any]], fields: str, n_kept: int
) -> None:
    report, log = imported(rows, fields)
    assert sum(len(pool.samples) for pool in log.pools.values()) == n_kept
    assert report.tally.n_duplicates == len(rows) - n_kept


def test_prompts_are_policies_and_runs_are_merged(imported: Imported) -> None:
    rows = [row(sample=0, prompt=p, run=r) for p in ("one shot", "two") for r in ("x", "y")]
    _, log = imported(rows, "prompt=prompt,run=run")
    names = ["log:small#one_shot", "log:small#two"]
    assert {name: len(log.pools["a", name].samples) for name in names} == dict.fromkeys(names, 2)
    _, merged = imported(rows, "run=prompt", name="again.jsonl")
    assert list(merged.pools) == [("a", "log:small")]


BLANKS = ["", " ", None, float("nan"), "nan", "NaN", "<NA>"]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize(
    "key", ["answer", "correct", "gold", "level", "subject", "scores", "prompt_tokens", "finish", "sample"]
)
def test_a_blank_is_not_known(imported: Imported, key: str, blank: Any) -> None:
    whole = row(sample=0, level=2, subject="sums", scores=[0.5], prompt_tokens=4, finish="stop")
    report, log = imported([{**whole, key: blank}, {**whole, "sample": 1}])
    assert report.tally.n_bad == 0
    pool = log.pools["a", "log:small"]
    assert len(pool.samples) == 2
    if key == "answer":
        assert [s.answer for s in pool.samples] == [None, "2"]
    if key == "scores":
        assert [s.scores for s in pool.samples] == [{}, {"log:prm": (0.5,)}]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_model_or_id_is_taken_from_elsewhere(imported: Imported, blank: Any) -> None:
    rows = [row(id_, model, problem="1 + 1?") for id_, model in ((blank, "x"), ("a", blank), ("b", "x"))]
    _, log = imported(rows, reading={"model": "other"})
    assert set(log.pools) == {(Problem("1 + 1?").id, "log:x"), ("a", "log:other"), ("b", "log:x")}


def test_whole_numbers_are_whole_however_a_table_stores_them(imported: Imported) -> None:
    _, log = imported([row(7.0, sample=0.0, output_tokens=5.0), row(7, sample=0, output_tokens=5)])
    assert {key: len(pool.samples) for key, pool in log.pools.items()} == {("7", "log:small"): 1}


@pytest.mark.parametrize("nothing", ["", None, float("nan")])
def test_empty_responses_keep_the_unit(imported: Imported, nothing: Any) -> None:
    texts = [{"text": "So it is \\boxed{2}"}, {"text": nothing}]
    rows = [{"id": "a", "model": "m", "gold": "2", **text} for text in texts]
    _, log = imported(rows)
    assert log.manifest.imported.unit == "characters"
    found = [(s.answer, s.n_tokens, s.text) for s in log.pools["a", "log:m"].samples]
    assert found == [("2", 18, "So it is \\boxed{2}"), (None, 0, "")]
    _, log = imported([{**r, "tokens": 9 if r["text"] == texts[0]["text"] else None} for r in rows])
    assert (log.manifest.imported.unit, log.pools["a", "log:m"].samples[1].n_tokens) == ("tokens", 0)


def test_the_text_beside_an_answer_is_not_known_where_it_is_missing(imported: Imported) -> None:
    _, log = imported([row(text="", sample=0), row(text="", sample=1)])
    assert log.manifest.imported.unit == "samples"
    assert [s.text for s in log.pools["a", "log:small"].samples] == [None, None]


def test_a_few_samples_without_length_do_not_change_the_unit(imported: Imported) -> None:
    rows = [row(sample=k, tokens=None if k == 7 else 5, n_chars=30) for k in range(40)]
    report, log = imported(rows)
    assert (log.manifest.imported.unit, log.manifest.imported.n_bad) == ("tokens", 1)
    assert len(log.pools["a", "log:small"].samples) == 39
    assert report.tally.notes == ["samples without a number of tokens, which the others have: 1"]
    for more in ({"strict": True}, {}):
        rows[0]["tokens"] = rows[1]["tokens"] = None
        _, log = imported(rows, **more)
        assert log.manifest.imported.unit == "characters"


def test_a_model_whose_samples_all_have_no_length_is_not_in_the_log(imported: Imported) -> None:
    rows = [*many(40, tokens=5), row("a", "large", sample=0, scores=[0.5])]
    _, log = imported(rows)
    assert list(log.manifest.models) == ["log:small"]


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ("[0.1, 0.9]", (0.1, 0.9)),
        ("(0.1, 0.9)", None),
        ("[]", ()),
        ("null", ()),
        ("[nan, 0.5]", None),
        ("[0.1, None]", None),
        ('{"a": 1}', None),
    ],
)
def test_lists_in_the_cells_of_a_table(tmp_path: Path, scores: str, found: tuple[float, ...] | None) -> None:
    rows = [f'a,m,{k},4,4,"[0.5]"' for k in range(30)] + [f'a,m,30,4,4,"{scores}"'.replace('{"', '{""')]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["id,model,sample,answer,gold,scores", *rows]).replace('"a":', '"a"":'))
    report = import_logs(Import([path], ReadOptions("csv")), tmp_path / "log")
    samples = read_log(tmp_path / "log").pools["a", "log:m"].samples
    assert (len(samples), report.tally.n_bad) == ((31, 0) if found is not None else (30, 1))
    if found is not None:
        assert samples[-1].scores == ({"log:prm": found} if found else {})


@pytest.mark.parametrize("dump", [json.dumps, lambda rows: json.dumps(rows, indent=2)])
@pytest.mark.parametrize("name", ["s.jsonl", "s.json", "s.jsonl.gz", "s.json.gz"])
def test_rows_may_be_an_array_and_packed(tmp_path: Path, dump: Callable[..., str], name: str) -> None:
    content = dump(many(3)).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    import_logs(Import([tmp_path / name]), tmp_path / "log")
    assert len(read_log(tmp_path / "log").pools["a", "log:small"].samples) == 3


def test_a_text_with_other_line_ends_is_the_same_problem(imported: Imported) -> None:
    rows = [row(sample=k, problem=f"1 + 1?{end}Say it.") for k, end in enumerate(["\n", "\r\n", "\r"])]
    _, log = imported(rows)
    assert len(log.pools["a", "log:small"].samples) == 3


class TestRowsOfSeveralSamples:
    ROW: ClassVar[dict[str, Any]] = {
        "problem": "1 + 1?",
        "answer": "2",
        "model": "m",
        "responses": ["\\boxed{2}", "\\boxed{3}", "\\boxed{2}"],
        "correct": [True, False, True],
        "step_scores": [[0.5], [0.25, 0.5], [0.75]],
        "n_tokens": [4, 5, 6],
    }

    def test_lists_side_by_side_are_samples(self, imported: Imported) -> None:
        _, log = imported([self.ROW])
        (pool,) = log.pools.values()
        assert [(s.answer, s.correct, s.n_tokens, len(s.scores["log:prm"])) for s in pool.samples] == [
            ("2", True, 4, 1),
            ("3", False, 5, 2),
            ("2", True, 6, 1),
        ]
        (problem,) = log.problems.values()
        assert problem.answer == "2"  # in such rows `answer` is that of the problem

    def test_answers_may_be_listed_too(self, imported: Imported) -> None:
        lists = {"answer": ["2", "3", None], "gold": "2", "correct": None}
        _, log = imported([{**self.ROW, **lists}])
        (pool,) = log.pools.values()
        assert [(s.answer, s.correct) for s in pool.samples] == [("2", True), ("3", False), (None, False)]

    def test_a_copy_of_a_row_is_a_duplicate_and_a_row_of_another_run_is_not(self, imported: Imported) -> None:
        other = {**self.ROW, "responses": ["Hm, \\boxed{2}", "I say \\boxed{2}", "\\boxed{2}!"]}
        report, _ = imported([self.ROW, self.ROW, other])
        assert (report.tally.n_rows, report.tally.n_duplicates) == (9, 3)

    def test_a_response_that_is_a_list_in_json_is_one_response(self, imported: Imported) -> None:
        _, log = imported([row(text='["2", "3"]')])
        assert [s.text for s in log.pools["a", "log:small"].samples] == ['["2", "3"]']

    def test_rows_of_a_problem_that_have_no_numbers_are_merged(self, imported: Imported) -> None:
        rows = [{**self.ROW, "sample": None, "responses": [f"{k} {t}" for t in "abc"]} for k in (0, 1)]
        _, log = imported(rows)
        assert [len(pool.samples) for pool in log.pools.values()] == [6]

    def test_in_cells_they_are_read_too(self, tmp_path: Path) -> None:
        path = tmp_path / "s.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.ROW))
            writer.writeheader()
            writer.writerow(self.ROW)  # lists are written as Python has them
        import_logs(Import([path], ReadOptions("csv")), tmp_path / "log")
        (pool,) = read_log(tmp_path / "log").pools.values()
        assert [s.n_tokens for s in pool.samples] == [4, 5, 6]

    @pytest.mark.parametrize(
        ("change", "n_bad"),
        [({"n_tokens": [4, -1, 6]}, 1), ({"step_scores": [[0.5]]}, 3), ({"n_tokens": [4]}, 3)],
    )
    def test_a_bad_one_costs_itself_and_lists_that_do_not_fit_cost_all(
        self, imported: Imported, change: dict[str, Any], n_bad: int
    ) -> None:
        rows = [{**self.ROW, "problem": f"{k} + 1?"} for k in range(30)]
        report, _ = imported([*rows, {**self.ROW, **change}])
        assert (report.tally.n_rows, report.tally.n_bad) == (93, n_bad)


def test_bad_rows_are_named_counted_and_skipped(imported: Imported) -> None:
    rows = [*many(40), row(sample="x", tokens=-1), {"model": "small", "correct": True}]
    report, log = imported([{**r, "tokens": r.get("tokens", 5)} for r in rows])
    assert report.tally.n_bad == 2
    assert "samples.jsonl, line 41: the field 'tokens' (tokens): -1 is no count" in report.tally.notes[0]
    assert "line 42: no id of its problem" in report.tally.notes[1]
    assert len(log.pools["a", "log:small"].samples) == 40


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"correct": "perhaps"}, "'perhaps' is neither true nor false"),
        ({"tokens": 1e30}, "is no count"),
        ({"correct": None, "gold": None, "id": "z"}, "nothing says whether it is correct"),
        ({"gold": "3"}, "the problem 'a' has the gold answer '2' in another row"),
        ({"model": None}, "no model"),
        ({"answer": "\ud800"}, "no text that can be stored"),
        ({"scores": [0.5, 1.5]}, "no step scores from 0 to 1"),
        ({"scores": "0.5"}, "is no list"),
        ({"logprob": "nan"}, "is no number"),
        ({"problem": "2 + 2?"}, "had another text before"),
        ({"model": "sm all"}, "would both be log:sm_all"),
    ],
)
def test_a_strict_import_stops_at_the_first_bad_row(
    imported: Imported, bad: dict[str, Any], complaint: str
) -> None:
    good = row(scores=[0.5], logprob=-1.0, problem="1 + 1?", model="sm_all")
    with pytest.raises(InputError, match=f"line 2: .*{complaint}"):
        imported([good, {**good, **bad}], strict=True)


def test_too_many_bad_rows_leave_no_log(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("s.jsonl", [*many(18), row(sample="x", correct="perhaps")])
    with pytest.raises(
        InputError, match=r"1 of 19 rows cannot be used, more than 5%; the first is .*line 19"
    ):
        import_logs(Import([path]), tmp_path / "log")
    assert list((tmp_path / "log").iterdir()) == []


@pytest.mark.parametrize(("share", "is_log"), [(0.05, False), (0.2, True), (1.0, True)])
def test_more_bad_ones_may_be_allowed_for(imported: Imported, share: float, is_log: bool) -> None:
    rows = [*many(17), row(sample="x", correct="perhaps"), row(sample="y", answer="\ud835")]
    if is_log:
        report, _ = imported(rows, max_bad_share=share)
        assert report.tally.n_bad == 2
        rows = rows[17:]
    complaint = "none of 2 rows can be used" if share == 1 else "--max-bad allows for more"
    with pytest.raises(InputError, match=complaint):
        imported(rows, max_bad_share=share)


@pytest.mark.parametrize(
    ("first", "fields", "complaint"),
    [
        ({"model": "m"}, "", "no field of .* is known to name its problem: add --map id=FIELD; it has model"),
        ({"id": "a"}, "", "known to name the model: add --map model=FIELD, or --model NAME"),
        ({"id": "a", "model": "m"}, "id=key", "no field 'key' for --map id="),
    ],
)
def test_a_log_that_lacks_what_all_need_is_refused_at_its_first_row(
    imported: Imported, first: dict[str, Any], fields: str, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        imported([first], fields)


def test_a_record_may_leave_out_what_others_have(imported: Imported) -> None:
    rows = [{"id": "a", "model": "m", "gold": "2"}, {"id": "a", "model": "m", "gold": "2", "said": "2"}]
    _, log = imported(rows, "answer=said")
    assert [s.answer for s in log.pools["a", "log:m"].samples] == [None, "2"]


def test_no_row_is_no_log(imported: Imported) -> None:
    with pytest.raises(InputError, match="no sample in the files"):
        imported([])


def test_sizes_of_unknown_models_are_refused(imported: Imported) -> None:
    with pytest.raises(InputError, match="unknown model in --params 'smal': did you mean 'small'"):
        imported([row()], n_parameters={"smal": 1e9})


def test_bytes_that_are_no_text_make_a_bad_row(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("s.jsonl", many(30))
    path.write_bytes(
        path.read_bytes() + b'{"id": "a", "model": "small", "answer": "\xff", "correct": true}\n'
    )
    report = import_logs(Import([path]), tmp_path / "log")
    assert report.tally.n_bad == 1
    assert "line 31: the field 'answer'" in report.tally.notes[0]


def test_a_prm_with_the_name_of_a_model_is_refused(imported: Imported) -> None:
    with pytest.raises(InputError, match="'small' is a model and a PRM: name the PRM with --prm"):
        imported([row(scores=[0.5])], reading={"prm": "small"})


def test_a_folder_with_files_is_not_written_into(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("s.jsonl", many(2))
    import_logs(Import([path]), tmp_path / "log")
    with pytest.raises(InputError, match="holds files"):
        import_logs(Import([path]), tmp_path / "log")


def test_a_log_that_lost_a_pool_is_noticed(write: Callable[..., Path], tmp_path: Path) -> None:
    import_logs(Import([write("s.jsonl", [row("a"), row("b")])]), tmp_path / "log")
    manifest = tmp_path / "log" / "manifest.json"
    data = json.loads(manifest.read_text())
    data["imported"]["n_pools"] = 3
    manifest.write_text(json.dumps(data))
    with pytest.raises(InputError, match="has 2 pools, not 3: import it again"):
        read_log(tmp_path / "log")


@pytest.mark.parametrize(
    ("by", "ids"), [("id", ["p0", "p1"]), ("row", ["0", "1"]), ("row", ["exam-00", "exam-01"])]
)
def test_a_file_of_problems_has_what_the_log_lacks(
    imported: Imported, write: Callable[..., Path], by: Any, ids: list[str]
) -> None:
    known = [{"id": f"p{k}", "problem": f"{k} + 1?", "answer": k + 1, "level": "Level 2"} for k in range(3)]
    reference = Reference.load(str(write("problems.jsonl", known)), Fields(), by)
    rows = [{"id": id_, "model": "m", "answer": "2"} for id_ in ids]
    _, log = imported(rows, reference=reference)
    assert [(p.id, p.problem, p.answer, p.level) for p in log.problems.values()] == [
        (ids[0], "0 + 1?", "1", 2),
        (ids[1], "1 + 1?", "2", 2),
    ]
    assert [log.pools[id_, "log:m"].samples[0].correct for id_ in ids] == [False, True]


def test_other_problems_are_refused(imported: Imported, write: Callable[..., Path]) -> None:
    path = str(write("problems.jsonl", [{"id": "a", "problem": "?", "answer": "9"}, {"problem": "!"}]))
    with pytest.raises(InputError, match=r"are not the log's gold answers \(0 of 1 agree\)"):
        imported([row("a")], reference=Reference.load(path, Fields(), "id"))
    with pytest.raises(InputError, match=r"none of the log's problems .* --problem-ids row"):
        imported([row("z")], reference=Reference.load(path, Fields(), "id"))


drawn = st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]), st.integers(0, 3), st.booleans())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(drawn, min_size=1, max_size=30))
def test_nothing_is_lost_and_nothing_counted_twice(
    imported: Imported, rows: list[tuple[str, str, int, bool]]
) -> None:
    first: dict[tuple[str, str, int], bool] = {}
    for id_, model, sample, right in rows:
        first.setdefault((id_, model, sample), right)
    made = [row(id_, model, sample=k, correct=right) for id_, model, k, right in rows]
    report, log = imported(made, name=f"{random.random()}.jsonl")
    pools: dict[tuple[str, str], list[bool]] = {}
    for (id_, model, _), right in first.items():
        pools.setdefault((id_, f"log:{model}"), []).append(right)
    assert {key: [s.correct for s in pool.samples] for key, pool in log.pools.items()} == pools
    assert report.tally.n_duplicates == len(rows) - len(first)


def lines(n: int, n_chars: int) -> Iterator[str]:
    for k in range(n):
        text = f"{k} " * (n_chars // len(f"{k} "))
        yield json.dumps({**row(f"p{k % 50}", sample=k), "text": text}) + "\n"


@pytest.mark.slow
def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path, n_mib = tmp_path / "big.jsonl", 24
    with path.open("w") as stream:
        stream.writelines(lines(n_mib * 64, 16_384))
    assert path.stat().st_size > n_mib * 2**20 * 0.9
    tracemalloc.start()
    try:
        import_logs(Import([path]), tmp_path / "log")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n_mib * 2**20 / 2  # a batch of rows, written to parquet
