"""What another engine or a hand may leave in a lake: rows twice, notes of closed months that make no sense. No command may report
them as good. Part of `damage`."""

import copy
import json
import shutil
import threading
from decimal import Decimal

import pyarrow
from deltalake import write_deltalake

from checks.support.account import exact_sum, plain
from checks.support.archives import STATE, export_model, lake_table
from checks.support.lake_account import at
from checks.support.standin import DAY_MS
from checks.sweeping.worlds import AFTER, EDGES, MONTH, new_world, split

BEFORE_IT_BEGINS = "1969-01-01T00:00:00.000Z"
# Values that no version of the tool writes, by what they stand for in a closed month's note.
NOTES = {
    "usage_total_usd": ["12,5", "", "1e999", "NaN", "-"],
    "runs": [-1, "12", 1.5],
    "from": ["2025-13-01T00:00:00.000Z", ""],
    "to": ["yesterday", BEFORE_IT_BEGINS],
}
CORRECTIONS = {"usage_moved_usd": ["", "0,5", "1e-40", "$3"], "runs_new": [-1, "two"], "last_at": ["later"]}
FINE = {"runs_new": 1, "runs_changed": 0, "usage_moved_usd": "0.5", "last_at": "2025-08-30T00:00:00.000Z"}


class Foreign:
    """Copies of a lake whose month is closed, with something in them that isn't the tool's."""

    names = [f"{command} of a lake" for command in ("verify", "report", "diff", "close", "reconcile", "serve", "sync", "repair")]

    def __init__(self, world, tool, tallies, damage, month):
        self.world, self.tool, self.tallies, self.damage, self.month = world, tool, tallies, damage, month

    def commands(self, work):
        """All that read a lake, but serve, which doesn't end."""
        lake = work / "lake"
        return {
            "verify": ["verify", lake, "--quiet"],
            "report": ["report", lake, "--month", self.month, "--format", "json"],
            "diff": ["diff", work / "closed", lake, "--json"],
            "close": ["lake", "close", lake, "--month", self.month, "--out", work / "again", "--replace", "--quiet"],
            "reconcile": ["reconcile", "--cycle", f"{self.month}-15", lake, *self.world.source(), "--json"],
            "serve": ["serve", lake, "--port", "0"],
        }

    def all_refuse(self, work, kind, point, says):
        """Each command ends with 5, and names what is wrong; nothing is published."""
        for name, command in self.commands(work).items():
            done = self.ended(work, command)
            held = done.code == 5 and all(text in done.err for text in says)
            self.tallies.that(
                f"{name} of a lake", kind, point, held, f"expected exit 5 naming {' and '.join(says)}: {done.told()}"
            )
        self.tallies.that("close of a lake", kind, point, not (work / "again").exists(), "an export is there")

    def ended(self, work, command):
        """A command's end; a server that starts is stopped, and counts as one that found nothing wrong."""
        process = self.tool.start(work, command)
        if command[0] == "serve" and process.stdout.readline():
            process.terminate()
        return self.tool.end(process, command)

    def double(self):
        """A run twice: in one month and across two, at the same start and at another."""
        rows = lake_table(self.damage.base / "lake").to_pyarrow_table(filters=[("started_month", "=", self.month)]).slice(0, 1)
        found = rows.to_pylist()[0]
        for point, days in enumerate([0, 1, 40]):
            work = self.damage.copy(f"double-{point}")
            started = found["started_at"].timestamp() * 1000 + days * DAY_MS
            write_deltalake(str(work / "lake"), moved(rows, started), mode="append")
            if days == 40:
                # A month alone doesn't show it; all of them together do.
                done = self.tool.run(work, "verify", work / "lake", "--quiet")
                self.tallies.that("verify of a lake", "double", point, done.code == 5 and found["id"] in done.err, done.told())
            else:
                self.all_refuse(work, "double", point, [found["id"]])
            self.repair(work, point)
            shutil.rmtree(work)

    def repair(self, work, point):
        """A repair leaves one row of it."""
        lake = work / "lake"
        done = self.tool.run(work, "lake", "repair", lake, "--apply", "--quiet")
        verified = self.tool.run(work, "verify", lake, "--quiet")
        text = f"repair: {done.told()}; then verify: {verified.told()}"
        self.tallies.that("repair of a lake", "double", point, (done.code, verified.code) == (0, 0), text)
        ids = lake_table(lake).to_pyarrow_table(columns=["id"])["id"].to_pylist()
        text = f"{len(ids)} rows after a repair, expected {len(self.world.expected.rows)}"
        self.tallies.that("repair of a lake", "double", point, sorted(ids) == sorted(self.world.expected.rows), text)

    def spoil_notes(self):
        """Each value of a closed month's note."""
        spoilt = [(name, value, False) for name, values in NOTES.items() for value in values]
        spoilt += [(name, value, True) for name, values in CORRECTIONS.items() for value in values]
        for point, (name, value, is_correction) in enumerate(spoilt):
            work = self.damage.copy(f"note-{point}")
            metadata = latest_metadata(work / "lake")
            state = json.loads(metadata["configuration"][STATE])
            note = state["closings"][self.month]
            if is_correction:
                note["corrections"] = FINE | {name: value}
            else:
                note[name] = value
            metadata["configuration"][STATE] = json.dumps(state)
            commit(work / "lake", metadata)
            for command in (
                ["report", work / "lake", "--month", self.month],
                ["verify", work / "lake", "--quiet"],
                self.sync(work),
            ):
                done = self.tool.run(work, *command)
                names_value = str(value) in done.err or value == BEFORE_IT_BEGINS and "begins" in done.err
                held = done.code == 5 and STATE in done.err and names_value
                text = f"{name} = {value!r}: expected exit 5 naming {STATE} and the value: {done.told()}"
                self.tallies.that(f"{command[0]} of a lake", "note", point, held, text)
            shutil.rmtree(work)

    def count_hashes(self):
        """All files have one, also those that a checkpoint tells of; what another engine wrote has none, until it is optimized."""
        work = self.damage.copy("hashes")
        lake = work / "lake"
        steps = [("of the tool's", False), ("after another engine", True), ("after lake optimize", False)]
        for point, (name, is_lacking) in enumerate(steps):
            if point == 1:
                split(lake, [self.month])
            elif point == 2:
                self.tool.must(work, "lake", "optimize", lake, "--quiet")
            done = self.tool.run(work, "verify", lake)
            held = done.code == 0 and ("no hash" in done.out + done.err) == is_lacking
            text = f"{name}: expected {'some' if is_lacking else 'none'} without a hash: exit {done.code}: {done.out}{done.err}"
            self.tallies.that("verify of a lake", "hash", point, held, text)
        shutil.rmtree(work)

    def sync(self, work):
        return ["sync", "--lake", work / "lake", *self.world.source(), "--quiet"]


def latest_metadata(lake):
    """The table's, from its log."""
    found = None
    for path in sorted((lake / "_delta_log").glob("*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = json.loads(line).get("metaData", found)
    return found


def commit(lake, metadata):
    """An entry that sets it, as a hand may write it."""
    path = lake / "_delta_log" / f"{lake_table(lake).version() + 1:020}.json"
    info = {"timestamp": 1_756_360_800_000, "operation": "SET TBLPROPERTIES", "operationParameters": {}, "engineInfo": "a hand"}
    path.write_text(
        "\n".join(json.dumps(action) for action in ({"commitInfo": info}, {"metaData": metadata})) + "\n", encoding="utf-8"
    )


def moved(rows, started_ms):
    """A row with another start."""
    start = at(round(started_ms))
    values = {"started_at": start, "started_on": start.date(), "started_month": f"{start:%Y-%m}"}
    for name, value in values.items():
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, rows.schema.field(name), pyarrow.array([value], rows.schema.field(name).type))
    return rows


# The part `replaced`: verify, report, diff and reconcile of an export that other exports replace all the while. Each must
# end well, and a report must be of one export, not of two mixed.

REPLACEMENTS = (40, 6)


def sweep_replaced(tool, tallies, folder, options):
    """One export after the other into the same folder, and readers beside them."""
    # What reconcile asks is answered by a server of its own, whose account stands still.
    with new_world(options.seed, runs_a_day=60) as world, new_world(options.seed) as still:
        still.set_clock(AFTER, tool)
        for layout in ([], ["--partition-by", "day"]):
            Replaced(world, tool, tallies, folder, layout).run(options, still)


class Replaced:
    """An export that is replaced."""

    def __init__(self, world, tool, tallies, folder, layout):
        self.world, self.tool, self.tallies, self.layout = world, tool, tallies, layout
        # Readers have a clock that stands still, as the server that they ask.
        self.reader = copy.copy(tool)
        self.work = folder / f"work-{len(layout)}"
        self.work.mkdir()
        self.out, self.other = self.work / "out", self.work / "other"
        self.is_over, self.totals = threading.Event(), set()

    def export(self, out):
        """One, of what there is now."""
        costs = [row["usage_total_usd"] for row in export_model(self.world.account, *EDGES).values()]
        self.totals.add((len(costs), plain(exact_sum(costs) or Decimal(0))))
        source = self.world.source()
        return self.tool.run(self.work, "export", "--month", MONTH, "--out", out, *source, *self.layout, "--quiet")

    def run(self, options, still):
        self.world.set_clock(AFTER, self.tool)
        self.reader.now = self.tool.now
        # The account's list has to hold all runs from the start, since an export isn't replaced by one that knows less.
        self.export(self.other)
        self.export(self.out)
        readers = {
            "verify": ["verify", self.out, "--quiet"],
            "report": ["report", self.out, "--format", "json"],
            "diff": ["diff", self.other, self.out, "--json"],
            "reconcile": ["reconcile", "--cycle", "2025-08-15", self.out, *still.source(), "--json"],
        }
        readers = {name: command for name, command in readers.items() if options.only in f"{name} beside exports"}
        threads = [threading.Thread(target=self.read, args=(name, command)) for name, command in readers.items()]
        for thread in threads:
            thread.start()
        for number in range(REPLACEMENTS[options.quick]):
            if number % 2:
                # Costs that move, so that the files differ; of runs whose cost is listed, since details are taken from the
                # export that is replaced.
                listed = [life for life in self.world.account.there if life.listed_from == 0]
                for life in self.world.account.random.sample(listed, 50):
                    life.repriced_at = self.world.clock
            self.world.set_clock(AFTER + number * DAY_MS // 50, self.tool)
            done = self.export(self.out)
            self.tallies.that("export beside readers", "replaced", number, done.code == 0, done.told())
        self.is_over.set()
        for thread in threads:
            thread.join()
        shutil.rmtree(self.work)

    def read(self, name, command):
        """Again and again, until the last export."""
        number = 0
        while not self.is_over.is_set():
            number += 1
            done = self.reader.run(self.work, *command)
            held, text = done.code == 0, done.told()
            if held and name == "report":
                totals = json.loads(done.out)["totals"]
                found = totals["runs"], totals["usage_total_usd"]
                held, text = found in self.totals, f"{found} is of no export that there was"
            self.tallies.that(f"{name} beside exports", "replaced", number, held, text)
