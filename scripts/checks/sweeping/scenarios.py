"""What the sweeps start from and what they interrupt: accounts and folders, namely a lake of several commits whose next one is due for a
checkpoint, and an export that the next one replaces; and commands, each with what is old and new for it. Holds no check itself; faults.py
does the interrupting."""

import contextlib
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet
from deltalake import DeltaTable, write_deltalake

from checks.support.standin import DAY_MS, HOUR_MS, MovingAccount, MovingStandIn, MovingTable, World, at, millis, read_changes, serving
from checks.sweeping.attempts import Torn, difference, export_model, export_rows, is_part, lake_rows, lake_state, lake_table, live_files, tree

FIRST, LAST = millis("2025-06-20T00:00:00Z"), millis("2025-09-12T00:00:00Z")
BEGINS, BEFORE = millis("2025-08-26T06:00:00Z"), millis("2025-08-31T06:00:00Z")
AFTER = millis("2025-09-02T06:00:00Z")
MONTH, EDGES = "2025-08", (millis("2025-08-01T00:00:00Z"), millis("2025-09-01T00:00:00Z"))
RUNS_A_DAY, RETENTION_DAYS = 4, 120
# The version that a lake has before the commit which is swept: the next one is followed by a checkpoint.
VERSION_BEFORE = 9
MOVED_RUNS = 6


@contextlib.contextmanager
def new_world(seed, first=FIRST, last=LAST, runs_a_day=RUNS_A_DAY, retention_days=RETENTION_DAYS):
    """An account and its server, for as long as the block lasts."""
    account = MovingAccount(first, last, runs_a_day, retention_days, seed=seed)
    with serving(MovingStandIn(account, first, retention_days)) as standin:
        yield World(account, standin, MovingTable(), first)


def grow(world, tool, work, clock):
    """A sync at a moment, upon which the lake is what the model says."""
    world.set_clock(clock, tool)
    world.begin_listing()
    done = tool.must(work, "sync", "--lake", work / "lake", *world.source(), "--quiet")
    missed = world.synced()
    wrong = difference(lake_rows(work / "lake"), world.expected.rows)
    if missed or wrong:
        raise RuntimeError(
            f"a faultless sync isn't what the model says: {wrong}; never listed: {sorted(missed)[:3]}; {done.told()}"
        )


@dataclass
class Folders:
    """Lakes to start from: none, before the sync that is swept, after it, and after it in many files."""

    empty: Path
    before: Path
    after: Path
    pieces: Path
    # One that a file is damaged of.
    damaged: Path
    # ID to kind of what that sync changes.
    changes: dict


def make_folders(world, tool, folder):
    """All of them; the world's model and clock are of after that sync."""
    folders = Folders(*(folder / name for name in ("empty", "before", "after", "pieces", "damaged")), {})
    folders.empty.mkdir()
    old = make_lake(world, tool, folders.before)
    shutil.copytree(folders.before, folders.after)
    world.begin_listing()
    done = tool.run(folders.after, "sync", "--lake", folders.after / "lake", *world.source(), "--quiet")
    missed = world.synced()
    wrong = done.code and done.told() or difference(lake_rows(folders.after / "lake"), world.expected.rows)
    if wrong or missed:
        raise RuntimeError(f"a faultless sync isn't what the model says: {wrong}; never listed: {sorted(missed)[:3]}")
    shutil.copytree(folders.after, folders.pieces)
    shutil.copytree(folders.after, folders.damaged)
    # `lake optimize` leaves the last week alone.
    split(folders.pieces / "lake", ["2025-06", "2025-07"])
    folders.changes = world.expected.changes(old)
    return folders


def first_rows(world):
    """What a first sync makes of the account now."""
    names = world.account.names()
    return {life.id: life.row(world.clock, names) | {"queried_at": at(world.clock)} for life in world.account.there}


def make_lake(world, tool, work):
    """A lake whose next sync finds a new month, runs that are new and that moved, and makes version 10."""
    work.mkdir()
    clock = BEGINS
    grow(world, tool, work, clock)
    while lake_table(work / "lake").version() < VERSION_BEFORE:
        clock += 12 * HOUR_MS
        world.account.happen(clock, moves=False)
        grow(world, tool, work, clock)
    if clock >= AFTER:
        raise RuntimeError(f"the lake has version {lake_table(work / 'lake').version()} too late")
    before = world.expected.copy()
    ended = [life for life in world.account.there if life.ends < BEFORE - 9 * DAY_MS]
    # Within the month and across, out of reach of --lookback before.
    for number, life in enumerate(world.account.random.sample(ended, MOVED_RUNS)):
        world.account.move(life, AFTER - (number + 1) * 9 * HOUR_MS)
    world.set_clock(AFTER, tool)
    return before


def split(folder, months, pieces=4):
    """Has deltalake put the rows of some months into several files each, as many small syncs or other engines leave them."""
    table = DeltaTable(str(folder))
    for month in months:
        rows = table.to_pyarrow_table(filters=[("started_month", "=", month)]).sort_by(
            [("started_at", "ascending"), ("id", "ascending")]
        )
        size = -(-len(rows) // pieces)
        for start in range(0, len(rows), size):
            how = {"mode": "append"} if start else {"mode": "overwrite", "predicate": f"started_month = '{month}'"}
            write_deltalake(str(folder), rows.slice(start, size), **how)


# What may lie in a lake: data, also of commits that never came, the log with what was staged for it, the tool's own note of its last
# commit, and what asked a store whether it keeps conditions: one that a killed process left goes with another process an hour later.
OF_A_TABLE = re.compile(
    r"^started_month=[^/]+/[^/]+$|^_delta_log/(\d{20}\..*|_last_checkpoint.*)$|^_apify_runs/(head\.json(#\d+)?|probe-[0-9a-f-]+)$"
)


class Scenario:
    """A command upon a folder `before`, which each attempt gets a copy of; on a store, `lake` and an export are in the attempt's
    own bucket."""

    name = ""
    tells = False
    # Whether what it does is done file by file, so that some of it may be done.
    in_parts = False

    def __init__(self, world, tool, before, store=None):
        self.world, self.tool, self.before, self.store = world, tool, before, store

    def begin(self, work):
        """What an attempt starts from."""
        shutil.copytree(self.before, work)
        (work / "changes").mkdir(exist_ok=True)
        if self.store:
            self.store.bucket(work.name)
            for name in self.stored:
                if (work / name).exists():
                    self.store.upload(work / name, work.name, name)
                    shutil.rmtree(work / name)

    def end(self, work):
        """Nothing of it stays."""
        shutil.rmtree(work, ignore_errors=True)
        if self.store:
            self.store.remove(work.name)

    # What of a scenario is on the store, where there is one.
    stored = ("lake",)

    def place(self, work, name):
        """A lake or an export as the tool is told of it."""
        return f"s3://{work.name}/{name}" if self.store and name in self.stored else work / name

    def local(self, work, name):
        """The same as a folder: a copy of what is on the store."""
        if not self.store or name not in self.stored:
            return work / name
        copy = work / "copy" / name
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        self.store.download(work.name, name, copy)
        return copy

    def command(self, work, attempt):
        """The arguments of the first attempt, or the second, which heals."""
        raise NotImplementedError

    def state(self, work):
        """'old', 'new', or 'part' where some of several commits were made; raises Torn for anything else."""
        raise NotImplementedError

    def healed(self, _state, done):
        """Whether the second attempt ended as it should."""
        return done.code == 0

    def finished(self, work):
        """What is wrong after it."""
        found = [] if self.state(work) == "new" else ["the second attempt left the old state"]
        left = [name for name in tree(self.local(work, "lake")) if not OF_A_TABLE.search(name)]
        return found + ([f"left in the lake: {', '.join(left[:3])}"] if left else [])

    def verified(self, work, name):
        """Raises Torn where the tool's own verify refuses what is there."""
        done = self.tool.run(work, "verify", self.place(work, name), "--quiet")
        if done.code != 0:
            raise Torn(f"verify of the {name}: {done.told()}")


class Sync(Scenario):
    """A sync of a lake, or the first one; `after` is the model's table."""

    def __init__(self, world, tool, before, name, options=(), tells=False, store=None):
        super().__init__(world, tool, before, store)
        self.name, self.options, self.tells = name, options, tells
        old = lake_rows(before / "lake")
        self.old, self.new = old, world.expected.rows
        self.changes = {}

    def command(self, work, attempt):
        told = ["--changes", work / "changes" / f"{attempt}.csv"] if self.tells else []
        # Without --since a first sync begins where retention does, long before the first run.
        return ["sync", "--lake", self.place(work, "lake"), *self.world.source(), "--quiet", *self.options, *told]

    def state(self, work):
        rows = lake_rows(self.local(work, "lake"))
        is_new, is_old = difference(rows, self.new), difference(rows, self.old)
        if is_new and is_old and not is_part(rows, self.old, self.new):
            raise Torn(f"neither the old table ({is_old}) nor the new one ({is_new})")
        if rows is not None:
            self.verified(work, "lake")
        return "new" if not is_new else "part" if is_old else "old"

    def told(self, work):
        """ID and kind of all that both attempts told, and the files that hold it."""
        files = sorted((work / "changes").glob("*.csv"))
        return [entry for path in files for entry in read_changes(path)]


class Close(Scenario):
    """A month published, and noted in the lake."""

    name = "lake close"

    def __init__(self, world, tool, before, month, edges, store=None):
        super().__init__(world, tool, before, store)
        self.month, self.edges = month, edges

    def prepare(self, _work):
        """The rows that the month has to have."""
        self.rows = lake_rows(self.before / "lake")
        first, end = self.edges
        inside = lambda row: first <= row["started_at"].timestamp() * 1000 < end
        columns = ["id", "status", "started_at", "finished_at", "usage_total_usd", "cost_state", "act_id"]
        self.published = {key: {name: row[name] for name in columns} for key, row in self.rows.items() if inside(row)}

    def command(self, work, attempt):
        return ["lake", "close", self.place(work, "lake"), "--month", self.month, "--out", work / "out", "--api-url", self.world.standin.url, "--quiet"]

    def state(self, work):
        lake = self.local(work, "lake")
        wrong = difference(lake_rows(lake), self.rows)
        if wrong:
            raise Torn(f"the lake: {wrong}")
        self.verified(work, "lake")
        out = work / "out"
        if out.exists():
            self.verified(work, "out")
            wrong = difference(export_rows(out), self.published)
            if wrong:
                raise Torn(f"the export: {wrong}")
        closing = lake_state(lake_table(lake)).get("closings", {}).get(self.month)
        if closing is None:
            return "old"
        if not out.exists():
            raise Torn("the month is noted as closed, and there is no export")
        digest = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
        if closing["manifest_sha256"] != digest or closing["runs"] != len(self.published):
            raise Torn("what is noted of the month is not of the export that is there")
        return "new"

    def healed(self, state, done):
        # A month that is closed is said to be.
        return done.code == 0 or (state == "new" and done.code == 6 and "closed" in done.err)


class Export(Scenario):
    """A month into a folder, over an earlier export of it or into nothing."""

    stored = ("out",)

    def __init__(self, world, tool, before, name, period, options=(), store=None):
        super().__init__(world, tool, before, store)
        self.name, self.options = name, options
        self.month, self.edges = period

    def prepare(self, _work):
        """What was there, and what has to come."""
        self.old = tree(self.before / "out")
        self.rows = export_model(self.world.account, *self.edges)

    def command(self, work, attempt):
        source = self.world.source()
        return ["export", "--month", self.month, "--out", self.place(work, "out"), *source, *self.options, "--quiet"]

    def state(self, work):
        out = self.local(work, "out")
        found = tree(out)
        # On a store, what another attempt had sent may lie about.
        if {name: found.get(name) for name in self.old} == self.old and (self.store or found == self.old):
            if not self.old and "manifest.json" in found:
                return self.new(work, out)
            return "old"
        if not (out / "manifest.json").exists():
            raise Torn(f"no whole export is there any more: {', '.join(list(found)[:3]) or 'nothing'}")
        return self.new(work, out)

    def new(self, work, out):
        """The new one is what it has to be. `verify` reads exports in folders only."""
        if self.store:
            files = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
            found = tree(out)
            wrong = [file["path"] for file in files if found.get(file["path"]) != file["sha256"]]
            if wrong:
                raise Torn(f"files aren't what the manifest says: {', '.join(wrong[:3])}")
        else:
            self.verified(work, "out")
        wrong = difference(export_rows(out), self.rows)
        if wrong:
            raise Torn(wrong)
        return "new"

    def finished(self, work):
        beside = [path.name for path in work.iterdir() if path.name not in ("out", "tmp", "changes", "copy")]
        # A lock's file may stay; whatever else is there was staged or is old.
        beside = [name for name in beside if not name.endswith(".lock")]
        return super().finished(work) + ([f"left beside the export: {', '.join(beside)}"] if beside else [])


class Report(Scenario):
    """The files of a report over those of an earlier one, moved to their names one by one."""

    name = "report --out"
    in_parts = True
    formats = ["html", "xlsx", "md", "json", "csv", "summary", "focus"]

    def prepare(self, work):
        """What has to come; what was there are the same files with a line more."""
        self.export, self.new = tree(work / "out"), tree(work / "reported")
        self.old = {name: hashlib.sha256(self.earlier(work / "reported" / name)).hexdigest() for name in self.new}

    @staticmethod
    def earlier(path):
        return path.read_bytes() + b"\n"

    def begin(self, work):
        super().begin(work)
        if not hasattr(self, "new"):
            return
        self.tool.must(work, *self.command(work, "earlier"))
        for name in self.new:
            (work / "reported" / name).write_bytes(self.earlier(work / "reported" / name))

    def command(self, work, attempt):
        formats = [word for name in self.formats for word in ("--format", name)]
        return ["report", work / "out", *formats, "--out", work / "reported"]

    def state(self, work):
        if tree(work / "out") != self.export:
            raise Torn("the export is changed")
        found = {name: digest for name, digest in tree(work / "reported").items() if not name.startswith(".")}
        torn = [name for name, digest in found.items() if digest not in (self.old.get(name), self.new.get(name))]
        torn += self.new.keys() - found.keys()
        if torn:
            raise Torn(f"neither the old file nor the new one: {', '.join(torn[:3])}")
        return "new" if found == self.new else "old" if found == self.old else "part"

    def finished(self, work):
        found = [] if self.state(work) == "new" else ["the second attempt left the old state"]
        left = [name for name in tree(work / "reported") if name not in self.new]
        return found + ([f"left in the folder: {', '.join(left[:3])}"] if left else [])


# The commands that take care of a lake, as the sweep of system calls interrupts them: the rows stay what they are. Holds no
# check itself.


class Optimize(Scenario):
    """Small files of two months put together, a commit a month."""

    name = "lake optimize"
    in_parts = True

    def prepare(self, _work):
        """The rows that have to stay."""
        self.rows = lake_rows(self.before / "lake")

    def command(self, work, attempt):
        return ["lake", "optimize", self.place(work, "lake"), "--quiet"]

    def state(self, work):
        lake = self.local(work, "lake")
        wrong = difference(lake_rows(lake), self.rows)
        if wrong:
            raise Torn(wrong)
        self.verified(work, "lake")
        months = [name.split("/")[0] for name in live_files(lake_table(lake))]
        return "new" if len(months) == len(set(months)) else "old"


class Vacuum(Scenario):
    """Files that no version needs, removed."""

    name = "lake vacuum"
    in_parts = True

    def prepare(self, _work):
        """The rows that have to stay."""
        self.rows = lake_rows(self.before / "lake")

    def command(self, work, attempt):
        return ["lake", "vacuum", "--keep", "0s", "--force", self.place(work, "lake"), "--quiet"]

    def state(self, work):
        lake = self.local(work, "lake")
        wrong = difference(lake_rows(lake), self.rows)
        if wrong:
            raise Torn(wrong)
        self.verified(work, "lake")
        there = sorted(path.name for path in lake.glob("started_month=*/*.parquet"))
        live = sorted(Path(name).name for name in live_files(lake_table(lake)))
        return "new" if there == live else "old"


class Repair(Scenario):
    """A file that is cut off, set aside."""

    name = "lake repair"

    def __init__(self, world, tool, before, store=None):
        super().__init__(world, tool, before, store)
        lake = before / "lake"
        self.rows, self.old = lake_rows(lake), live_files(lake_table(lake))
        # The month in the middle, so that there is one on either side.
        self.damaged = lake / f"started_month={self.old[len(self.old) // 2]}"
        gone = set(pyarrow.parquet.read_table(self.damaged, columns=["id"], partitioning=None)["id"].to_pylist())
        self.rows = {key: row for key, row in self.rows.items() if key not in gone}
        self.damaged.write_bytes(self.damaged.read_bytes()[:-100])
        self.files = tree(lake)

    def command(self, work, attempt):
        return ["lake", "repair", self.place(work, "lake"), "--apply", "--quiet"]

    def finished(self, work):
        # What is set aside lies in the lake, too.
        return [] if self.state(work) == "new" else ["the second attempt left the old state"]

    def state(self, work):
        lake = self.local(work, "lake")
        found = tree(lake)
        touched = [name for name, digest in self.files.items() if found.get(name) != digest and not name.startswith("_")]
        if [name for name in touched if not name.endswith(self.damaged.name)]:
            raise Torn(f"other files are changed: {', '.join(touched)}")
        if touched and self.files[touched[0]] not in found.values():
            raise Torn("the damaged file is deleted")
        if live_files(lake_table(lake)) == self.old:
            return "old"
        wrong = difference(lake_rows(lake), self.rows)
        if wrong:
            raise Torn(wrong)
        self.verified(work, "lake")
        return "new"
