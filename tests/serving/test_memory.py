"""What a server keeps is bounded: requests leave nothing behind but the last runs."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from tests.serving.fakes import catalogue_of, solutions
from tts_select.serving.chat import read_chat
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakePolicy

KEPT, EACH_BYTES, N = 20, 300, 100


def test_memory_stays_whatever_was_asked() -> None:
    policy = FakePolicy(solutions)
    service = Service(ServeSettings(runs_kept=KEPT), catalogue_of(policy, method="majority", budget=2))

    async def ask(k: int) -> None:
        body = {"model": "tts-select/auto", "messages": [{"role": "user", "content": f"What is {k}?"}]}
        await service.start(service.admit(read_chat(body), service.keys.named({})))

    async def ask_many(n: int) -> int:
        for k in range(0, n, 50):
            await asyncio.gather(*(ask(j) for j in range(k, k + 50)))
        policy.requests.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    async def go() -> tuple[int, int]:
        await ask_many(3 * N)  # fills what is bounded: the window of latencies, caches, free lists
        found = await ask_many(N), await ask_many(N)
        await service.close()
        return found

    tracemalloc.start()
    try:
        before, after = asyncio.run(go())
    finally:
        tracemalloc.stop()
    assert after - before < N * EACH_BYTES
