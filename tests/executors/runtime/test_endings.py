from __future__ import annotations

from typing import Any

from tts_select.executors.runtime.endings import ids_that_close, ids_that_may_close


class Pieces:
    """A tokenizer that has these pieces of text for tokens."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    def batch_decode(self, batch: list[list[int]]) -> list[str]:
        return ["".join(self.pieces[i] for i in ids) for ids in batch]


def test_tokens_that_hold_the_whole_delimiter_close_a_step_and_parts_of_it_may() -> None:
    tokenizer: Any = Pieces("a", "\n", ".\n", "\n\n", ".\n\n", "\n\n\n", "\n\nb", " \n b")
    assert ids_that_close("\n\n", tokenizer) == {3, 4, 5, 6}
    assert ids_that_may_close("\n\n", tokenizer) == {1, 2, 3, 4, 5, 6, 7}


def test_the_embedded_models_close_a_step_with_one_token() -> None:
    from transformers import PreTrainedTokenizerFast

    from tts_select.data.world.tokenizer import build_tokenizer

    built = build_tokenizer()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=built)
    assert ids_that_close("\n\n", tokenizer) == {built.token_to_id("\n\n")}
