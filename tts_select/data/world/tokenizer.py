"""The word-level tokenizer of the embedded world, in the Hugging Face format that any runtime loads.

A token is a word with the space before it, a phrase of comparison, or one digit. Text round-trips
exactly, and whatever the models do not know becomes `[UNK]`, so that it can be named to the user.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tts_select.data.world import stories
from tts_select.data.world.words import CONTAINERS, GOODS, ITEMS, NAMES

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, EOS, UNK = "[PAD]", "[EOS]", "[UNK]"
PROMPT_TEMPLATE = "{problem}\n"
_LEXEME = r"\n\n| ?\\boxed\{| ?[A-Za-z]+| ?[0-9]|\n| ?[^\sA-Za-z0-9]|."


def vocabulary() -> list[str]:
    """Special tokens, then the lexemes; the size of the models' vocabulary is exactly its length."""
    phrases = [f" {phrase}" for phrase in stories.PHRASES.values()]
    things = (*GOODS, *CONTAINERS)
    words = [*NAMES, *(thing.capitalize() for thing in things), "How", "Start", "Add", "Subtract"]
    words += ["Multiply", "What", "Delivery", "A", "Answer", "Then"]
    inner = [
        "has",
        "does",
        "do",
        "have",
        "many",
        "with",
        "by",
        "is",
        "the",
        "result",
        "cost",
        "coins",
        "each",
    ]
    inner += ["buys", "and", "adds", "voucher", "takes", "off", "pay", "gets", "gives", "away", "times", "as"]
    inner += ["together", *ITEMS, *things]
    lexemes = [
        "\n", "\n\n", " \\boxed{", "}", ".", "?", ":", " *", " +", " -", " =", "+", "-",
        *(str(d) for d in range(10)), *(f" {d}" for d in range(10)),
        *phrases, *words, *(f" {word}" for word in [*words, *inner]),
    ]  # fmt: skip
    return [PAD, EOS, UNK, *dict.fromkeys(lexemes)]


def build_tokenizer() -> Tokenizer:
    """The tokenizer as a `tokenizers.Tokenizer`."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(vocabulary())}, unk_token=UNK))
    phrases = "|".join(f" {phrase}(?![A-Za-z])" for phrase in stories.PHRASES.values())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"{phrases}|{_LEXEME}"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([PAD, EOS, UNK])
    return tokenizer


def save_tokenizer(folder: Path) -> None:
    """Write `tokenizer.json` and its configuration as `transformers` expects them."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=build_tokenizer(),
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    ).save_pretrained(folder)


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token of the vocabulary.

    Raises:
        KeyError: it is not in the vocabulary.
    """
    found = tokenizer.token_to_id(token)
    if found is None:
        raise KeyError(token)
    return found
