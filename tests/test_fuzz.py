"""The campaigns of random cases: each runs, and a failure, a crash and a hang are told with what repeats them."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.fuzz import supervisor
from tests.fuzz.campaigns import CAMPAIGNS
from tests.fuzz.supervisor import Campaign, Supervisor, failure_of

BUT_THE_SLOW = [campaign for campaign in CAMPAIGNS if campaign.name not in ("writers", "interrupts", "threads")]


def case(chance: random.Random) -> None:
    """A campaign of its own: some cases fail, one crashes and one hangs."""
    kind = chance.randrange(6)
    assert kind != 0, "planted"
    if kind == 1:
        raise ValueError("raised")
    if kind == 2:
        os.abort()
    if kind == 3:
        time.sleep(3600)


PLANTED = Campaign("planted", __name__, 1)


def kind_of(seed: int) -> int:
    return random.Random(f"planted {seed}").randrange(6)


@pytest.mark.parametrize(
    ("kind", "said"), [(0, "planted: planted"), (1, "ValueError: raised"), (2, "ended with status -6"), (4, "")]
)
def test_what_fails_is_told_with_the_command_that_repeats_it(
    kind: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    seed = next(seed for seed in range(1000) if kind_of(seed) == kind)
    supervised = Supervisor([PLANTED], seed)
    supervised.run(60.0, cases=1)
    shown = capfd.readouterr().out
    assert supervised.done == {"planted": 1}
    assert said in shown
    assert (f"python -m tests.fuzz --only planted --seed {seed} --cases 1" in shown) == bool(said)
    assert sum(supervised.failed.values()) == bool(said)


def test_what_hangs_is_told(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE", 5.0)
    seed = next(seed for seed in range(1000) if kind_of(seed) == 3)
    supervised = Supervisor([PLANTED], seed)
    supervised.run(60.0, cases=1)
    assert "no answer for 5 s" in capfd.readouterr().out
    assert supervised.failed == {"planted": 1}


def test_after_a_crash_the_next_cases_are_run(capfd: pytest.CaptureFixture[str]) -> None:
    seed = next(seed for seed in range(10_000) if [kind_of(seed + i) for i in range(4)] == [4, 2, 5, 0])
    supervised = Supervisor([PLANTED], seed)
    supervised.run(60.0, cases=4)
    assert supervised.done == {"planted": 4}
    assert supervised.failed == {"planted": 2}
    assert "ended with status -6" in capfd.readouterr().out


@pytest.mark.parametrize("campaign", BUT_THE_SLOW, ids=lambda campaign: str(campaign.name))
def test_a_case_of_each_campaign_depends_on_its_seed_alone(campaign: Campaign) -> None:
    assert failure_of(campaign, 1) == failure_of(campaign, 1)
