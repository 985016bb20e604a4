"""What a sweep counts, and how it is shown: a line a command and kind of fault, and a line for each point that didn't hold, with
what repeats it. Holds no check itself."""

import threading
from collections import Counter

COLUMNS = ["points", "not met", "old", "part", "new", "healed", "told", "told twice", "faults"]


def is_wanted(options, kind, *names):
    """Whether what has one of these names, and this kind of fault, is asked for."""
    return options.kind in (None, kind) and any(options.only in name for name in names)


class Tallies:
    """Counts by command and kind; used by several threads."""

    def __init__(self, seed):
        self.seed, self.lock = seed, threading.Lock()
        # The part that is at work.
        self.part = ""
        self.rows, self.faults = {}, []

    def add(self, what, kind, **counts):
        """Counts a point."""
        with self.lock:
            row = self.rows.setdefault((what, kind), Counter())
            for name, count in counts.items():
                row[name.replace("_", " ")] += int(count)

    def fault(self, what, kind, point, text):
        """A point that didn't hold."""
        with self.lock:
            row = self.rows.setdefault((what, kind), Counter())
            row["faults"] += 1
            # Where a sweep didn't come to its points, that is one.
            row["points"] += kind == "none"
            self.faults.append((self.part, what, kind, point))
            print(f"FAILED  {what}, {kind}, {point}: {text}", flush=True)

    def note(self, what, kind, point, text):
        """What is told of a point that holds."""
        with self.lock:
            print(f"note    {what}, {kind}, {point}: {text}", flush=True)

    def that(self, what, kind, point, held, text=""):
        """Counts a point that is simply right or wrong."""
        self.add(what, kind, points=1)
        if held:
            self.add(what, kind, healed=1)
        else:
            self.fault(what, kind, point, text)

    def show(self):
        """The tables and the closing line; whether all held."""
        width = max((len(what) for what, _ in self.rows), default=0)
        print(f"\n{'':{width}}  {'fault':12}" + "".join(f"{name:>11}" for name in COLUMNS))
        for (what, kind), row in self.rows.items():
            print(f"{what:{width}}  {kind:12}" + "".join(f"{row[name] or '·':>11}" for name in COLUMNS))
        total = sum(row["points"] for row in self.rows.values())
        points = set(self.faults)
        if self.faults:
            print("\nto repeat one of them:")
        for part, what, kind, point in sorted(points, key=str)[:20]:
            print(f"  scripts/check sweeps --seed {self.seed} --part {part} --only '{what}' --kind '{kind}' --point '{point}'")
        print(f"\n{total - len(points)} passed, {len(points)} failed")
        return not self.faults
