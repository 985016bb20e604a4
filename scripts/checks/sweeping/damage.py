"""The part `damage`: bits that turn in a lake's files; files and log entries that are lost, emptied, cut or garbled; and what another engine
or a hand may leave, such as rows that are there twice and notes of closed months that make no sense. `verify` has to see it, no figure may
be wrong with exit 0, and `lake repair` is the way back. The part `replaced`: commands beside exports that replace what they read."""

import copy
import json
import random
import shutil
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet
from deltalake import write_deltalake

from checks.support.account import exact_sum, plain
from checks.support.standin import DAY_MS, at, millis
from checks.sweeping.attempts import INTERNALS, STATE, Torn, difference, export_model, is_wanted, lake_rows, lake_table, tree
from checks.sweeping.scenarios import AFTER, EDGES, HOUR_MS, MONTH, grow, new_world, split

FIRST, LAST, BEGINS = millis("2025-04-20T00:00:00Z"), millis("2025-09-20T00:00:00Z"), millis("2025-08-03T06:00:00Z")
# So short that what the first sync saw of April and May is gone at Apify by the end, and only the lake has it.
RETENTION_DAYS = 100
# A checkpoint comes with version 10, the month is closed before, and there are some after it.
VERSIONS, CLOSED_AFTER, CLOSED = 13, 7, "2025-07"
FLIPS_A_FILE, REPAIRS = (12, 2), (24, 3)
CHANGES_WITH_A_COMMIT = {"_delta_log/_last_checkpoint", "_apify_runs/head.json"}


def sweep_damage(tool, tallies, folder, options):
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
                tool.must(base, "lake", "close", base / "lake", "--month", CLOSED, "--out", base / "closed", "--api-url", world.standin.url, "--quiet")
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


# Damage as disks, crashes and hands do it.

# Entries before the checkpoint are gone, as Delta's clean-up does; then the checkpoint is damaged, too.
CLEANED = ["cleaned", "cleaned, lost", "cleaned, cut"]


def plain_rows(rows):
    """Rows without when they were asked for."""
    return rows and {key: {name: value for name, value in row.items() if name != "queried_at"} for key, row in rows.items()}


def turn_a_bit(path, draw):
    """Turns one; where, in words."""
    data = bytearray(path.read_bytes())
    at, bit = draw.randrange(len(data)), draw.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"{bit} of byte {at} of {len(data)}"


def harm(path: Path, kind, draw):
    """Damages a file."""
    data = path.read_bytes()
    if kind in CLEANED:
        for entry in path.parent.glob("*.json"):
            if entry.name < path.name:
                entry.unlink()
        if kind != "cleaned":
            harm(path, kind.removeprefix("cleaned, "), draw)
        return
    if kind == "lost":
        path.unlink()
    elif kind == "bit":
        turn_a_bit(path, draw)
    elif kind == "to nowhere":
        path.write_text(json.dumps(json.loads(data) | {"version": 9999}), encoding="utf-8")
    elif kind == "to an earlier version":
        path.write_text(json.dumps(json.loads(data) | {"version": 3}), encoding="utf-8")
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "garbage": draw.randbytes(len(data))}[kind])


# Damage of a lake's log: each entry, checkpoint and pointer of it lost, emptied, cut or garbled. The lake is refused or
# right, and where the log can be read at all, there is a way back. Part of `damage`.

DAMAGES = ["lost", "empty", "cut", "bit", "garbage"]


class Logs:
    """What is done to the logs of copies of a lake."""

    def __init__(self, damage):
        self.damage, self.tool, self.tallies, self.world = damage, damage.tool, damage.tallies, damage.world
        self.log = sorted(path for path in (damage.base / "lake" / "_delta_log").iterdir() if path.is_file())
        # The last entry, without which nothing in the log tells that there was one.
        self.last = max(path.name for path in self.log if path.suffix == ".json")

    def break_all(self):
        """Every file of the log, in every way."""
        tries = [(kind, path) for path in self.log for kind in DAMAGES]
        pointer = next(path for path in self.log if path.name == "_last_checkpoint")
        checkpoint = next(path for path in self.log if path.name.endswith(".checkpoint.parquet"))
        tries += [(kind, pointer) for kind in ("to nowhere", "to an earlier version")]
        tries += [(kind, checkpoint) for kind in CLEANED]
        numbered = [(number, *one) for number, one in enumerate(tries)]
        if self.damage.options.quick and self.damage.options.point is None:
            numbered = [one for one in numbered if one[2].name == self.last or one[0] % 4 == self.damage.options.seed % 4]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: self.break_one(*one), [one for one in numbered if self.damage.wanted(one[1], one[0])]))

    def break_one(self, point, kind, original):
        """One of them."""
        work = self.damage.copy(f"log-{point}")
        path = work / original.relative_to(self.damage.base)
        harm(path, kind, self.damage.draw("log", point))
        # The log is whole without its checkpoints, unless it has been cleaned; but a checkpoint with a turned bit may be one that
        # can be read, and an entry may then name a column of a later version.
        is_whole = kind == "cleaned" or "checkpoint" in path.name and kind not in (*CLEANED, "bit")
        right_ends = (0,) if is_whole else (5,) if kind in CLEANED else (0, 2, 5) if kind == "bit" else (0, 5)
        verified = self.tool.run(work, "verify", work / "lake", "--quiet")
        problems = self.refused_or_right(work, verified, right_ends)
        if verified.code == 5 and path.name == self.last and kind in ("lost", "empty"):
            problems += self.repaired(work)
        synced = self.tool.run(work, "sync", "--lake", work / "lake", *self.world.source(), "--quiet")
        if synced.code and is_whole:
            problems.append(f"a sync on top: {synced.told()}")
        if synced.code == 0:
            if is_whole and kind != "cleaned":
                # The tool passes a broken checkpoint over; deltalake doesn't, and reads the whole log without it.
                for left in (work / "lake" / "_delta_log").glob("*checkpoint*"):
                    left.unlink()
            wrong = self.differs(work, verified)
            problems += [f"a sync on top ends with 0 (verify before: {verified.code}), and: {wrong}"] if wrong else []
        problems += self.internals(verified, synced)
        self.tallies.add("lake log", kind, points=1, old=verified.code == 5, new=verified.code == 0, healed=synced.code == 0)
        for problem in problems:
            self.tallies.fault("lake log", kind, point, f"{path.name}: {problem}")
        shutil.rmtree(work)

    def refused_or_right(self, work, verified, right_ends):
        """What is wrong with verify and the reports of all months."""
        problems = []
        if verified.code not in right_ends:
            problems.append(f"verify has to end with {' or '.join(map(str, right_ends))}: {verified.told()}")
        report = lambda month: self.tool.run(work, "report", work / "lake", "--month", month, "--format", "json")
        reports = {month: report(month) for month in self.damage.months}
        wrong = [month for month, done in reports.items() if done.code == 0 and not self.damage.is_right(month, done.out)]
        if wrong:
            problems.append(f"report is wrong of {', '.join(wrong)}, with exit 0; verify: exit {verified.code}")
        elif verified.code == 0 and any(done.code for done in reports.values()):
            problems.append(f"verify: exit 0; report: {next(done for done in reports.values() if done.code).told()}")
        return problems

    def repaired(self, work):
        """What is wrong with the way back: a repair, and what verify says of it. The sync is the caller's."""
        applied = self.tool.run(work, "lake", "repair", work / "lake", "--apply", "--quiet")
        verified = self.tool.run(work, "verify", work / "lake", "--quiet")
        problems = [f"repair --apply: {applied.told()}"] if applied.code else []
        return problems + ([f"verify after a repair: {verified.told()}"] if verified.code else [])

    def differs(self, work, verified):
        """How the lake differs from the model, but for when runs were asked for. One that was refused before and that nobody can
        read is no worse than it was."""
        try:
            return difference(plain_rows(lake_rows(work / "lake")), plain_rows(self.world.expected.rows))
        except Torn as torn:
            return None if verified.code and "twice" not in str(torn) else str(torn)

    @staticmethod
    def internals(*ended):
        """Messages that show a library's internals, once."""
        found = [INTERNALS.search(done.err) for done in ended]
        return [f"a library's internals in the message ({found.group()})" for found in filter(None, found)][:1]


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
            "close": ["lake", "close", lake, "--month", self.month, "--out", work / "again", "--replace", "--api-url", self.world.standin.url, "--quiet"],
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
