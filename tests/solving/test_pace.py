"""How long the arms of a live session are predicted to take: writing, and scoring."""

from __future__ import annotations

import pytest

from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.executors.latency import Length, latency_of
from tts_select.executors.registry import Loaders
from tts_select.executors.scoring_speed import scoring_speed_of
from tts_select.executors.speed_law import Finished
from tts_select.selector.deciding import Caps, Option
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.models import Models
from tts_select.solving.pace import LivePace
from tts_select.testing import FakePolicy, FakeRewardModel

VOTE, JUDGED, BEAM = (
    Arm("p", None, "majority", 8),
    Arm("p", "r", "best_of_n", 8),
    Arm("p", "r", "beam", 4),
)
A_REQUEST, A_SCORE, STEPS = 5.0, 0.5, 3


@pytest.fixture
def models() -> Models:
    """A policy that takes five seconds for a hundred tokens in any company, and a PRM for two solutions a
    second."""
    policy, prm = FakePolicy({}, name="p"), FakeRewardModel({}, name="r")
    for n in (1, 2, 4, 8) * 4:
        for longest in (25, 50, 100, 200):
            latency_of(policy).observe(Finished(A_REQUEST * longest / 100, 0, longest, n))
    latency_of(policy).wrote(Length(100, STEPS))
    for n in (1, 2, 4, 8) * 8:
        scoring_speed_of(prm).observe(A_SCORE * n, n)
    lent = Models(Loaders(lambda _: policy, lambda _: prm))
    lent.policy("p")
    return lent


def gathered(n: int, n_read: int) -> LiveEvidence:
    """A pool of so many samples, of which the PRM has read the first."""
    found = LiveEvidence("?")
    found.of(VOTE.pool).candidates = [Candidate(("x",), None, "stop", 100)] * n
    found.of(VOTE.pool).scores["r"] = [(0.5,)] * n_read
    return found


def test_a_prm_that_is_not_loaded_or_has_not_scored_takes_no_time(models: Models) -> None:
    pace = LivePace(models, gathered(0, 0))
    assert pace.seconds(JUDGED, 0, 8) == pytest.approx(A_REQUEST, rel=0.05)


def test_scoring_comes_on_top_of_writing(models: Models) -> None:
    models.prm("r")
    pace = LivePace(models, gathered(0, 0))
    assert pace.seconds(VOTE, 0, 8) == pytest.approx(A_REQUEST, rel=0.05)
    assert pace.seconds(JUDGED, 0, 8) == pytest.approx(A_REQUEST + 8 * A_SCORE, rel=0.05)
    assert pace.seconds(BEAM, 0, 4) == pytest.approx(A_REQUEST + STEPS * 4 * A_SCORE, rel=0.05)


def test_samples_that_are_there_are_scored_unless_they_were(models: Models) -> None:
    models.prm("r")
    assert LivePace(models, gathered(8, 0)).seconds(JUDGED, 8, 8) == pytest.approx(8 * A_SCORE, rel=0.05)
    assert LivePace(models, gathered(8, 6)).seconds(JUDGED, 8, 8) == pytest.approx(2 * A_SCORE, rel=0.1)
    option = Caps(pace=LivePace(models, gathered(8, 6))).timed(Option(JUDGED, 0.5, 1.0), 8)
    assert option.seconds == pytest.approx(2 * A_SCORE, rel=0.1)


def test_a_deadline_leaves_room_for_a_slow_prm(models: Models) -> None:
    unread = LivePace(models, gathered(0, 0), kept=2.0).in_time(JUDGED, 0, 8, 7.0)
    models.prm("r")
    pace = LivePace(models, gathered(0, 0), kept=2.0)
    vote, judged = pace.in_time(VOTE, 0, 8, 7.0), pace.in_time(JUDGED, 0, 8, 7.0)
    assert unread == vote
    assert vote is not None
    assert judged is not None
    assert vote[0] == 8
    assert judged[0] < 8
    assert A_REQUEST + judged[0] * A_SCORE <= 7.0 + 2.0


def test_a_search_whose_scoring_takes_too_long_has_poor_chances(models: Models) -> None:
    pace = LivePace(models, gathered(0, 0), kept=2.0)
    before = pace.in_time(BEAM, 0, 4, 8.0)
    models.prm("r")
    after = pace.in_time(BEAM, 0, 4, 8.0)
    assert before is not None
    assert after is not None
    assert before[1] > 0.5 > after[1]


def test_an_option_with_a_prm_has_the_time_that_is_kept_for_it() -> None:
    caps = Caps(seconds=8.0, scoring_seconds=2.0)
    assert caps.allow(Option(JUDGED, 0.5, 1.0, seconds=9.0))
    assert not caps.allow(Option(VOTE, 0.5, 1.0, seconds=9.0))
    assert not caps.allow(Option(JUDGED, 0.5, 1.0, seconds=11.0))
    assert caps.allow(Option(None, 0.5, 0.0))
