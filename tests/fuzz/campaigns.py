"""The campaigns, each with its share of the time."""

from __future__ import annotations

from tests.fuzz.supervisor import Campaign

CAMPAIGNS = (
    Campaign("programs", "tests.fuzz.programs", 8),
    Campaign("loops", "tests.fuzz.loops", 6),
    Campaign("batches", "tests.fuzz.batches", 6),
    Campaign("arguments", "tests.fuzz.arguments", 3),
    Campaign("claims", "tests.fuzz.claims", 4),
    Campaign("interrupts", "tests.fuzz.interrupts", 4),
    Campaign("writers", "tests.fuzz.writers", 2),
    Campaign("pickles", "tests.fuzz.pickles", 2),
    Campaign("machine-code", "tests.fuzz.machine_code", 2),
    Campaign("labels", "tests.fuzz.labels", 2),
    Campaign("command-line", "tests.fuzz.command_line", 2),
    Campaign("threads", "tests.fuzz.in_threads", 1),
)
