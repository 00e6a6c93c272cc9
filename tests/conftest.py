"""What every test shares: no network, one thread, exact hypothesis runs and two tiny random models."""

from __future__ import annotations

import os

for name, value in {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ[name] = value

import asyncio
import json
import runpy
import shutil
import signal
import warnings
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from tts_select.core.arm import pool_name
from tts_select.core.protocols import SampleRequest
from tts_select.data.world.suite import WorldProblem, generate
from tts_select.executors import registry
from tts_select.executors.openai_api import thoughts
from tts_select.executors.registry import Loaders
from tts_select.selector.familiarity import Familiarity
from tts_select.selector.routers.artifact import save_router
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.routers.lookahead import boosting

T = TypeVar("T")

# a shell starts background jobs with interruptions ignored, and what they start inherits that
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("exact", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("exact")

VOCABULARY_GAIN = 3.0
"""Makes the random models' next-token distributions peaked: a wrong context changes what is written."""
ENDING_GAIN = {"[EOS]": 1.3, "\n\n": 1.6}
"""Of the tokens that end a solution and a step, so that random text ends now and then."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""The names of browsers that tests may run in."""
FEW_TREES = 30
"""Enough for made-up problems; fitting takes most of a test run's time."""


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is read from or written to the home of whoever runs the tests, and no server is remembered: the
    next test's may have its address."""
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    thoughts.found.clear()


@pytest.fixture(scope="session", autouse=True)
def _quick_fits() -> Iterator[None]:
    """Routers are fitted faster than users' are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "N_TREES", FEW_TREES)
        yield


@pytest.fixture
def in_time() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine, and fails if it hangs."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(20):
                return await coroutine

        return asyncio.run(bounded())

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The browser; tests that need it are skipped where it is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"there is no {' or '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        options = ["--headless", "--no-sandbox", "--disable-gpu"]
        found = driver.chromium.launch(executable_path=path, args=options)
        yield found
        found.close()


@pytest.fixture(scope="session")
def world_problems() -> list[WorldProblem]:
    """Six problems of each family and level."""
    return generate(6 * 3 * 8, seed=5, split="train")


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random Llama with the world's tokenizer, loaded from a folder as users' models are."""
    from tts_select.data.world.tokenizer import build_tokenizer
    from tts_select.training.world.models import Size, new_model

    model = new_model(Size(hidden=64, layers=2), build_tokenizer(), seed=1)
    return _saved_and_loaded(model, tmp_path_factory.mktemp("llama"), seed=1)


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Any) -> Any:
    """A random Qwen2 whose query heads share key-value heads.

    It has the Llama's tokenizer: from a Qwen2 folder `transformers` makes one of that family's own kind.
    """
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from tts_select.data.world.tokenizer import build_tokenizer

    config = Qwen2Config(
        vocab_size=build_tokenizer().get_vocab_size(),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    found = _saved_and_loaded(Qwen2ForCausalLM(config), tmp_path_factory.mktemp("qwen2"), seed=2)
    return replace(found, tokenizer=tiny_llama.tokenizer)


@pytest.fixture(params=["tiny_llama", "tiny_qwen2"])
def loaded(request: pytest.FixtureRequest) -> Any:
    """Each of the tiny models."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def vllm_policy() -> Iterator[Any]:
    """The small embedded policy in vLLM, whose engine starts once (half a minute)."""
    from tts_select import load_policy
    from tts_select.data.world.artifacts import folder_of

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vLLM's imports warn about its own dependencies
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
        engine = {"dtype": "float32", "enforce_eager": True, "max_num_seqs": 64}
        policy: Any = load_policy(f"vllm:{folder_of('policy', 'small')}", fresh=True, **engine)
    yield policy
    policy.close()


@pytest.fixture(scope="session")
def synthetic_log() -> Callable[..., Any]:
    """Makes up a sweep log of so many problems."""
    path = Path(__file__).parent / "training" / "synthetic.py"
    made: Callable[..., Any] = runpy.run_path(str(path))["synthetic_log"]
    return made


@pytest.fixture(scope="session")
def fitted(synthetic_log: Callable[..., Any]) -> Any:
    """A router that was trained on 48 made-up problems; fitted once for all tests."""
    from tts_select.training.routers.lookahead.fit import fit_router

    return fit_router(synthetic_log(48), Probe("world:small", "world:prm", 2))


@dataclass(frozen=True)
class Lent:
    """The fakes that a selector runs on, by their specs."""

    selector: Selector
    policies: dict[str, FakePolicy]
    prms: dict[str, FakeRewardModel]

    @property
    def samples(self) -> dict[str, list[int]]:
        """The indices of the whole solutions that were asked for, by pool."""
        found: dict[str, list[int]] = {}
        for name, policy in self.policies.items():
            for r in policy.requests:
                if not r.stop_at_step:
                    found.setdefault(pool_name(name, r.temperature), []).extend(range(r.first, r.first + r.n))
        return found

    @property
    def n_generated(self) -> int:
        """Requests to any policy."""
        return sum(len(policy.requests) for policy in self.policies.values())


def lend(router: LookaheadRouter, *, kind: type[FakePolicy] = FakePolicy, **more: Any) -> Lent:
    """Fakes for all models of the router, with the fingerprints that it was trained for."""
    policies = {name: kind(_script_of(name), name=name, **more) for name in router.portfolio.policies}
    prms = {name: FakeRewardModel(_score, name=name) for name in router.portfolio.prms}
    for name, model in (*policies.items(), *prms.items()):
        model.fingerprint = router.fingerprints[name]
    return Lent(Selector(router, loaders=Loaders(policies.__getitem__, prms.__getitem__)), policies, prms)


def _script_of(name: str) -> Callable[[SampleRequest, int], str]:
    skill = {"world:medium": 0.6, "world:large": 0.8}.get(name, 0.4)

    def write(request: SampleRequest, index: int) -> str:
        dice = Random(
            f"{name} {request.problem} {request.seed} {request.temperature} {request.steps} {index}"
        )
        answer = 7 if dice.random() < skill else dice.randint(20, 24)
        return f"We add them, one by one: \\boxed{{{answer}}}"

    return write


def _score(_: str, steps: tuple[str, ...]) -> list[float]:
    return [0.9 if "boxed{7}" in step else 0.3 for step in steps]


@pytest.fixture
def lent(fitted: Any) -> Lent:
    """The fitted router on fakes that have been asked nothing yet."""
    return lend(by_text_alone(fitted.router))


def by_text_alone(router: LookaheadRouter) -> LookaheadRouter:
    """The router without its idea of probes: those of the fakes are unlike the made-up log's. It takes its
    probe first, whatever the text says."""
    assert isinstance(router.familiarity, Familiarity)
    return replace(router, familiarity=replace(router.familiarity, probes=None), first_steps=None)


@pytest.fixture
def trusting(fitted: Any) -> LookaheadRouter:
    """The fitted router by the text alone."""
    return by_text_alone(fitted.router)


@pytest.fixture
def in_registry(lent: Lent, monkeypatch: pytest.MonkeyPatch) -> Lent:
    """`lent`, whose fakes are what the registry loads."""
    monkeypatch.setattr(registry, "_load_policy", lambda spec, *_: lent.policies[spec])
    monkeypatch.setattr(registry, "_load_prm", lambda spec, *_: lent.prms[spec])
    return lent


@pytest.fixture
def router_folder(fitted: Any, tmp_path: Path) -> Path:
    """Of the router that all tests share."""
    save_router(by_text_alone(fitted.router), tmp_path / "router", trained_on=fitted.facts)
    return tmp_path / "router"


@pytest.fixture
def lend_to() -> Callable[..., Lent]:
    """`lend`, for the tests that change the router or the fakes."""
    return lend


PUBLISHED = runpy.run_path(str(Path(__file__).with_name("published.py")))["PUBLISHED"]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Writes the configuration of a published model, with changes, and gives its folder."""

    def write(name: str, **changes: Any) -> str:
        folder = tmp_path_factory.mktemp("published") / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**PUBLISHED[name], **changes}))
        return str(folder)

    return write


EXACT = runpy.run_path(str(Path(__file__).with_name("exact.py")))


@pytest.fixture(scope="session")
def exact_router() -> LookaheadRouter:
    """See `exact.py`."""
    made: LookaheadRouter = EXACT["exact_router"]()
    return made


@pytest.fixture
def exact(exact_router: LookaheadRouter) -> Lent:
    """The exact router, on policies that cost what it says."""
    return lend_exactly(exact_router)


def lend_exactly(router: LookaheadRouter, factor: float = 1.0) -> Lent:
    """Its samples cost `factor` times what the router expects, and its PRM nothing."""
    found = lend(router, kind=type("Exact", (EXACT["ExactPolicy"],), {"factor": factor}))
    for prm in found.prms.values():
        prm.n_parameters = 0
    return found


@pytest.fixture
def lend_at_cost() -> Callable[..., Lent]:
    """`lend_exactly`, for the tests that change the router or the costs."""
    return lend_exactly


def _saved_and_loaded(model: Any, folder: Path, seed: int) -> Any:
    import torch

    from tts_select.data.world.tokenizer import build_tokenizer, save_tokenizer
    from tts_select.executors.runtime.loading import load_causal_lm

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                continue
            fan_in = 1 if "embed" in name else model.config.hidden_size
            parameter.normal_(0.0, fan_in**-0.5, generator=generator)
        model.lm_head.weight.mul_(VOCABULARY_GAIN)
        for token, gain in ENDING_GAIN.items():
            model.lm_head.weight[build_tokenizer().token_to_id(token)].mul_(gain)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return load_causal_lm(str(folder), device="cpu")
