"""Search methods: one small file each, over the two protocols alone; `core/methods.py` lists them."""

from __future__ import annotations

from importlib import import_module

from tts_select.executors.search import Search


async def run_method(name: str, search: Search) -> None:
    """Run the method of this name: the coroutine in the module that is called like it."""
    await getattr(import_module(f"{__name__}.{name}"), name)(search)
