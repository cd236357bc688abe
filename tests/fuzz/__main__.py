"""The command line: `python -m tests.fuzz [--seconds 60] [--seed N] [--only CAMPAIGN ...] [--cases N]`."""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz.campaigns import CAMPAIGNS
from tests.fuzz.supervisor import Campaign, Supervisor


def main(campaigns: tuple[Campaign, ...] = CAMPAIGNS) -> int:
    """Run the campaigns, print each failure with the command that repeats it, and a summary.

    Returns:
        The exit status: 0 if nothing failed, else 1.
    """
    names = [campaign.name for campaign in campaigns]
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Random cases, until the time is over.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long all take together (default: 60)")
    parser.add_argument("--seed", type=int, help="of the first case of each campaign (default: a random one)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="CAMPAIGN", help=", ".join(names))
    parser.add_argument("--cases", type=int, help="how many of each campaign, instead of a time")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    supervisor = Supervisor([campaign for campaign in campaigns if campaign.name in options.only], seed)
    start = time.monotonic()
    supervisor.run(options.seconds, options.cases)
    counts = ", ".join(f"{supervisor.done[campaign.name]:,} {campaign.name}" for campaign in supervisor.campaigns)
    failed = sum(supervisor.failed.values())
    print(f"seed {seed}, {time.monotonic() - start:.0f} s: {counts}; {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
