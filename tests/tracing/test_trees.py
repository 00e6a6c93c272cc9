"""Trees of searches: every step that was written is in them, with what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.traced import searched


def nodes_of(method: str, budget: int = 8) -> list[dict[str, Any]]:
    (search,) = searched(method, budget)["searches"]
    nodes: list[dict[str, Any]] = search["nodes"]
    return nodes


@pytest.mark.parametrize("method", ["beam", "dvts"])
def test_parents_come_first_and_lengths_add_up(method: str) -> None:
    nodes = nodes_of(method)
    for place, node in enumerate(nodes):
        parent = node["parent"]
        assert parent is None or parent < place
        above = 0 if parent is None else nodes[parent]["total"]
        assert node["total"] == above + node["tokens"]
        assert parent is None or nodes[parent]["tree"] == node["tree"]


def test_all_that_a_beam_wrote_is_there() -> None:
    nodes = nodes_of("beam")
    by_round = [sum(n["copies"] for n in nodes if n["round"] == k) for k in range(3)]
    assert by_round == [8, 8, 8]


def test_what_has_children_was_kept() -> None:
    nodes = nodes_of("beam")
    parents = {n["parent"] for n in nodes} - {None}
    assert {nodes[k]["state"] for k in parents} <= {"kept", "chosen"}
    assert len([n for n in nodes if n["round"] == 0 and n["state"] == "pruned"]) == 6


def test_the_way_to_the_answer_is_chosen() -> None:
    trace = searched("beam")
    chosen = [n for n in trace["searches"][0]["nodes"] if n["state"] == "chosen"]
    assert "\n\n".join(n["text"] for n in chosen) == trace["text"]
    assert [n["answer"] for n in chosen][-1] == trace["answer"]


def test_subtrees_are_told_apart() -> None:
    assert {n["tree"] for n in nodes_of("dvts", 8)} == {0, 1}
