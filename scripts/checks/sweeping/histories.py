"""The part `history`: lakes of accounts in which runs start, end, cost late, go on, are deleted, priced anew and come back with
another start; synced step by step, now and then with a fault first. After each step the lake is the model's, each change is told
once, and the tool's own verify and report agree."""

import json
import random
import shutil
from collections import Counter, defaultdict
from decimal import Decimal

from demo import exact_sum, plain
from standin import DAY_MS, millis
from support.archives import Torn, difference, is_part, lake_rows, lake_state, lake_table
from support.moving_account import HOUR_MS, LOOKBACK_MS, MINUTE_MS, read_changes
from support.tallies import is_wanted

from .worlds import new_world

FIRST, LAST, BEGINS = millis("2025-06-10T00:00:00Z"), millis("2025-10-20T00:00:00Z"), millis("2025-07-20T06:00:00Z")
HISTORIES, STEPS = (10, 2), (12, 6)
FAULTS = ["kill", "eio", "tear", "enospc"]
# Some more than a sync has calls that change something.
MOST_CHANGES = 80


def sweep(tool, tallies, folder, options):
    """Several accounts, each its own history."""
    if not is_wanted(options, "history", "history", "report of a lake"):
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
        self.lake, self.clock, self.step = work / "lake", BEGINS, 0
        # How often each (ID, kind) was committed since the last whole sync, and told.
        self.untold, self.told = Counter(), Counter()
        # What is asked for in this step, and the fault before.
        self.said, self.last_fault = "", "no fault"

    def fault(self, text):
        self.tallies.fault("history", "history", self.number, f"step {self.step}, {self.said}; before: {self.last_fault}: {text}")

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
                if not self.round(happened):
                    return
            except Torn as torn:
                self.fault(f"torn: {torn}")
                return
            if self.draw.random() < 0.2:
                self.tidy()
        self.compare_report()

    def round(self, happened):
        """A sync with a fault, or one without, or both; whether all held."""
        resweep, accept = self.draw.random() < 0.2, self.draw.random() < 0.2
        lookback = self.draw.choice([LOOKBACK_MS, LOOKBACK_MS, DAY_MS])
        asked = ["--lookback", f"{lookback // HOUR_MS}h", *["--resweep"] * resweep, *["--accept-repricing"] * accept]
        asked += ["--optimize", "auto"] * (self.draw.random() < 0.2)
        command = ["sync", "--lake", self.lake, *self.world.source(), *asked, "--quiet", "--changes", self.work / "changes.csv"]
        model = (resweep, accept, lookback)
        self.said = f"{' '.join(map(str, asked))}, after {happened}"
        if self.draw.random() < 0.4:
            self.interrupted(command, model)
            # The next one comes at once, or when more has happened.
            if self.draw.random() < 0.5:
                return True
        return self.whole(command, model)

    def read_changes(self):
        """What this sync told."""
        path = self.work / "changes.csv"
        if path.exists():
            self.told.update(read_changes(path))
            path.unlink()

    def interrupted(self, command, model):
        """A sync in which something goes wrong: of what it commits, all is there, or the first of several commits, or nothing."""
        kind, number = self.draw.choice(FAULTS), self.draw.randrange(1, MOST_CHANGES)
        self.world.begin_listing()
        done = self.tool.traced(self.work, command, number, kind, count="changes")
        self.last_fault = f"{kind} at {number} ({done.hit}, exit {done.code})"
        self.read_changes()
        rows, before = lake_rows(self.lake), self.world.expected
        not_old = difference(rows, before.rows or None)
        if not_old is None:
            return
        self.world.expected = after = before.copy()
        self.world.synced(*model)
        wrong = difference(rows, after.rows)
        if wrong and not is_part(rows, before.rows, after.rows):
            raise Torn(f"neither what it was ({not_old}) nor what it should become ({wrong})")
        if wrong:
            after.rows = {key: after.rows[key] if row == after.rows[key] else row for key, row in rows.items()}
            proven = lake_state(lake_table(self.lake))["proven"]
            after.proven_until = millis(proven[-1][1]) if proven else None
        self.untold.update(after.changes(before).items())

    def whole(self, command, model):
        """A sync without a fault; whether all held."""
        self.world.begin_listing()
        done = self.tool.run(self.work, *command)
        if done.code != 0:
            self.fault(done.told())
            return False
        self.read_changes()
        before = self.world.expected.copy()
        missed = self.world.synced(*model)
        self.untold.update(self.world.expected.changes(before).items())
        lost, more = self.untold - self.told, {change for change in self.told if change not in self.untold}
        twice = self.told - self.untold
        self.untold, self.told = Counter(), Counter()
        if twice:
            self.tallies.note(
                "history",
                "history",
                self.number,
                f"step {self.step}, after {self.last_fault}: {len(twice)} changes are told twice",
            )
        problems = [
            missed and f"{len(missed)} runs were never listed",
            difference(lake_rows(self.lake), self.world.expected.rows),
        ]
        problems += [lost and f"{len(lost)} changes are told nowhere", more and f"{len(more)} are told that weren't made"]
        verified = self.tool.run(self.work, "verify", self.lake, "--quiet")
        problems += [verified.code and f"verify: {verified.told()}"]
        problems = [problem for problem in problems if problem]
        for problem in problems:
            self.fault(problem)
        self.tallies.add("history", "history", new=1, healed=not problems, told=not lost and not more, told_twice=bool(twice))
        return not problems

    def tidy(self):
        """Files put together or removed: the same rows."""
        if lake_table(self.lake) is None:
            return
        job = self.draw.choice([["optimize", "--keep-recent", "1d"], ["vacuum", "--keep", "0s", "--force"]])
        done = self.tool.run(self.work, "lake", *job, self.lake, "--quiet")
        wrong = done.code and done.told() or difference(lake_rows(self.lake), self.world.expected.rows or None)
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
            self.tallies.that(
                "report of a lake", "history", self.number, found == expected, f"{month}: {found}, the model has {expected}"
            )
