from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tts_select.config import Config, Pair, PolicyEntry, PrmEntry
from tts_select.config.entries import Placement
from tts_select.core.arm import Arm
from tts_select.doctor.machine import examine_devices, examine_placement
from tts_select.executors.placement.devices import GIB, Device, devices_here
from tts_select.executors.placement.memory import Workload
from tts_select.selector.portfolio import Portfolio

CPU = Device("cpu", 16 * GIB, 16 * GIB)
MODELS = {
    "policies": {"p": PolicyEntry("world:small")},
    "prms": {"r": PrmEntry("world:prm")},
    "pairs": {"math": Pair("p", "r")},
}


@pytest.fixture
def config() -> Callable[..., Config]:
    return lambda **changes: Config(
        Path("c"), **{**MODELS, "placement": Placement(gpus=(2.0, 8.0)), **changes}
    )


def test_no_gpu_is_a_note() -> None:
    found = [(f.about, f.status) for f in examine_devices([CPU])]
    assert found == [("cpu", "ok"), ("GPU", "note")]
    gpu = Device("cuda:0", 24 * GIB, 20 * GIB)
    assert [f.text for f in examine_devices([gpu, CPU])] == ["24.0 GiB, 20.0 free", "16.0 GiB"]


def test_this_machine_has_a_cpu_with_memory() -> None:
    cpu = devices_here()[-1]
    assert cpu.name == "cpu"
    assert cpu.total > GIB / 4


def test_a_pair_that_fits_is_told_with_its_numbers(config: Callable[..., Config]) -> None:
    entries = {"p": PolicyEntry("world:small", {"device": "cuda:1"})}
    fits = config(policies=entries, prms={"r": PrmEntry("world:prm", None, {"device": "cuda:1"})})
    notes, pair = examine_placement(fits, ())
    assert (notes.status, notes.text) == ("note", "planned for GPUs of 2, 8 GiB, as the config says")
    assert (pair.about, pair.status) == ("placement of pairs.math", "ok")
    assert pair.text.startswith("fits on cuda:1, where 7.6 of 8.0 GiB can be used: p ")


def test_a_pair_that_does_not_fit_is_a_problem(config: Callable[..., Config]) -> None:
    (_, found) = examine_placement(config(), ())
    assert found.status == "problem"
    assert "p and r do not fit on cuda:0 (2.0 GiB" in found.text


def test_what_cannot_be_read_is_not_judged(config: Callable[..., Config]) -> None:
    (_, found) = examine_placement(config(), {"p"})
    assert (found.status, found.text) == ("note", "whether it fits is not known, for p cannot be read")


def test_a_portfolio_is_placed_as_a_sweep_and_as_a_router(config: Callable[..., Config]) -> None:
    portfolio = Portfolio("mine", (Arm("p", "r", "beam", 4), Arm("world:large", None, "cot", 1)))
    large = Placement(Workload(1, 64), (40.0,))
    found = [f.about for f in examine_placement(config(portfolio=portfolio, placement=large), ())]
    assert found == [
        "placement",
        "placement of pairs.math",
        "placement of a sweep of p",
        "placement of a sweep of world:large",
        "placement of a router for the portfolio",
    ]


def test_without_pairs_each_model_is_placed_by_itself_and_without_a_plan_none(
    config: Callable[..., Config],
) -> None:
    alone = examine_placement(config(pairs={}), ())
    assert [f.about for f in alone][1:] == ["placement of policies.p", "placement of prms.r"]
    (note,) = examine_placement(config(placement=None), ())
    assert note.status == "note"
    assert list(examine_placement(Config(Path("c")), ())) == []
