"""Many problems in flight in your own event loop, each with its bill: `python examples/embed.py`."""

import asyncio

from tts_select import asolve

PROBLEMS = [
    "Start with 14. Multiply by 3. Subtract 9. What is the result?",
    "Pens cost 12 coins each. Mia buys 3 pens. Delivery adds 5 coins. How many coins does Mia pay?",
]


async def main() -> None:
    """Both at once: their samples share the model's batches."""
    solutions = await asyncio.gather(*(asolve(p, method="best_of_n", budget=8) for p in PROBLEMS))
    for problem, solution in zip(PROBLEMS, solutions, strict=True):
        cost = solution.bill.total
        print(problem)
        print(f"  {solution.answer} for {cost.policy_generated_tokens} tokens, {cost.flops:.2g} FLOPs")


if __name__ == "__main__":
    asyncio.run(main())
