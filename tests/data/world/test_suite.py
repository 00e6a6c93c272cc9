from __future__ import annotations

import random
import re
from collections import Counter
from itertools import islice

import pytest

from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.levels import LEVELS, MAX_VALUE, MEAN_STEPS, training_shape
from tts_select.data.world.stories import ITEMS, NAMES
from tts_select.data.world.suite import (
    FAMILIES,
    Split,
    WorldProblem,
    canonical_steps,
    generate,
    parse_facts,
    split_of,
    stream,
)

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def renamed(problem: WorldProblem, rng: random.Random) -> str:
    """The same problem about other people and other things."""
    words: dict[str, str] = {}
    for kind in (NAMES, ITEMS):
        others = list(kind)
        rng.shuffle(others)
        words |= dict(zip(kind, others, strict=True))
    kinds = "|".join(words) if problem.family == "story" else "|".join(NAMES)
    return re.sub(rf"\b({kinds})\b", lambda m: words[m[0]], problem.problem)


def canonical(problem: WorldProblem) -> str:
    facts = parse_facts(problem.problem)
    assert facts is not None
    return f"{problem.family}:{facts.canonical()}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", LEVELS)
def test_the_canonical_solution_of_every_problem_is_right(family: str, level: int) -> None:
    problems = generate(25, seed=1, split="train", level=level, family=family)
    assert {(p.family, p.level) for p in problems} == {(family, level)}
    for problem in problems:
        assert is_strictly_right(problem.problem, problem.steps)
        assert problem.steps[-1] == f"Answer: \\boxed{{{problem.answer}}}"
        assert 0 <= len(problem.steps) - 1 - int(MEAN_STEPS[level - 1]) <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_of_a_problem_says_all_that_its_solution_needs(family: str) -> None:
    for problem in generate(200, seed=2, split="train", family=family):
        facts = parse_facts(problem.problem)
        assert facts is not None
        assert FAMILIES[family].parse(problem.problem) == facts
        assert canonical_steps(facts) == problem.steps
        assert str(facts.answer()) == problem.answer
        assert all(0 < value <= MAX_VALUE for value in facts.values())


def test_levels_and_families_come_equally_often() -> None:
    counts = Counter((p.level, p.family) for p in generate(240, seed=3))
    assert set(counts.values()) == {10}
    assert len(counts) == len(LEVELS) * len(FAMILIES)


@pytest.mark.parametrize("split", SPLITS)
def test_one_seed_gives_the_same_problems_and_another_seed_gives_others(split: Split) -> None:
    assert generate(48, seed=4, split=split) == generate(48, seed=4, split=split)
    assert {p.problem for p in generate(48, seed=4, split=split)}.isdisjoint(
        p.problem for p in generate(48, seed=5, split=split) if p.level > 2
    )


def test_a_larger_suite_begins_with_the_smaller_one() -> None:
    assert generate(60, seed=4)[:24] == generate(24, seed=4)


@pytest.mark.parametrize("split", SPLITS)
def test_no_problem_comes_twice(split: Split) -> None:
    problems = generate(600, seed=6, split=split, level=1)
    assert len({p.problem for p in problems}) == len({p.id for p in problems}) == 600


def test_no_arithmetic_is_in_two_splits() -> None:
    seen: dict[str, Split] = {}
    for split in SPLITS:
        for seed in (1, 2):
            for problem in generate(480, seed=seed, split=split):
                assert seen.setdefault(canonical(problem), split) == split
    assert len(seen) > 2000


@pytest.mark.parametrize("split", SPLITS)
def test_a_renamed_problem_stays_in_its_split(split: Split) -> None:
    rng = random.Random(0)
    changed = 0
    for problem in generate(240, seed=7, split=split):
        facts = parse_facts(text := renamed(problem, rng))
        assert facts is not None
        assert split_of(problem.family, facts) == split
        changed += text != problem.problem
    assert changed > 120


def test_a_problem_that_only_gains_a_distractor_stays_in_its_split() -> None:
    plain = "Mia has 14 apples. Tom has 3 times as many as Mia. How many apples does Tom have?"
    distracted = plain.replace("How", "Eva has 5 more than Mia. How")
    a, b = parse_facts(plain), parse_facts(distracted)
    assert a is not None
    assert b is not None
    assert len(b.quantities) == 2
    assert a.canonical() == b.canonical()


def test_facts_in_another_order_are_the_same_problem() -> None:
    facts = [
        parse_facts(f"Mia has 2 nuts. {middle} How many nuts does Leo have?")
        for middle in (
            "Tom has 3 more than Mia. Leo has 2 times as many as Tom.",
            "Leo has 2 times as many as Tom. Tom has 3 more than Mia.",
        )
    ]
    assert facts[0] is not None
    assert facts[0].answer() == 10
    assert facts[0].canonical() == facts[1].canonical()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is 2 + 2?",
        "Start with 3.",
        "Start with 3. What is the result?",
        "Mia has 14 apples. How many apples does Mia have?",
        "Mia has 3 more than Tom. Tom has 3 more than Mia. How many nuts does Mia have?",
        "Tom has 3 more than Mia. How many nuts does Tom have?",
        "Pens cost 3 coins each. Mia buys 2 cups. How many coins does Mia pay?",
    ],
)
def test_other_text_is_no_problem_of_the_world(text: str) -> None:
    assert parse_facts(text) is None


def test_a_problem_becomes_a_json_record() -> None:
    problem = generate(1, seed=1)[0]
    record = problem.record()
    assert list(record) == ["id", "problem", "answer", "level", "family", "steps"]
    assert record["steps"] == list(problem.steps)


@pytest.mark.parametrize("families", [("story",), ("machine", "shopping"), tuple(FAMILIES)])
def test_a_stream_is_of_the_families_that_are_asked_for(families: tuple[str, ...]) -> None:
    some = islice(stream(training_shape, seed="s", split="train", families=families), 90)
    counts = Counter(problem.family for problem in some)
    assert set(counts) == set(families)
    assert min(counts.values()) > 60 / len(families)


def test_the_training_stream_is_seeded_and_stays_in_its_split() -> None:
    def first(n: int, seed: str) -> list[WorldProblem]:
        return [p for p, _ in zip(stream(training_shape, seed=seed, split="train"), range(n), strict=False)]

    problems = first(300, "a")
    assert problems == first(300, "a") != first(300, "b")
    assert {p.family for p in problems} == set(FAMILIES)
    assert max(len(p.steps) for p in problems) == 10
    for problem in problems:
        facts = parse_facts(problem.problem)
        assert facts is not None
        assert split_of(problem.family, facts) == "train"
