"""The part `replaced`: verify, report, diff and reconcile of an export that other exports replace all the while. Each must end well,
and a report must be of one export, not of two mixed."""

import copy
import json
import shutil
import threading
from decimal import Decimal

from demo import exact_sum, plain
from standin import DAY_MS
from support.archives import export_model

from .worlds import AFTER, EDGES, MONTH, new_world

REPLACEMENTS = (40, 6)


def sweep(tool, tallies, folder, options):
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
