from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from tts_select.core.cost import Bill, Cost
from tts_select.executors.accounting import Ledger


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_many_threads_lose_nothing() -> None:
    ledger = Ledger()
    start = threading.Barrier(8)

    def charge(name: str) -> None:
        meter = ledger.phase(name)
        start.wait()
        for _ in range(500):
            meter.charge(Cost(policy_calls=1, flops=2.0))

    threads = [threading.Thread(target=charge, args=("probe" if k % 2 else "search",)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    each = Cost(policy_calls=2000, flops=4000.0)
    assert ledger.bill == Bill({"search": each, "probe": each})
    assert ledger.bill.total.policy_calls == 4000


def test_a_bill_does_not_change_when_more_is_charged() -> None:
    ledger = Ledger()
    ledger.charge("search", Cost(prm_tokens=1))
    bill = ledger.bill
    ledger.charge("search", Cost(prm_tokens=1))
    assert bill.total.prm_tokens == 1
    assert ledger.bill.total.prm_tokens == 2


def test_a_new_ledger_costs_nothing() -> None:
    assert Ledger().bill.total == Cost()


def test_the_time_of_a_block_that_fails_is_charged_too() -> None:
    ledger = Ledger()
    with pytest.raises(RuntimeError), ledger.timed("search"):
        raise RuntimeError
    assert ledger.bill.phases["search"].seconds > 0
    assert ledger.bill.total == Cost(seconds=ledger.bill.total.seconds)
