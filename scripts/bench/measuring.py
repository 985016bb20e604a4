"""What is measured of a command, and how it is shown: for the benchmark. Knows no command of its own."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from checks.support.account import environment

MEBIBYTE = 1024 * 1024


class Figure:
    """One line of the table: what was aimed at (at most, or at least), and every measurement of it."""

    def __init__(self, name, target, measured, unit, decimals=0, at_least=False):
        self.name, self.target, self.measured = name, target, measured
        self.unit, self.decimals, self.at_least = unit, decimals, at_least

    @property
    def median(self):
        return statistics.median(self.measured)

    @property
    def met(self):
        return self.median >= self.target if self.at_least else self.median <= self.target

    def show(self, value):
        return f"{value:,.{self.decimals}f} {self.unit}".rstrip()

    def cells(self):
        bound = ("≥ " if self.at_least else "≤ ") + self.show(self.target)
        ratio = f"{self.median / self.target:.2f}" if self.target else "-"
        low, high = (f"{value:,.{self.decimals}f}" for value in (min(self.measured), max(self.measured)))
        spread = f"{low} to {high}" if len(self.measured) > 1 else ""
        return [self.name, bound, self.show(self.median), ratio, "pass" if self.met else "miss", spread]

    def as_json(self):
        return {
            "figure": self.name,
            "target": self.target,
            "bound": "at least" if self.at_least else "at most",
            "unit": self.unit,
            "measured": self.measured,
            "median": self.median,
            "met": self.met,
        }


class Process:
    """One command as a whole process: its wall time, its own CPU and its peak memory; ends the script if it fails."""

    def __init__(self, command, scratch, stdout=subprocess.DEVNULL):
        with tempfile.TemporaryFile(dir=scratch) as stderr:
            started = time.monotonic()
            process = subprocess.Popen(
                list(map(str, command)),
                cwd=scratch,
                env=environment(scratch),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            # wait4 gives this one process's usage, neither the server's nor ours; but its peak memory is never below
            # Python's own of some 20 MiB, which a child inherits.
            _, status, usage = os.wait4(process.pid, 0)
            self.wall_seconds = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                stderr.seek(0)
                said = stderr.read().decode(errors="replace")
                sys.exit(f"{' '.join(map(str, command))}\nexit {process.returncode}\n{said}")
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        # Linux counts KiB, macOS bytes.
        self.peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
