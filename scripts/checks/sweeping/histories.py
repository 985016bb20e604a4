"""The part `history`: lakes of accounts in which runs start, end, cost late, go on, are deleted, priced anew and come back with
another start; synced step by step, now and then with a fault first. After each step the lake is the model's, each change is told
once, and the tool's own verify and report agree."""

import email.utils
import json
import random
import shutil
from collections import Counter, defaultdict
from decimal import Decimal

from checks.support.account import exact_sum, plain
from checks.support.standin import DAY_MS, HOUR_MS, LOOKBACK_MS, MINUTE_MS, Handler, instant, millis, read_changes
from checks.sweeping.attempts import Torn, difference, is_part, is_wanted, lake_rows, lake_state, lake_table, tree
from checks.sweeping.scenarios import grow, new_world

FIRST, LAST, BEGINS = millis("2025-06-10T00:00:00Z"), millis("2025-10-20T00:00:00Z"), millis("2025-07-20T06:00:00Z")
HISTORIES, STEPS = (10, 2), (12, 6)
FAULTS = ["kill", "eio", "tear", "enospc"]
# Some more than a sync has calls that change something.
MOST_CHANGES = 80


def sweep_histories(tool, tallies, folder, options):
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
        job = self.draw.choice([["optimize"], ["vacuum", "--keep", "0s", "--force"]])
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


# The part `clocks`: the server's Date and this machine's clock (APIFY_RUNS_NOW) ahead and behind, `Age`, and a lake that
# was synced by a clock in the future. Nothing may be lost or proven by a wrong one, and no lake may stay locked.

NOW = millis("2025-09-02T06:00:00Z")
PAST, UNDER_WAY = "2025-07", "2025-08"


class ClockHandler(Handler):
    """Answers with a Date that is off, and an Age."""

    def do_GET(self):
        server = self.server
        self.server.asked.append(self.path)
        status, body = server.answer(self.path)
        date = email.utils.formatdate((server.clock_ms + server.off_ms) / 1000, usegmt=True)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nDate: {date}\r\n"
        head += f"Age: {server.age}\r\n" if server.age else ""
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def sweep_clocks(tool, tallies, folder, options):
    """All cases."""
    if not is_wanted(options, options.kind, "clocks"):
        return
    with new_world(options.seed, runs_a_day=3) as world:
        world.standin.RequestHandlerClass = ClockHandler
        base = folder / "base"
        base.mkdir()
        clocks = Clocks(world, tool, tallies, folder, base, options)
        clocks.set(0, 0)
        grow(world, tool, base, NOW - 3 * DAY_MS)
        grow(world, tool, base, NOW - DAY_MS)
        world.set_clock(NOW, tool)
        clocks.syncs()
        clocks.exports()
        clocks.ahead()


class Clocks:
    """Cases, each with its number."""

    def __init__(self, world, tool, tallies, folder, base, options):
        self.world, self.tool, self.tallies, self.folder, self.base, self.options = world, tool, tallies, folder, base, options
        self.number = 0

    def set(self, server_ms, machine_ms, age=0):
        """How far both clocks are off."""
        self.world.standin.off_ms, self.world.standin.age = server_ms, age
        self.tool.now = instant(self.world.clock + machine_ms)

    def that(self, kind, held, text):
        """One case."""
        self.number += 1
        if self.options.kind in (None, kind) and self.options.point in (None, self.number):
            self.tallies.that("clocks", kind, self.number, held, text)

    def sync(self, work):
        return self.tool.run(work, "sync", "--lake", work / "lake", *self.world.source(), "--quiet")

    def syncs(self):
        """Of a lake that was synced a day ago by right clocks."""
        refused = [(10 * DAY_MS, 0), (-10 * DAY_MS, 0), (0, 10 * DAY_MS), (0, -10 * DAY_MS), (2 * DAY_MS, 0), (-2 * DAY_MS, 0)]
        for off in refused:
            self.refused_sync(*off)
        for off in [
            (6 * MINUTE_MS, 0),
            (-6 * MINUTE_MS, 0),
            (0, 6 * MINUTE_MS),
            (0, -6 * MINUTE_MS),
            (0, -20 * HOUR_MS),
            (20 * HOUR_MS, 0),
        ]:
            self.warned_sync(*off)
        for off in [(2 * MINUTE_MS, 0), (-2 * MINUTE_MS, 0), (0, 2 * MINUTE_MS)]:
            self.quiet_sync(*off, 0)
        # A cached answer that says how old it is.
        for age in (3 * 3600, 30 * 86400):
            self.quiet_sync(-age * 1000, 0, age)

    def begin(self, *off):
        work = self.folder / f"case-{self.number}"
        shutil.copytree(self.base, work)
        self.set(*off)
        return work, f"Date {hours(off[0])}, machine {hours(off[1])}" + (f", Age {off[2]} s" if off[2:] and off[2] else "")

    def refused_sync(self, *off):
        """More than a day: exit 5 before anything is written; the next one, by right clocks, is as if nothing had been."""
        work, what = self.begin(*off)
        before = tree(work / "lake")
        done = self.sync(work)
        self.that(
            "sync, a day",
            done.code == 5 and tree(work / "lake") == before,
            f"{what}: expected exit 5 and an unchanged lake: {done.told()}",
        )
        self.set(0, 0)
        self.right_sync(work, f"after {what}")
        shutil.rmtree(work)

    def right_sync(self, work, what):
        done = self.sync(work)
        wrong = done.code and done.told() or self.compared(work)
        self.that("then right", not wrong, f"{what}, then right clocks: {wrong}")

    def compared(self, work):
        """What of a lake isn't as it must be now, whatever clock its syncs went by: IDs, starts, statuses."""
        try:
            rows = lake_rows(work / "lake")
        except Torn as torn:
            return f"torn: {torn}"
        short = lambda rows: {key: {name: row[name] for name in ("id", "started_at", "status")} for key, row in rows.items()}
        names = self.world.account.names()
        now = {life.id: life.row(self.world.clock, names) for life in self.world.account.there}
        verified = self.tool.run(work, "verify", work / "lake", "--quiet")
        return difference(short(rows), short(now)) or (verified.code and f"verify: {verified.told()}")

    def warned_sync(self, *off):
        """More than five minutes: a warning, and proven by the earlier of the two."""
        work, what = self.begin(*off)
        done = self.sync(work)
        self.that(
            "sync, minutes",
            done.code == 0 and "clock" in done.err,
            f"{what}: expected exit 0 and a warning of the clocks: {done.told()}",
        )
        if done.code == 0:
            until = millis(lake_state(lake_table(work / "lake"))["proven"][-1][1])
            at_most = self.world.clock + min(off)
            self.that(
                "proven until", until <= at_most, f"{what}: proven until {instant(until)}, expected at most {instant(at_most)}"
            )
        self.set(0, 0)
        self.right_sync(work, f"after {what}")
        shutil.rmtree(work)

    def quiet_sync(self, *off):
        """No difference that matters: no warning."""
        work, what = self.begin(*off)
        done = self.sync(work)
        wrong = self.compared(work)
        self.that("sync, no matter", done.code == 0 and not done.err and not wrong, f"{what}: {done.told()} {wrong or ''}")
        shutil.rmtree(work)

    def exports(self):
        """Periods that depend on now, and such as don't."""
        day = 40 * DAY_MS
        for period in (["--last-month"], ["--last", "7d"]):
            for off in [(day, 0), (-day, 0), (0, day), (0, -day), (2 * DAY_MS, 0), (0, -2 * DAY_MS)]:
                self.export(off, period, 5)
            for off in [(0, 0), (6 * MINUTE_MS, 0), (0, -6 * MINUTE_MS)]:
                self.export(off, period, 0)
        for off in [(10 * DAY_MS, 0), (0, 10 * DAY_MS), (-10 * DAY_MS, 0), (0, -10 * DAY_MS)]:
            self.export(off, ["--month", PAST], 0)
        # Over by one clock and not by the other: where it ends is not known.
        for off in [(-10 * DAY_MS, 0), (0, -10 * DAY_MS)]:
            self.export(off, ["--month", UNDER_WAY], 5)

    def export(self, off, period, code):
        """One export; with exit 0 it is of the period that right clocks give."""
        work = self.folder / f"export-{self.number}"
        work.mkdir()
        self.set(*off)
        done = self.tool.run(work, "export", *period, "--out", work / "out", *self.world.source(), "--quiet")
        what = f"export {' '.join(period)}, Date {hours(off[0])}, machine {hours(off[1])}"
        self.that("export", done.code == code, f"{what}: expected exit {code}: {done.told()}")
        if code:
            self.that("export", not (work / "out").exists(), f"{what}: an export is there")
        elif done.code == 0:
            period_text = json.loads((work / "out" / "manifest.json").read_text(encoding="utf-8"))["period"]
            is_off = abs(off[0] - off[1]) > 5 * MINUTE_MS
            self.that(
                "export",
                ("clock" in done.err) == is_off,
                f"{what}: {'no ' if is_off else 'a '}warning of the clocks: {done.told()}",
            )
            if period == ["--last-month"]:
                self.that("export", period_text["from"].startswith("2025-08-01"), f"{what}: it is of {period_text['from']}")
        shutil.rmtree(work)

    def ahead(self):
        """Both clocks ten days ahead for one sync: what it proved beyond now is cut back, and read again."""
        for days in (10, 400):
            work, what = self.begin(days * DAY_MS, days * DAY_MS)
            done = self.sync(work)
            self.that("both ahead", done.code in (0, 5), f"{what}: {done.told()}")
            for hour in (1, 30, 24 * 9):
                self.world.set_clock(NOW + hour * HOUR_MS, self.tool)
                self.set(0, 0)
                done = self.sync(work)
                wrong = done.code and done.told() or self.compared(work)
                self.that("then right", not wrong, f"{what}, {hour} h later right clocks: {wrong}")
                if hour == 1 and done.code == 0:
                    until = millis(lake_state(lake_table(work / "lake"))["proven"][-1][1])
                    self.that("proven until", until <= self.world.clock, f"{what}: still proven until {instant(until)}")
                    self.that("both ahead", bool(done.err), f"{what}: no warning when it is cut back")
            self.world.set_clock(NOW, self.tool)
            shutil.rmtree(work)


def hours(ms):
    """How far off, for people."""
    return "right" if ms == 0 else f"{ms / HOUR_MS:+.1f} h"
