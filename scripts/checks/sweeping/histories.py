"""The part `history`: lakes of accounts in which runs start, end, cost late, go on, are deleted, priced anew and come back with
another start; synced step by step, now and then with a fault first. After each step the lake is the model's, each change is told
once, and the tool's own verify and report agree."""

import json
import random
import shutil
from collections import defaultdict
from decimal import Decimal

from demo import exact_sum, plain
from standin import DAY_MS, millis
from support.archives import Torn, difference, lake_rows
from support.moving_account import HOUR_MS, LOOKBACK_MS, MINUTE_MS, read_changes

from .worlds import new_world

FIRST, LAST, BEGINS = millis("2025-06-10T00:00:00Z"), millis("2025-10-20T00:00:00Z"), millis("2025-07-20T06:00:00Z")
HISTORIES, STEPS = (10, 2), (12, 6)
FAULTS = ["kill", "eio", "tear", "enospc"]


def sweep(tool, tallies, folder, options):
    """Several accounts, each its own history."""
    if options.only not in "history":
        return
    for number in range(HISTORIES[options.quick]):
        if options.point is not None and number != options.point:
            continue
        work = folder / f"history-{number}"
        work.mkdir()
        with new_world(options.seed * 1000 + number, FIRST, LAST, runs_a_day=3) as world:
            History(world, tool, tallies, work, number, random.Random(options.seed * 1000 + number)).run(STEPS[options.quick])
        shutil.rmtree(work)


class History:
    """One account's."""

    def __init__(self, world, tool, tallies, work, number, draw):
        self.world, self.tool, self.tallies, self.work, self.number, self.draw = world, tool, tallies, work, number, draw
        self.lake, self.clock = work / "lake", BEGINS
        # Until when the lake is proven: no run before may be missing from it.
        self.step = 0

    def fault(self, text):
        self.tallies.fault("history", "history", self.number, f"step {self.step}: {text}")

    def run(self, steps):
        """Step by step, until one doesn't hold."""
        for self.step in range(steps):
            happened = []
            if self.step:
                self.clock += self.draw.choice([10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, DAY_MS, 4 * DAY_MS])
                happened = self.world.account.happen(self.clock)
            self.world.set_clock(self.clock, self.tool)
            self.tallies.add("history", "history", points=1)
            try:
                if not self.sync(happened):
                    return
            except Torn as torn:
                self.fault(f"torn: {torn}, after {happened}")
                return
            if self.draw.random() < 0.2:
                self.tidy()
        self.compare_report()

    def sync(self, happened):
        """One sync, with a fault before it or without; whether all held."""
        resweep, accept = self.draw.random() < 0.2, self.draw.random() < 0.2
        lookback = self.draw.choice([LOOKBACK_MS, LOOKBACK_MS, DAY_MS])
        asked = ["--lookback", f"{lookback // HOUR_MS}h", *["--resweep"] * resweep, *["--accept-repricing"] * accept]
        asked += ["--optimize", "auto"] * (self.draw.random() < 0.2)
        base = ["sync", "--lake", self.lake, *self.world.source(), *asked, "--quiet", "--changes"]
        before, told, fault = self.world.expected.copy(), [], ""
        self.world.standin.listed.clear()
        if self.draw.random() < 0.4:
            kind, at = self.draw.choice(FAULTS), self.draw.randrange(1, 250)
            first = self.work / "first.csv"
            done = self.tool.traced(self.work, [*base, first], at, kind)
            fault = f", {kind} at {at} before ({done.hit}, exit {done.code})"
            if first.exists():
                told += read_changes(first)
                first.unlink()
        second = self.work / "second.csv"
        done = self.tool.run(self.work, *base, second)
        what = f"{' '.join(map(str, asked))}{fault}, after {happened}"
        if done.code != 0:
            self.fault(f"{what}: {done.told()}")
            return False
        told += read_changes(second)
        second.unlink()
        missed = self.world.synced(resweep, accept, lookback)
        changes = self.world.expected.changes(before)
        lost, more = changes.keys() - {key for key, _ in told}, {key for key, _ in told} - changes.keys()
        problems = [missed and f"{len(missed)} runs were never listed", difference(lake_rows(self.lake), self.world.expected.rows)]
        problems += [lost and f"{len(lost)} changes are told nowhere", more and f"{len(more)} are told that weren't made"]
        verified = self.tool.run(self.work, "verify", self.lake, "--quiet")
        problems += [verified.code and f"verify: {verified.told()}"]
        problems = [problem for problem in problems if problem]
        for problem in problems:
            self.fault(f"{what}: {problem}")
        twice = len(told) > len(set(told))
        self.tallies.add("history", "history", new=1, healed=not problems, told=not lost and not more, told_twice=twice)
        return not problems

    def tidy(self):
        """Files put together or removed: the same rows."""
        job = self.draw.choice([["optimize", "--keep-recent", "1d"], ["vacuum", "--keep", "0s", "--force"]])
        done = self.tool.run(self.work, "lake", *job, self.lake, "--quiet")
        wrong = done.code and done.told() or difference(lake_rows(self.lake), self.world.expected.rows)
        if wrong:
            self.fault(f"lake {job[0]}: {wrong}")

    def compare_report(self):
        """The tool's own sums by month are the model's."""
        months = defaultdict(list)
        for row in self.world.expected.rows.values():
            months[row["started_month"]].append(row["usage_total_usd"])
        for month, costs in sorted(months.items()):
            done = self.tool.run(self.work, "report", self.lake, "--month", month, "--format", "json")
            if done.code != 0:
                self.fault(f"report --month {month}: {done.told()}")
                continue
            totals = json.loads(done.out)["totals"]
            found = totals["runs"], totals["usage_total_usd"]
            expected = len(costs), plain(exact_sum(costs) or Decimal(0))
            self.tallies.that("report of a lake", "history", self.number, found == expected, f"{month}: {found}, the model has {expected}")
