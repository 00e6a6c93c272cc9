"""Beam search here and in its_hub: the same problems, policy server, PRM and N; wall time and accuracy.

    pip install --no-deps --target its_hub its-hub==1.2.0 backoff      # beside an environment with vLLM
    python benchmarks/its_hub_beam.py --its-hub its_hub

its_hub runs as it is, with its own client and its own `BeamSearch`; its PRM is an adapter over ours, which
answers a solution with the score of its last step. It ends a solution at `\\boxed`, since a chat's message
does not show the token that ends it. It solves one problem after the other, which is what its API offers, and
then all at once with `asyncio.gather`, which is as much as a caller can do. The PRM has forgotten everything
before each run, and so has the server, as each run has problems in another order of words: none.
"""
