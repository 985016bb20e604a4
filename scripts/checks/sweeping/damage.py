"""The part `damage`: bits that turn in a lake's files, files and log entries that are lost, emptied, cut or garbled. `verify` has to
see it, no figure may be wrong with exit 0, and `lake repair` is the way back."""

import json
import random
import shutil
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyarrow.parquet
from demo import exact_sum, plain
from standin import millis
from support.archives import Torn, difference, lake_rows, lake_table, tree
from support.tallies import is_wanted

from .foreign import Foreign
from .harm import harm, turn_a_bit
from .logs import Logs
from .worlds import HOUR_MS, grow, new_world

FIRST, LAST, BEGINS = millis("2025-04-20T00:00:00Z"), millis("2025-09-20T00:00:00Z"), millis("2025-08-03T06:00:00Z")
# So short that what the first sync saw of April and May is gone at Apify by the end, and only the lake has it.
RETENTION_DAYS = 100
# A checkpoint comes with version 10, the month is closed before, and there are some after it.
VERSIONS, CLOSED_AFTER, CLOSED = 13, 7, "2025-07"
FLIPS_A_FILE, REPAIRS = (12, 2), (24, 3)
CHANGES_WITH_A_COMMIT = {"_delta_log/_last_checkpoint", "_apify_runs/head.json"}


def sweep(tool, tallies, folder, options):
    """A lake with a closed month and some that only the lake has, damaged in each of its files."""
    with new_world(options.seed, FIRST, LAST, runs_a_day=3, retention_days=RETENTION_DAYS) as world:
        base = folder / "base"
        base.mkdir()
        clock = BEGINS
        while not (base / "lake").exists() or lake_table(base / "lake").version() < VERSIONS:
            if clock > BEGINS:
                world.account.happen(clock, moves=False)
            grow(world, tool, base, clock)
            clock += 60 * HOUR_MS
            if (base / "lake" / "_delta_log" / f"{CLOSED_AFTER:020}.json").exists() and not (base / "closed").exists():
                tool.must(base, "lake", "close", base / "lake", "--month", CLOSED, "--out", base / "closed", "--quiet")
        shutil.rmtree(base / "tmp")
        damage = Damage(world, tool, tallies, folder, base, options)
        if is_wanted(options, options.kind, "lake files", "report of lake files"):
            damage.flip_bits()
        if is_wanted(options, options.kind, "lake log"):
            Logs(damage).break_all()
        if is_wanted(options, options.kind, "lake repair"):
            damage.repair()
        foreign = Foreign(world, tool, tallies, damage, CLOSED)
        if is_wanted(options, "double", *foreign.names):
            foreign.double()
        if is_wanted(options, "hash", *foreign.names):
            foreign.count_hashes()
        if is_wanted(options, "note", *foreign.names):
            foreign.spoil_notes()


class Damage:
    """What is done to copies of a lake."""

    def __init__(self, world, tool, tallies, folder, base, options):
        self.world, self.tool, self.tallies, self.folder, self.base, self.options = world, tool, tallies, folder, base, options
        self.files = sorted(path for path in (base / "lake").glob("started_month=*/*.parquet") if path.name in self.live())
        self.months = defaultdict(list)
        for row in world.expected.rows.values():
            self.months[row["started_month"]].append(row["usage_total_usd"])

    def live(self):
        """Names of the files that the table has now."""
        return {uri.rsplit("/", 1)[-1] for uri in lake_table(self.base / "lake").file_uris()}

    def copy(self, name):
        """A copy to damage."""
        work = self.folder / name
        shutil.copytree(self.base, work)
        return work

    def wanted(self, kind, point):
        """Whether this point is asked for."""
        return self.options.kind in (None, kind) and self.options.point in (None, point)

    def draw(self, *what):
        """Chance that is the same whenever the same point is tried."""
        return random.Random(f"{self.options.seed} {what}")

    def flip_bits(self):
        """Each file: bits anywhere in it."""
        count = FLIPS_A_FILE[self.options.quick]
        tries = [(at * count + number, path) for at, path in enumerate(self.files) for number in range(count)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: self.flip_bit(*one), [one for one in tries if self.wanted("bit", one[0])]))

    def flip_bit(self, point, original):
        work = self.copy(f"bit-{point}")
        path = work / original.relative_to(self.base)
        where = turn_a_bit(path, self.draw("bit", point))
        done = self.tool.run(work, "verify", work / "lake", "--quiet")
        self.tallies.that("lake files", "bit", point, done.code == 5, f"bit {where} of {path.name}: verify: {done.told()}")
        month = path.parent.name.removeprefix("started_month=")
        done = self.tool.run(work, "report", work / "lake", "--month", month, "--format", "json")
        held = done.code != 0 or self.is_right(month, done.out)
        self.tallies.that(
            "report of lake files",
            "bit",
            point,
            held,
            f"bit {where} of {path.name}: its totals of {month} are wrong, with exit 0",
        )
        shutil.rmtree(work)

    def is_right(self, month, out):
        totals = json.loads(out)["totals"]
        costs = self.months[month]
        return (totals["runs"], totals["usage_total_usd"]) == (len(costs), plain(exact_sum(costs) or Decimal(0)))

    def repair(self):
        """Each file, damaged in one way: shown, set aside, and asked for again."""
        if self.tool.run(self.base, "lake", "repair", "--help").code != 0:
            self.tallies.fault("lake repair", "none", 0, "this binary has no lake repair")
            return
        tries = [
            (number, kind, path)
            for number, (path, kind) in enumerate((path, kind) for kind in ("bit", "lost", "cut") for path in self.files)
        ]
        limit = REPAIRS[self.options.quick]
        step = max(1, len(tries) // limit)
        for number, kind, path in tries[self.options.seed % step :: step] if self.options.point is None else tries:
            if self.wanted(kind, number):
                self.repair_file(number, kind, path)

    def repair_file(self, point, kind, original):
        """One file; the model forgets its runs, and a sync brings back what Apify has."""
        work = self.copy(f"repair-{point}")
        path, lake = work / original.relative_to(self.base), work / "lake"
        gone = set(pyarrow.parquet.read_table(original, columns=["id"], partitioning=None)["id"].to_pylist())
        harm(path, kind, self.draw("repair", point))
        damaged, siblings = tree(lake), None
        shown = self.tool.run(work, "lake", "repair", lake)
        problems = []
        if shown.code not in (0, 5, 7) or path.name not in shown.out + shown.err:
            problems.append(f"repair doesn't name {path.name}: {shown.told()}")
        if tree(lake) != damaged:
            problems.append("repair without --apply changed something")
        applied = self.tool.run(work, "lake", "repair", lake, "--apply")
        if applied.code != 0:
            problems.append(f"repair --apply: {applied.told()}")
        siblings = tree(lake)
        relative = str(path.relative_to(lake))
        touched = [name for name, digest in damaged.items() if name != relative and siblings.get(name) != digest]
        if [name for name in touched if name not in CHANGES_WITH_A_COMMIT]:
            problems.append(f"repair --apply touched other files: {', '.join(touched[:3])}")
        if kind != "lost" and damaged[relative] not in tree(work).values():
            problems.append("the damaged file is gone, not set aside")
        problems += self.synced_again(work, lake, gone)
        self.tallies.add("lake repair", kind, points=1, healed=not problems)
        for problem in problems:
            self.tallies.fault("lake repair", kind, point, f"{relative}: {problem}")
        shutil.rmtree(work)

    def synced_again(self, work, lake, gone):
        """What is wrong after the repair, and after the next sync."""
        world, problems = self.world, []
        kept = world.expected
        world.expected = kept.copy()
        for run_id in gone:
            del world.expected.rows[run_id]
        try:
            wrong = difference(lake_rows(lake), world.expected.rows)
            problems += [f"after repair --apply: {wrong}"] if wrong else []
            verified = self.tool.run(work, "verify", lake, "--quiet")
            problems += [f"after repair --apply, verify: {verified.told()}"] if verified.code else []
            world.begin_listing()
            synced = self.tool.run(work, "sync", "--lake", lake, *world.source(), "--quiet")
            world.synced()
            again = {life.id for life in world.account.there} & gone
            lacking = again - world.expected.rows.keys()
            problems += [f"the next sync: {synced.told()}"] if synced.code else []
            problems += [f"the next sync doesn't ask for {len(lacking)} of {len(again)} runs that Apify has"] if lacking else []
            wrong = difference(lake_rows(lake), world.expected.rows)
            problems += [f"after the next sync: {wrong}"] if wrong else []
            verified = self.tool.run(work, "verify", lake, "--quiet")
            problems += [f"after the next sync, verify: {verified.told()}"] if verified.code else []
        except Torn as torn:
            problems.append(f"torn: {torn}")
        finally:
            world.expected = kept
        return problems
