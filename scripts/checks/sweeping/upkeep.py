"""The commands that take care of a lake, as the sweep of system calls interrupts them: the rows stay what they are. Holds no check
itself."""

from pathlib import Path

import pyarrow.parquet
from support.archives import Torn, difference, lake_rows, lake_table, live_files, tree

from .scenarios import Scenario


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
