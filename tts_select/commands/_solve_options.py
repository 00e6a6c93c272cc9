"""The options of `tts-select solve`: what is named, what it may spend, and many problems at once."""

from __future__ import annotations

from pathlib import Path

import click

from tts_select.commands._options import (
    Number,
    concurrency_option,
    field_options,
    known,
    read_pairs,
    together,
    writable_file,
)
from tts_select.core.plan import AGGREGATIONS, SELECTIONS
from tts_select.executors.prms.formats import FORMATS
from tts_select.solving.options import method_names

naming_options = together(
    click.option("--pair", default=None, help="A policy and its PRM, by the pair's name in the config."),
    click.option(
        "--policy",
        default=None,
        help="The policy: world:small, hf:ORG/NAME, vllm:ORG/NAME, openai:MODEL, a folder, or a name in the "
        "config.",
        show_default="the router chooses",
    ),
    click.option(
        "--base-url", default=None, help="URL of the server of openai:MODEL.", show_default="OPENAI_BASE_URL"
    ),
    click.option(
        "--policy-option",
        "policy_options",
        metavar="NAME=VALUE",
        multiple=True,
        callback=read_pairs,
        help="Option of the policy's backend, such as dtype=bfloat16 or params=7e9; may be repeated.",
    ),
    click.option(
        "--prm",
        default=None,
        help="The PRM: world:prm, hf:ORG/NAME, vllm:ORG/NAME, served:MODEL, a folder, or a name in the "
        "config; none for no PRM.",
        show_default="world:prm for embedded policies",
    ),
    click.option(
        "--prm-format",
        default=None,
        callback=known("PRM format", FORMATS),
        help=f"How the PRM reads a solution: {', '.join(FORMATS)} (docs/prms.md).",
        show_default="by the PRM's name",
    ),
    click.option(
        "--prm-option",
        "prm_options",
        metavar="NAME=VALUE",
        multiple=True,
        callback=read_pairs,
        help="Option of the PRM's backend, such as dtype=bfloat16; may be repeated.",
    ),
    click.option(
        "--method",
        default=None,
        callback=known("method", method_names()),
        help=f"Search method: {', '.join(method_names())}; the last asks the cheapest policy of --config, "
        "then the dearest.",
        show_default="the router chooses",
    ),
    click.option(
        "--budget",
        type=int,
        default=None,
        help="Number of candidates (N).",
        show_default="16 for a policy alone, else by the effort: 4, 16 or 64",
    ),
    click.option(
        "--aggregation",
        default=None,
        callback=known("aggregation", AGGREGATIONS),
        help=f"How step scores become one score: {', '.join(AGGREGATIONS)}.",
        show_default="last",
    ),
    click.option(
        "--selection",
        default=None,
        callback=known("selection", SELECTIONS),
        help=f"How candidates become one answer: {', '.join(SELECTIONS)}.",
        show_default="vote",
    ),
    click.option(
        "--temperature",
        type=float,
        default=None,
        help="Sampling temperature, of all samples; 0 is greedy.",
        show_default="0.7; without a method and a PRM the first sample is greedy",
    ),
    click.option(
        "--max-new-tokens",
        type=int,
        default=None,
        help="Most tokens of one candidate.",
        show_default="2048, or 8192 for a policy that thinks",
    ),
)
"""What is named: models, a method, and how it searches."""

spending_options = together(
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of all sampling."),
    click.option("--max-tokens", type=int, default=None, help="Most tokens generated for a problem."),
    click.option(
        "--deadline",
        type=float,
        default=None,
        help="Most seconds for a problem; loading models is not counted.",
    ),
    click.option(
        "--effort",
        default=None,
        help="Effort of the router, or of the named method: low, medium or high.",
        show_default="medium",
    ),
    click.option(
        "--price",
        metavar="PRICE",
        default=None,
        help="Instead of --effort: probability per FLOP (per sample for a policy alone), or per another "
        "unit, as in 0.1/dollar, 0.01/second or 1e-6/token.",
    ),
    click.option("--max-flops", type=float, default=None, help="Most FLOPs for a problem, approximately."),
    click.option(
        "--max-dollars",
        type=Number(min=0, min_open=True),
        default=None,
        help="Most dollars for a problem, approximately: what is read is not reserved. The models need "
        "prices.",
    ),
    click.option(
        "--router",
        default=None,
        help="Folder of a router.",
        show_default="the config's, else the shipped one",
    ),
    click.option(
        "--prior",
        default=None,
        help="Folder of a prior of your own, for a policy without a method and a PRM.",
        show_default="the config's, else the shipped one",
    ),
    click.option("--untrained-rule", is_flag=True, help="Use the paper's rule of thumb instead of a router."),
)
"""What a problem may spend, and who decides on it."""

batch_options = together(
    click.option(
        "--problems", type=Path, default=None, help="Solve many problems: a file, or a public data set."
    ),
    field_options,
    click.option(
        "--out",
        type=Path,
        default=None,
        callback=writable_file,
        help="With --problems: a JSONL file for the results, in the order of the problems once all are "
        "solved.",
    ),
    click.option(
        "--resume", is_flag=True, help="With --problems: solve only those that --out does not hold yet."
    ),
    click.option(
        "--with-candidates", is_flag=True, help="With --problems: write every candidate into --out, too."
    ),
    concurrency_option,
    click.option(
        "--total-flops",
        type=Number(min=0, min_open=True),
        default=None,
        help="With --problems: FLOPs for all of them together.",
    ),
    click.option(
        "--total-tokens",
        type=click.IntRange(1),
        default=None,
        help="With --problems: generated tokens for all of them together.",
    ),
    click.option(
        "--total-dollars",
        type=Number(min=0, min_open=True),
        default=None,
        help="With --problems: dollars for all of them together.",
    ),
)
"""Many problems at once."""
