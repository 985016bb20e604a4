"""The commands that the sweep of system calls interrupts: what each starts from, how it is called, and what old and new are.
Holds no check itself; system_calls.py does the interrupting."""

import hashlib
import shutil
from pathlib import Path

from support.archives import (
    Torn,
    difference,
    export_model,
    export_rows,
    lake_rows,
    lake_state,
    lake_table,
    live_files,
    tree,
)
from support.moving_account import read_changes


class Scenario:
    """A command upon a folder `before`, which each attempt gets a copy of."""

    name = ""
    tells = False
    # Whether what it does is done file by file, so that some of it may be done.
    in_parts = False

    def __init__(self, world, tool, before):
        self.world, self.tool, self.before = world, tool, before

    def begin(self, work):
        """The folder that an attempt starts from."""
        shutil.copytree(self.before, work)
        (work / "changes").mkdir(exist_ok=True)

    def command(self, work, attempt):
        """The arguments of the first attempt, or the second, which heals."""
        raise NotImplementedError

    def state(self, work):
        """'old' or 'new'; raises Torn for anything else."""
        raise NotImplementedError

    def healed(self, _state, done):
        """Whether the second attempt ended as it should."""
        return done.code == 0

    def finished(self, work):
        """What is wrong after it."""
        return [] if self.state(work) == "new" else ["the second attempt left the old state"]

    def verified(self, path):
        """Raises Torn where the tool's own verify refuses what is there."""
        done = self.tool.run(path.parent, "verify", path, "--quiet")
        if done.code != 0:
            raise Torn(f"verify: {done.told()}")


class Sync(Scenario):
    """A sync of a lake, or the first one; `after` is the model's table."""

    def __init__(self, world, tool, before, name, options=(), tells=False):
        super().__init__(world, tool, before)
        self.name, self.options, self.tells = name, options, tells
        old = lake_rows(before / "lake")
        self.old, self.new = old, world.expected.rows
        self.changes = {}

    def command(self, work, attempt):
        told = ["--changes", work / "changes" / f"{attempt}.csv"] if self.tells else []
        # Without --since a first sync begins where retention does, long before the first run.
        return ["sync", "--lake", work / "lake", *self.world.source(), "--quiet", *self.options, *told]

    def state(self, work):
        rows = lake_rows(work / "lake")
        is_new, is_old = difference(rows, self.new), difference(rows, self.old)
        if is_new and is_old:
            raise Torn(f"neither the old table ({is_old}) nor the new one ({is_new})")
        if rows is not None:
            self.verified(work / "lake")
        return "old" if is_new else "new"

    def told(self, work):
        """ID and kind of all that both attempts told, and the files that hold it."""
        files = sorted((work / "changes").glob("*.csv"))
        return [entry for path in files for entry in read_changes(path)]


class Optimize(Scenario):
    """Small files of two months put together, a commit a month."""

    name = "lake optimize"
    in_parts = True

    def prepare(self, _work):
        """The rows that have to stay."""
        self.rows = lake_rows(self.before / "lake")

    def command(self, work, attempt):
        return ["lake", "optimize", "--keep-recent", "0s", work / "lake", "--quiet"]

    def state(self, work):
        wrong = difference(lake_rows(work / "lake"), self.rows)
        if wrong:
            raise Torn(wrong)
        self.verified(work / "lake")
        months = [name.split("/")[0] for name in live_files(lake_table(work / "lake"))]
        return "new" if len(months) == len(set(months)) else "old"


class Vacuum(Scenario):
    """Files that no version needs, removed."""

    name = "lake vacuum"
    in_parts = True

    def prepare(self, _work):
        """The rows that have to stay."""
        self.rows = lake_rows(self.before / "lake")

    def command(self, work, attempt):
        return ["lake", "vacuum", "--keep", "0s", "--force", work / "lake", "--quiet"]

    def state(self, work):
        wrong = difference(lake_rows(work / "lake"), self.rows)
        if wrong:
            raise Torn(wrong)
        self.verified(work / "lake")
        there = sorted(path.name for path in (work / "lake").glob("started_month=*/*.parquet"))
        live = sorted(Path(name).name for name in live_files(lake_table(work / "lake")))
        return "new" if there == live else "old"


class Close(Scenario):
    """A month published, and noted in the lake."""

    name = "lake close"

    def __init__(self, world, tool, before, month, edges):
        super().__init__(world, tool, before)
        self.month, self.edges = month, edges

    def prepare(self, _work):
        """The rows that the month has to have."""
        self.rows = lake_rows(self.before / "lake")
        first, end = self.edges
        inside = lambda row: first <= row["started_at"].timestamp() * 1000 < end
        columns = ["id", "status", "started_at", "finished_at", "usage_total_usd", "cost_state", "act_id"]
        self.published = {key: {name: row[name] for name in columns} for key, row in self.rows.items() if inside(row)}

    def command(self, work, attempt):
        return ["lake", "close", work / "lake", "--month", self.month, "--out", work / "out", "--quiet"]

    def state(self, work):
        wrong = difference(lake_rows(work / "lake"), self.rows)
        if wrong:
            raise Torn(f"the lake: {wrong}")
        self.verified(work / "lake")
        out = work / "out"
        if out.exists():
            self.verified(out)
            wrong = difference(export_rows(out), self.published)
            if wrong:
                raise Torn(f"the export: {wrong}")
        closing = lake_state(lake_table(work / "lake")).get("closings", {}).get(self.month)
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

    def __init__(self, world, tool, before, name, month, edges, options=()):
        super().__init__(world, tool, before)
        self.name, self.month, self.edges, self.options = name, month, edges, options

    def prepare(self, _work):
        """What was there, and what has to come."""
        self.old = tree(self.before / "out")
        self.rows = export_model(self.world.account, *self.edges)

    def command(self, work, attempt):
        source = self.world.source()
        return ["export", "--month", self.month, "--out", work / "out", *source, *self.options, "--quiet"]

    def state(self, work):
        out = work / "out"
        found = tree(out)
        if found == self.old:
            return "old"
        if not found:
            raise Torn("the old export is gone, and no new one is there")
        self.verified(out)
        wrong = difference(export_rows(out), self.rows)
        if wrong:
            raise Torn(wrong)
        return "new"

    def finished(self, work):
        beside = [path.name for path in work.iterdir() if path.name not in ("out", "tmp", "changes")]
        # A lock's file may stay; whatever else is there was staged or is old.
        beside = [name for name in beside if not name.endswith(".lock")]
        return super().finished(work) + ([f"left beside the export: {', '.join(beside)}"] if beside else [])
