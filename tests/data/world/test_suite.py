from __future__ import annotations

import random
import re
from collections import Counter
from itertools import islice

import pytest

from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.derivations import canonical_steps
from tts_select.data.world.expressions import Expression, canonical, value
from tts_select.data.world.levels import LEVELS, MAX_STEPS, MAX_VALUE, MEAN_STEPS, training_shape
from tts_select.data.world.suite import (
    FAMILIES,
    Split,
    WorldProblem,
    generate,
    parse,
    split_of,
    stream,
)
from tts_select.data.world.words import GOODS, ITEMS, NAMES

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def renamed(problem: WorldProblem, rng: random.Random) -> str:
    """The same problem about other people and other things."""
    words: dict[str, str] = {}
    for kind in (NAMES, ITEMS):
        others = list(kind)
        rng.shuffle(others)
        words |= dict(zip(kind, others, strict=True))
    kinds = "|".join(NAMES if "cost" in problem.problem else words)
    return re.sub(rf"\b({kinds})\b", lambda m: words[m[0]], problem.problem)


def expression_of(text: str) -> Expression:
    found = parse(text)
    assert found is not None
    return found


def key(problem: WorldProblem) -> str:
    return f"{problem.family}:{canonical(expression_of(problem.problem))}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", LEVELS)
def test_the_canonical_solution_of_every_problem_is_right(family: str, level: int) -> None:
    problems = generate(25, seed=1, split="train", level=level, family=family)
    assert {(p.family, p.level) for p in problems} == {(family, level)}
    for problem in problems:
        assert is_strictly_right(problem.problem, problem.steps)
        assert problem.steps[-1] == f"Answer: \\boxed{{{problem.answer}}}"
        more = len(problem.steps) - 1 - int(MEAN_STEPS[level - 1])
        # what two branches of a story share may have to be computed for each, and what stands twice is once
        assert more >= -1
        assert more <= 1 or "together" in problem.problem


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_of_a_problem_says_all_that_its_solution_needs(family: str) -> None:
    for problem in generate(200, seed=2, split="train", family=family):
        expression = expression_of(problem.problem)
        assert FAMILIES[family].parse(problem.problem) == expression
        assert canonical_steps(expression) == problem.steps
        assert str(value(expression)) == problem.answer
        assert all(0 <= int(step.split()[-1]) <= 2 * MAX_VALUE for step in problem.steps[:-1])


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
                assert seen.setdefault(key(problem), split) == split
    assert len(seen) > 2000


@pytest.mark.parametrize("split", SPLITS)
def test_a_renamed_problem_stays_in_its_split(split: Split) -> None:
    rng = random.Random(0)
    changed = 0
    for problem in generate(240, seed=7, split=split):
        text = renamed(problem, rng)
        assert split_of(problem.family, expression_of(text)) == split
        changed += text != problem.problem
    assert changed > 120


def test_a_problem_that_only_gains_a_distractor_stays_in_its_split() -> None:
    plain = "Mia has 14 apples. Tom has 3 times as many as Mia. How many apples does Tom have?"
    distracted = plain.replace("How", "Eva has 5 more than Mia. How")
    assert canonical(expression_of(plain)) == canonical(expression_of(distracted))


def test_facts_in_another_order_are_the_same_problem() -> None:
    found = [
        expression_of(f"Mia has 2 nuts. {middle} How many nuts does Leo have?")
        for middle in (
            "Tom has 3 more than Mia. Leo has 2 times as many as Tom.",
            "Leo has 2 times as many as Tom. Tom has 3 more than Mia.",
        )
    ]
    assert value(found[0]) == 10
    assert canonical(found[0]) == canonical(found[1])


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
    assert parse(text) is None


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
    assert max(len(p.steps) for p in problems) in (MAX_STEPS + 1, MAX_STEPS + 2)
    for problem in problems:
        assert split_of(problem.family, expression_of(problem.problem)) == "train"
        assert is_strictly_right(problem.problem, problem.steps)


def test_the_families_share_their_words() -> None:
    """No name or thing, and no verb of them, belongs to one family alone."""
    texts = {
        family: " ".join(p.problem for p in generate(300, seed=8, split="train", family=family))
        for family in FAMILIES
    }
    for word in (*NAMES, *ITEMS, "has", "does", "coins"):
        assert sum(f" {word}" in text for text in texts.values()) == 3
    for word in (*GOODS, "cost", "gets", "gives", "times", "each", "many"):
        assert sum(f" {word}" in text for text in texts.values()) >= (1 if word == "each" else 2)
