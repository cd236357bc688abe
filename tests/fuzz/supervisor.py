"""What runs campaigns in a process of its own, which may hang or crash, and tells what failed and how to repeat it."""

from __future__ import annotations

import faulthandler
import importlib
import multiprocessing
import random
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

PATIENCE = 120.0  # seconds that a case may take
SHOWN = 5  # failures of a campaign that are printed in full


class Campaign(NamedTuple):
    """Random cases of one subject.

    Attributes:
        name: What it is called on the command line.
        module: Where its `case` is.
        weight: Its share of the time.
    """

    name: str
    module: str
    weight: float


class Supervisor:
    """What starts the process, and a new one whenever it dies.

    Args:
        campaigns: What to run.
        seed: That of the first case of each campaign; the others follow.

    Attributes:
        done: The number of cases of each campaign, those that failed among them.
        failed: The number of those.
    """

    def __init__(self, campaigns: Sequence[Campaign], seed: int) -> None:
        self.campaigns = campaigns
        self.seed = seed
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.used: Counter[str] = Counter()  # thousandths of seconds

    def run(self, seconds: float, cases: int | None = None) -> None:
        """Run for a time or, if `cases` is given, so many of each campaign."""
        end = time.monotonic() + seconds
        # Cases fork and end by signals: a fresh process, which inherits no thread and no lock.
        context = multiprocessing.get_context("spawn")
        while campaign := self._next(end, cases):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs,), daemon=False)
            process.start()
            theirs.close()
            failure: str | None = ""
            try:
                # What failed may have left something behind, which is no concern of the next case.
                while campaign and not failure:
                    failure = self._failure_of(campaign, ours)
                    if failure is None:
                        process.join(1.0)
                        ended = f"the process ended with status {process.exitcode}"
                        self._tell(campaign, f"no answer for {PATIENCE:g} s" if process.is_alive() else ended)
                        break
                    self._tell(campaign, failure)
                    campaign = self._next(end, cases)
            finally:
                ours.close()
                process.join(0.0 if failure is None else 5.0)
                process.kill()
                process.join()

    def _next(self, end: float, cases: int | None) -> Campaign | None:
        """The campaign that has used the least of its share so far; None when all is done."""
        left = [each for each in self.campaigns if cases is None or self.done[each.name] < cases]
        if not left or (cases is None and time.monotonic() > end):
            return None
        return min(left, key=lambda each: (self.used[each.name] + 1) / each.weight)

    def _failure_of(self, campaign: Campaign, connection: Connection) -> str | None:
        """What failed in the next case, "" if nothing did; None if the process does not answer any more."""
        start = time.monotonic()
        try:
            connection.send((campaign, self.seed + self.done[campaign.name]))
            failure: str | None = connection.recv() if connection.poll(PATIENCE) else None
        except (EOFError, OSError):
            failure = None
        self.used[campaign.name] += round(1000 * (time.monotonic() - start))
        return failure

    def _tell(self, campaign: Campaign, failure: str) -> None:
        seed = self.seed + self.done[campaign.name]
        self.done[campaign.name] += 1
        if failure:
            self.failed[campaign.name] += 1
            if self.failed[campaign.name] <= SHOWN:
                command = f"python -m tests.fuzz --only {campaign.name} --seed {seed} --cases 1"
                print(f"{campaign.name}: {failure.strip()}\n    {command}\n", flush=True)


def work(connection: Connection) -> None:
    """Run one case after the other, as told, and answer what failed: "" if nothing did."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    while True:
        try:
            campaign, seed = connection.recv()
        except EOFError:
            return
        connection.send(failure_of(campaign, seed))


def failure_of(campaign: Campaign, seed: int) -> str:
    """Run one case. Return what failed, or "" if nothing did."""
    module = importlib.import_module(campaign.module)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as that the machine code gives other numbers
            module.case(random.Random(f"{campaign.name} {seed}"))
    except AssertionError as error:
        return str(error) or traceback.format_exc()
    except BaseException:
        return traceback.format_exc()
    return ""
