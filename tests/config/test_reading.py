"""What a config file may say, and one line for each mistake: the file, the key, what is wrong, what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tts_select import InputError
from tts_select.config import Config, Pair, PolicyEntry, PrmEntry, find_config, load_config
from tts_select.executors.backend_options import OpenAIOptions, checked
from tts_select.executors.placement.memory import Workload

Read = Callable[[str], Config]

WHOLE = """
policies:
  small: {spec: "world:small", device: cpu}
  qwen:
    spec: vllm:Qwen/Qwen2.5-7B-Instruct
    dtype: bfloat16
    device: cuda:1
    options: {tensor_parallel_size: 2, thinking: false}
    max_new_tokens: 4096
  served: {spec: "openai:big", options: {base_url: "http://localhost:8000/v1", params: 7.0e+9}}
prms:
  shepherd: {spec: ./tuned, format: math-shepherd, dtype: float16}
pairs:
  math: {policy: qwen, prm: shepherd}
  alone: {policy: "world:large"}
placement: {concurrency: 8, context: 1000, gpus: [24, 22.5]}
portfolio:
  name: mine
  arms:
    - {pair: math, method: beam, budget: 4}
    - {policy: [small, qwen], method: majority, budget: 8}
    - {policy: qwen, method: cot, max_new_tokens: 100}
router: router
prior: mine/prior
probe: {policy: small, prm: shepherd, samples: 2}
"""


def test_every_key_is_read(config: Read, tmp_path: Path) -> None:
    found = config(WHOLE)
    assert found.policies["small"] == PolicyEntry("world:small", {"device": "cpu"})
    gpus = {"device_ids": [1, 2], "tensor_parallel_size": 2}
    assert found.policies["qwen"] == PolicyEntry(
        "vllm:Qwen/Qwen2.5-7B-Instruct", {"dtype": "bfloat16", "thinking": False, **gpus}, 4096
    )
    assert found.policies["served"].options["params"] == 7e9
    assert found.prms["shepherd"] == PrmEntry(f"hf:{tmp_path}/tuned", "math-shepherd", {"dtype": "float16"})
    assert found.pairs == {"math": Pair("qwen", "shepherd"), "alone": Pair("world:large")}
    assert found.placement is not None
    assert found.placement.workload == Workload(8, 1000)
    assert found.placement.gpus == (24.0, 22.5)
    assert found.router == tmp_path / "router"
    assert found.prior == tmp_path / "mine/prior"
    assert (found.probe.policy, found.probe.prm, found.probe.samples) == ("small", "shepherd", 2)


def test_arms_refer_to_pairs_and_take_the_limits_of_their_policies(config: Read) -> None:
    portfolio = config(WHOLE).portfolio
    assert portfolio is not None
    assert [arm.name for arm in portfolio.arms] == [
        "beam@4 qwen shepherd max_new_tokens=4096",
        "majority@8 small",
        "majority@8 qwen max_new_tokens=4096",
        "cot@1 qwen max_new_tokens=100",
    ]


def test_a_portfolio_may_be_a_file_beside_the_config(config: Read, tmp_path: Path) -> None:
    (tmp_path / "arms.yaml").write_text("arms: [{pair: p, method: best_of_n, budget: 2}]")
    found = config("pairs: {p: {policy: 'world:small', prm: 'world:prm'}}\nportfolio: arms.yaml")
    assert found.portfolio is not None
    assert [arm.name for arm in found.portfolio.arms] == ["best_of_n@2 world:small world:prm"]


def test_a_name_that_is_no_entry_is_a_spec(config: Read) -> None:
    found = config(WHOLE)
    assert found.policy("qwen").spec == "vllm:Qwen/Qwen2.5-7B-Instruct"
    assert found.policy("world:large") == PolicyEntry("world:large")
    assert found.prm("world:prm") == PrmEntry("world:prm")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7e9", 7e9),
        ("7E9", 7e9),
        ("1.5e-3", 1.5e-3),
        ("'7e9'", "7e9"),
        ("-1e+2", -100.0),
        ("v1e9", "v1e9"),
        ("3e8b", "3e8b"),
    ],
)
def test_a_number_is_one_as_everybody_writes_it(config: Read, written: str, value: object) -> None:
    """In options of a backend and in arguments of its engine."""
    found = config(f"policies: {{a: {{spec: 'vllm:b/c', options: {{some_argument: {written}}}}}}}")
    assert found.policies["a"].options == {"some_argument": value}
    assert type(found.policies["a"].options["some_argument"]) is type(value)


@pytest.mark.parametrize("written", ["7e9", "'7e9'", "7000000000", "7.0e+9"])
def test_a_size_is_a_number(config: Read, written: str) -> None:
    entry = config(f"policies: {{a: {{spec: 'openai:b', options: {{params: {written}}}}}}}").policies["a"]
    assert checked("openai policies", OpenAIOptions, entry.options).params == 7e9


def test_one_mapping_may_take_over_another(config: Read) -> None:
    text = "policies:\n  a: &a {spec: 'world:small', device: cpu}\n  b: {<<: *a, spec: 'world:large'}"
    assert config(text).policies["b"] == PolicyEntry("world:large", {"device": "cpu"})


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        ("", "", "write policies: ..."),
        ("- a", "", "is a list: write policies: ..."),
        ("a: [", "", "is not YAML"),
        ("router: a\nrouter: b", ", line 2", "'router' is there twice; drop one"),
        ("prm: {}", "", "unknown key 'prm': did you mean 'prms'?"),
        ("policies: [a]", ", policies", "is a list: write a mapping, NAME: VALUE"),
        ("policies: {a: 3}", ", policies.a", "3: write spec: ..."),
        ("policies: {a: {}}", ", policies.a", "has no spec: name its model"),
        ("policies: {a: {specs: x}}", ", policies.a", "did you mean 'spec'?"),
        ("policies: {a: {spec: 3}}", ", policies.a, spec", "is 3: write a text"),
        ("policies: {a/b: {spec: x}}", ", policies.a/b", "letters, digits and _.- alone"),
        ("policies: {3: {spec: x}}", ", policies", "the name 3 is no text: put it in quotes"),
        ("policies: {a: {spec: 'wrld:small'}}", ", policies.a", "did you mean 'world'?"),
        ("policies: {a: {spec: 'world:'}}", ", policies.a", "write SCHEME:NAME"),
        ("policies: {a: {spec: x, options: {dtyp: a}}}", ", policies.a", "did you mean 'dtype'?"),
        ("policies: {a: {spec: x, options: {max_rows: no}}}", ", policies.a", "it takes int"),
        ("policies: {a: {spec: 'openai:x', device: cpu}}", ", policies.a", "unknown option of openai"),
        ("policies: {a: {spec: 'openai:x', options: {api_key: s}}}", ", policies.a", "option"),
        ("policies: {a: {spec: 'vllm:x', device: cpu}}", ", policies.a, device", "cuda:0 or another GPU"),
        (
            "policies: {a: {spec: 'vllm:x', device: 'cuda:0', options: {tensor_parallel_size: two}}}",
            ", policies.a, options.tensor_parallel_size",
            "a whole number from 1 on",
        ),
        ("policies: {a: {spec: x, dtype: f, options: {dtype: g}}}", ", policies.a", "in options too"),
        ("policies: {a: {spec: x, max_new_tokens: 0}}", ", policies.a, max_new_tokens", "from 1 on"),
        ("policies: {a: {spec: x, max_new_tokens: true}}", ", policies.a, max_new_tokens", "whole number"),
        ("policies: {a: {spec: x, format: world}}", ", policies.a", "unknown key 'format'"),
        ("prms: {a: {spec: x, format: math-sheperd}}", ", prms.a", "did you mean 'math-shepherd'?"),
        ("prms: {a: {spec: 'grpc:x'}}", ", prms.a", "unknown kind of PRM 'grpc'"),
        ("policies: {a: {spec: x}}\nprms: {a: {spec: y}}", "", "is a policy and a PRM"),
        ("pairs: {p: {prm: 'world:prm'}}", ", pairs.p", "has no policy"),
        ("policies: {qwen: {spec: x}}\npairs: {p: {policy: qwn}}", ", pairs.p", "did you mean 'qwen'?"),
        ("pairs: {p: {policy: 'world:small', prm: q}}", ", pairs.p", "unknown PRM 'q'"),
        ("placement: {gpus: 24}", ", placement, gpus", "the GiB of each"),
        ("placement: {gpus: [0]}", ", placement, gpus", "the GiB of each"),
        ("placement: {concurrency: -1}", ", placement, concurrency", "from 1 on"),
        ("placement: {contxt: 1}", ", placement", "did you mean 'context'?"),
        ("probe: {policy: small}", ", probe", "unknown policy 'small'"),
        ("router: [a]", ", router", "write a text"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_remedy(
    config: Read, tmp_path: Path, text: str, where: str, remedy: str
) -> None:
    with pytest.raises(InputError) as refused:
        config(text)
    said = str(refused.value)
    assert said.startswith(f"the config '{tmp_path}/c.yaml'{where}")
    assert remedy in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("arms", "remedy"),
    [
        ("[{pair: q, method: beam}]", "arm 1: unknown pair 'q': choose from p; pairs are those of a config"),
        ("[{pair: p, policy: x, method: beam}]", "arm 1: a pair is its policy and its PRM; leave policy"),
        ("[{pair: [], method: beam}]", "arm 1: an empty list stands for no arm"),
        ("[{pair: p, method: majority}]", "arm 1: the method majority takes no PRM"),
        ("{}", "has no list of arms"),
    ],
)
def test_a_mistake_in_the_portfolio_is_one_line_too(config: Read, arms: str, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        config(f"pairs: {{p: {{policy: 'world:small', prm: 'world:prm'}}}}\nportfolio: {{arms: {arms}}}")
    assert remedy in str(refused.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the config .*--config"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfea")
    with pytest.raises(InputError, match="not UTF-8"):
        load_config(tmp_path / "c.yaml")


def test_the_config_is_that_asked_for_else_the_variables_else_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TTS_SELECT_CONFIG", raising=False)
    assert find_config(None) is None
    for name in ("tts-select", "variable", "asked"):
        (tmp_path / f"{name}.yaml").write_text(f"router: {name}")

    def router(asked_for: Path | None) -> str:
        found = find_config(asked_for)
        assert found is not None
        assert found.router is not None
        return found.router.name

    assert router(None) == "tts-select"
    monkeypatch.setenv("TTS_SELECT_CONFIG", "variable.yaml")
    assert router(None) == "variable"
    assert router(Path("asked.yaml")) == "asked"


def test_the_config_that_the_documentation_shows_can_be_read(config: Read) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "config.md").read_text()
    shown = config(page.split("```yaml\n")[1].split("```")[0])
    assert list(shown.pairs) == ["math"]
    assert shown.placement is not None


def test_a_policy_may_be_its_spec_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("policies: {small: openai:m, large: {spec: 'openai:l'}}\nprms: {judge: world:prm}\n")
    config = load_config(path)
    assert config.policies["small"] == PolicyEntry("openai:m")
    assert (config.policies["large"].spec, config.prms["judge"].spec) == ("openai:l", "world:prm")


@pytest.mark.parametrize("name", ["Qwen3-4B", "log:Qwen3-4B"])
def test_a_name_of_an_imported_log_is_bound_with_or_without_its_prefix(tmp_path: Path, name: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"policies": {name: {"spec": "openai:m", "max_new_tokens": 9}}}))
    entry = load_config(path).policy("log:Qwen3-4B")
    assert (entry.spec, entry.max_new_tokens) == ("openai:m", 9)


def test_a_log_may_have_names_that_no_config_would_give(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"policies": {"log:org/model#cot 1": "openai:m"}}))
    assert load_config(path).policy("log:org/model#cot 1").spec == "openai:m"


def test_a_name_that_nothing_is_bound_to_stays_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("policies: {small: openai:m}")
    assert load_config(path).policy("log:large") == PolicyEntry("log:large")
