"""What a text's words are, and where it lies on axes that training has found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tts_select.selector.wording import Wording, terms_of

TEXTS = ["Start with 3. Add 14.", "A pen costs 3 cents, and a book 1,250.5.", "Start with a book."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Start with 3.", ["start", "with", "0", "."]),
        ("it is 1,250.5", ["it", "is", "0"]),
        (r"\frac{a}{2}", [r"\frac", "{", "a", "}", "{", "0", "}"]),
        ("多少苹果", ["多", "少", "苹", "果"]),
        ("Сколько яблок", ["сколько", "яблок"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
    ],
)
def test_words_are_words_of_any_script_and_all_numbers_are_one(text: str, words: list[str]) -> None:
    found = terms_of(text)
    assert found[: len(words)] == words
    assert found[len(words) :] == [f"{a} {b}" for a, b in pairwise(words)]


def fitted(texts: list[str]) -> tuple[TfidfVectorizer, Wording]:
    of_terms = TfidfVectorizer(analyzer=terms_of, sublinear_tf=True).fit(texts)
    terms = tuple(of_terms.get_feature_names_out())
    axes = np.random.default_rng(0).normal(size=(len(terms), 3))
    return of_terms, Wording(terms, of_terms.idf_, axes)


@pytest.mark.parametrize("text", [*TEXTS, "Start with a book and a book and a pen.", "none of them"])
def test_a_text_lies_where_scikit_learn_puts_it(text: str) -> None:
    of_terms, wording = fitted(TEXTS)
    expected = (of_terms.transform([text]) @ wording.axes)[0]
    np.testing.assert_allclose(wording.of(text), expected, atol=1e-12)


@given(st.text(max_size=200))
def test_any_text_lies_somewhere(text: str) -> None:
    wording = fitted(TEXTS)[1]
    found = wording.of(text)
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) <= np.linalg.norm(wording.axes) + 1e-9


def test_a_wording_is_the_same_after_json() -> None:
    wording = fitted(TEXTS)[1]
    again = Wording.from_dict(wording.as_dict())
    for text in TEXTS:
        np.testing.assert_array_equal(again.of(text), wording.of(text))


def test_a_wording_without_terms_is_read_again() -> None:
    """That of training problems without a word in common."""
    none = Wording((), np.zeros(0), np.zeros((0, 0)))
    assert Wording.from_dict(none.as_dict()).of("Add 1 and 2.").shape == (0,)


def test_weights_that_do_not_fit_the_terms_are_refused() -> None:
    record = fitted(TEXTS)[1].as_dict()
    with pytest.raises(ValueError, match="fit its weights and axes"):
        Wording.from_dict({**record, "weights": record["weights"][1:]})
