import asyncio

from tts_select.data.grading.grading import group_equivalent


async def group_answers(answers, *, deadline=None):
    return await asyncio.to_thread(group_equivalent, list(answers))
