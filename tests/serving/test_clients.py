"""Real clients against the server of a newcomer: the embedded models, over the wire.

Clients that are programs are looked for in the folder that TTS_SELECT_CLIENTS names, then on the PATH; what
is not installed is left out.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.serving.running import Running
from tts_select import solve
from tts_select.data.world.suite import generate

pytestmark = pytest.mark.server
QUESTION = "Start with 14. Multiply by 3. What is the result?"
PROBLEMS = generate(6, seed=21, split="test")
TASK = """
task: world
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{problem}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["</s>"], do_sample: false, max_gen_toks: 400}}
filter_list:
  - name: boxed
    filter:
      - function: regex
        regex_pattern: "boxed\\\\{{([^}}]*)"
      - function: take_first
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""
INSPECT = """
import json
from pathlib import Path
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

@task
def world():
    found = [json.loads(line) for line in Path({data!r}).read_text().splitlines()]
    samples = [Sample(p["problem"], target="boxed{{" + p["answer"] + "}}") for p in found]
    return Task(samples, solver=generate(), scorer=includes())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running([], tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as made:
        yield made


def program(name: str) -> str:
    """A client; the test is left out where it is not installed."""
    folder = os.environ.get("TTS_SELECT_CLIENTS")
    found = shutil.which(name, path=folder) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: name its folder in TTS_SELECT_CLIENTS")
    return found


def run(arguments: list[str], folder: Path, **environment: str) -> str:
    env = {**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", **environment}
    env.pop("PYTHONPATH", None)
    ran = subprocess.run(
        arguments, capture_output=True, text=True, cwd=folder, env=env, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


def written(folder: Path) -> Path:
    lines = [json.dumps({"problem": p.problem, "answer": p.answer}) for p in PROBLEMS]
    (folder / "problems.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "problems.jsonl"


def expected() -> float:
    """The share of the problems that `solve` has right."""
    found = [solve(p.problem, effort="low", seed=1234).answer == p.answer for p in PROBLEMS]
    return sum(found) / len(found)


def test_the_sdk_gets_an_answer_with_its_bill(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="tts-select/auto",
        messages=[{"role": "user", "content": QUESTION}],
        reasoning_effort="low",
        seed=7,
        extra_body={"tts": {"deadline_s": 60, "show": "candidates"}},
    )
    alone = solve(QUESTION, effort="low", seed=7)
    assert reply.choices[0].message.content == alone.text
    assert reply.usage is not None
    assert reply.usage.completion_tokens == alone.bill.total.policy_generated_tokens
    tts: Any = reply.tts  # type: ignore[attr-defined]
    assert (tts["answer"], tts["confidence"]) == (alone.answer, alone.confidence)
    assert len(tts["candidates"]) == len(alone.candidates)
    assert "tts-select/auto" in [model.id for model in client.models.list()]


def test_the_sdk_streams_the_same_text(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="tts-select/low",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        found = list(stream)
    text = "".join(piece.choices[0].delta.content or "" for piece in found if piece.choices)
    assert text == solve(QUESTION, effort="low").text
    assert found[0].choices[0].delta.role == "assistant"
    assert found[-2].choices[0].finish_reason == "stop"
    assert found[-1].usage is not None


def test_the_async_sdk_asks_many_at_once(server: Running) -> None:
    async def all_at_once() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
            return await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model="tts-select/low", messages=[{"role": "user", "content": p.problem}], seed=1234
                    )
                    for p in PROBLEMS
                )
            )

    replies = asyncio.run(all_at_once())
    assert [r.tts["answer"] for r in replies] == [
        solve(p.problem, effort="low", seed=1234).answer for p in PROBLEMS
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "nobody"}, openai.NotFoundError),
        ({"extra_body": {"tts": {"url": "http://10.0.0.1"}}}, openai.BadRequestError),
        ({"n": 3}, openai.BadRequestError),
    ],
)
def test_the_sdk_raises_what_it_has_for_each_error(
    client: openai.OpenAI, fields: dict[str, Any], error: type[Exception]
) -> None:
    asked = {"model": "tts-select/auto", "messages": [{"role": "user", "content": QUESTION}], **fields}
    with pytest.raises(error):
        client.chat.completions.create(**asked)


def test_curl(server: Running, tmp_path: Path) -> None:
    body = {"model": "tts-select/low", "messages": [{"role": "user", "content": QUESTION}]}
    said = run(
        [
            program("curl"), "-sS", "--fail", f"{server.url}/chat/completions",
            "-H", "Content-Type: application/json", "-d", json.dumps(body),
        ],
        tmp_path,
    )  # fmt: skip
    assert json.loads(said)["tts"]["answer"] == "42"


def test_lm_evaluation_harness(server: Running, tmp_path: Path) -> None:
    harness = program("lm_eval")
    (tmp_path / "world.yaml").write_text(TASK.format(data=written(tmp_path)))
    run(
        [
            harness, "run", "--model", "local-chat-completions", "--model_args",
            f"model=tts-select/low,base_url={server.url}/chat/completions,num_concurrent=4,max_retries=1,"
            "tokenizer_backend=None",
            "--tasks", "world", "--include_path", str(tmp_path), "--apply_chat_template",
            "--output_path", str(tmp_path / "out"),
        ],
        tmp_path,
        OPENAI_API_KEY="none",
        HF_HOME=str(tmp_path / "hf"),
    )  # fmt: skip
    (file,) = (tmp_path / "out").rglob("results_*.json")
    scores = json.loads(file.read_text())["results"]["world"]
    assert scores["exact_match,boxed"] == pytest.approx(expected())


def test_inspect(server: Running, tmp_path: Path) -> None:
    inspect = program("inspect")
    (tmp_path / "task.py").write_text(INSPECT.format(data=str(written(tmp_path))))
    run(
        [
            inspect, "eval", "task.py", "--model", "openai-api/served/tts-select/low", "--seed", "1234",
            "--max-retries", "1", "--log-format", "json", "--log-dir", str(tmp_path / "logs"),
            "--display", "plain",
        ],
        tmp_path,
        SERVED_API_KEY="none",
        SERVED_BASE_URL=server.url,
    )  # fmt: skip
    (file,) = (tmp_path / "logs").glob("*.json")
    log = json.loads(file.read_text())
    assert log["status"] == "success"
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == pytest.approx(expected())
    used = log["stats"]["model_usage"]["openai-api/served/tts-select/low"]
    assert used["output_tokens"] > 0


def test_inspect_does_not_repeat_what_will_not_pass(server: Running, tmp_path: Path) -> None:
    """A problem that the embedded models cannot read is an error at once."""
    inspect, n_before = program("inspect"), n_refused(server)
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"problem": "Why is the sky blue?", "answer": "42"}) + "\n")
    (tmp_path / "task.py").write_text(INSPECT.format(data=str(file)))
    env = {**os.environ, "SERVED_API_KEY": "none", "SERVED_BASE_URL": server.url}
    ran = subprocess.run(
        [inspect, "eval", "task.py", "--model", "openai-api/served/tts-select/low", "--display", "plain"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
        timeout=120,
        check=False,
    )
    assert "does not know" in ran.stdout + ran.stderr
    assert n_refused(server) == n_before + 1


def n_refused(server: Running) -> int:
    """Requests that were answered with 400 so far."""
    text = httpx2.get(f"{server.url.removesuffix('/v1')}/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("tts_requests_total") and '"400"' in line]
    return sum(int(float(line.split()[-1])) for line in lines)
