"""What Liu et al. 2025 (arXiv 2502.06703) report, to stand beside what is measured here; in percent."""

from __future__ import annotations

from typing import NamedTuple


class Strategy(NamedTuple):
    """A row of Table 5, on MATH-500; `efficiency` over majority is a number, or a bound such as `>256`."""

    policy: str
    cot: float
    majority: float
    optimal: float
    gain: float
    efficiency: str


class Pair(NamedTuple):
    """A small policy with TTS and a large one without, of Table 3, on MATH-500."""

    small: str
    optimal: float
    large: str
    cot: float


class Voting(NamedTuple):
    """A column of Table 2, on MATH-500: one PRM."""

    prm: str
    majority: float
    by_rule: dict[str, float]
    """By aggregation and selection."""


class Flops(NamedTuple):
    """A row of Table 4, and the parameters and training tokens that it is made of."""

    model: str
    n_parameters: float
    n_training_tokens: float
    training: float
    inference: float


TABLE_5 = (
    Strategy("Llama-3.2-1B", 26.0, 39.0, 66.2, 154.6, ">256"),
    Strategy("Llama-3.2-3B", 41.4, 58.4, 78.2, 88.9, "14.1"),
    Strategy("Llama-3.1-8B", 49.8, 66.4, 80.6, 61.8, "43.9"),
    Strategy("Qwen2.5-0.5B", 31.6, 47.2, 76.4, 141.8, ">64"),
    Strategy("Qwen2.5-1.5B", 54.4, 68.4, 85.6, 57.4, ">256"),
    Strategy("Qwen2.5-3B", 64.0, 77.0, 87.6, 36.9, "58.4"),
    Strategy("Qwen2.5-7B", 76.8, 83.6, 91.0, 18.5, "35.9"),
    Strategy("Qwen2.5-14B", 80.2, 85.6, 91.0, 13.5, "51.4"),
    Strategy("Qwen2.5-32B", 82.4, 87.0, 90.6, 10.0, "0.8"),
    Strategy("Qwen2.5-72B", 83.8, 87.2, 91.8, 9.5, "12.9"),
)
TABLE_2 = (
    Voting(
        "Skywork-PRM-7B",
        86.8,
        {
            "min max": 83.0,
            "min vote": 86.6,
            "last max": 84.4,
            "last vote": 87.0,
            "mean max": 85.8,
            "mean vote": 86.8,
        },
    ),
    Voting(
        "Qwen2.5-Math-PRM-7B",
        87.6,
        {
            "min max": 87.4,
            "min vote": 87.6,
            "last max": 87.6,
            "last vote": 87.6,
            "mean max": 87.8,
            "mean vote": 87.6,
        },
    ),
)
TABLE_4 = (
    Flops("Llama-3.2-3B", 3e9, 9e12, 1.62e23, 3.07e17),
    Flops("Llama-3.1-405B", 405e9, 15e12, 3.65e25, 4.25e17),
    Flops("R1-Distill-7B", 7e9, 18e12, 7.56e23, 8.15e17),
    Flops("R1", 671e9, 14.8e12, 5.96e25, 4.03e18),
)
TABLE_3 = (
    Pair("Qwen2.5-0.5B", 76.4, "GPT-4o", 74.6),
    Pair("Llama-3.2-1B, N = 512", 72.2, "Llama-3.1-405B", 71.4),
    Pair("Llama-3.2-3B", 75.6, "Llama-3.1-405B", 71.4),
    Pair("R1-Distill-7B", 95.2, "o1", 94.8),
    Pair("R1-Distill-7B", 95.2, "DeepSeek-R1", 97.3),
)
RULE = {
    "below 7B": {"easy": "beam", "medium": "beam", "hard": "beam"},
    "7B to 32B": {"easy": "dvts", "medium": "dvts", "hard": "beam"},
    "above 32B": {"easy": "best_of_n", "medium": "best_of_n", "hard": "best_of_n"},
}
"""The method that its authors found best on MATH-500, by the size of the policy and the difficulty."""
