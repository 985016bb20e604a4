"""The part `clocks`: the server's Date and this machine's clock (APIFY_RUNS_NOW) ahead and behind, `Age`, and a lake that was synced
by a clock in the future. Nothing may be lost or proven by a wrong one, and no lake may stay locked."""

import email.utils
import json
import shutil

import standin
from standin import DAY_MS, instant, millis
from support.archives import Torn, difference, lake_rows, lake_state, lake_table, tree
from support.moving_account import HOUR_MS, MINUTE_MS
from support.tallies import is_wanted

from .worlds import grow, new_world

NOW = millis("2025-09-02T06:00:00Z")
PAST, UNDER_WAY = "2025-07", "2025-08"


class Handler(standin.Handler):
    """Answers with a Date that is off, and an Age."""

    def do_GET(self):
        server = self.server
        self.server.asked.append(self.path)
        status, body = server.answer(self.path)
        date = email.utils.formatdate((server.clock_ms + server.off_ms) / 1000, usegmt=True)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nDate: {date}\r\n"
        head += f"Age: {server.age}\r\n" if server.age else ""
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def sweep(tool, tallies, folder, options):
    """All cases."""
    if not is_wanted(options, options.kind, "clocks"):
        return
    with new_world(options.seed, runs_a_day=3) as world:
        world.standin.RequestHandlerClass = Handler
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
