"""The accounts and folders that sweeps start from: a lake of several commits whose next one is due for a checkpoint, and an
export that the next one replaces. Holds no check itself."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable, write_deltalake

from checks.support.archives import difference, lake_rows, lake_table
from checks.support.lake_account import HOUR_MS, MovingAccount, MovingStandIn, MovingTable, World, at
from checks.support.standin import DAY_MS, millis, serving

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
