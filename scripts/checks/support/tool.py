"""The tool as processes of their own: plainly, or with one system call going wrong (faults.c says how). Builds that tracer,
and gives each attempt a folder that nothing is left of. Holds no check itself."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
SECONDS_AT_MOST = 120
# How much of a message is shown.
MOST_TOLD = 500
# What of a call's line in the tracer's log says what it does.
LINE = re.compile(r"(\d+) (\S+) ([crl])([ws-]) (.*?)( <- here)?$")


@dataclass
class Call:
    """A system call on a file: `does` is c (changes), r (reads) or l (looks), `space` w (a write), s (takes space) or -."""

    number: int
    name: str
    does: str
    space: str
    path: str

    def __str__(self):
        return f"{self.name} {self.path}"


@dataclass
class Ended:
    """How a process ended; `calls` and `hit`, the one that went wrong, where it was traced."""

    command: str
    code: int
    out: str
    err: str
    calls: list = None
    hit: Call = None

    def told(self):
        """For people: exit code and what it said."""
        text = self.err.strip() or (self.out.strip() if self.code else "")
        return f"exit {self.code}: {text if len(text) < MOST_TOLD else text[:MOST_TOLD] + '…'}"


def build_tracer():
    """The tracer, compiled where it is older than its source."""
    source, built = SUPPORT / "faults.c", TARGET / "checks" / "faults"
    if os.uname().machine != "x86_64" or sys.platform != "linux":
        sys.exit("scripts/check sweeps: system calls are traced on Linux on x86-64 alone")
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc")
        if compiler is None:
            sys.exit("scripts/check sweeps: a C compiler is needed, called cc (Debian: build-essential)")
        built.parent.mkdir(parents=True, exist_ok=True)
        aside = built.with_name(f"faults.{os.getpid()}")
        subprocess.run([compiler, "-O2", "-Wall", "-o", aside, source], check=True)
        aside.rename(built)
    return built


@contextlib.contextmanager
def scratch_folder():
    """A folder for all attempts, removed at the end; what a killed run left is removed by the next one."""
    parent = TARGET / "checks" / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        with contextlib.suppress(OSError), open(left / "lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    folder = parent / str(os.getpid())
    folder.mkdir()
    try:
        with open(folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Tool:
    """The binary, in an environment of which nothing is this shell's."""

    def __init__(self, binary, scratch):
        self.binary, self.tracer, self.scratch = Path(binary), build_tracer(), scratch
        self.home = scratch / "home"
        self.home.mkdir(exist_ok=True)
        # What the machine's clock says, RFC 3339, and variables besides.
        self.now, self.variables = None, {}

    def environment(self, work):
        temporary = work / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        environment = {"HOME": str(self.home), "TMPDIR": str(temporary), "NO_COLOR": "1", "APIFY_TOKEN": "a-token-for-loopback"}
        if self.now is not None:
            environment["APIFY_RUNS_NOW"] = self.now
        return environment | self.variables

    def start(self, work, arguments, tracing=()):
        """Started, not awaited. It ends when this script does."""
        return subprocess.Popen(
            [str(self.tracer), *map(str, tracing), "--", str(self.binary), *map(str, arguments)],
            cwd=self.home,
            env=self.environment(work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process, arguments):
        """Awaited; one that doesn't end is killed, and has the code 124."""
        try:
            out, err = process.communicate(timeout=SECONDS_AT_MOST)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            code, err = 124, f"{err}\n(killed: it had not ended after {SECONDS_AT_MOST} s)"
        # Of a place, what tells it from others is enough.
        err = err.replace(f"{self.scratch}/", "")
        return Ended(" ".join(map(str, arguments)), code, out, err)

    def run(self, work, *arguments):
        """To its end."""
        return self.end(self.start(work, arguments), arguments)

    def must(self, work, *arguments):
        """To an end that is good: nothing could be checked otherwise."""
        done = self.run(work, *arguments)
        if done.code != 0:
            raise RuntimeError(f"apify-runs {done.command}\n{done.told()}")
        return done

    def traced(self, work, arguments, at=0, kind=None, count="all"):
        """To its end, calls on files below `work` counted, or those that change something, the one at `at` gone wrong in this
        way."""
        log = work.with_name(work.name + ".calls")
        tracing = ["--under", work, "--log", log, "--count", count] + (["--at", at, "--do", kind] if kind else [])
        done = self.end(self.start(work, arguments, tracing=tracing), arguments)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        log.unlink()
        done.calls = []
        for line in lines:
            found = LINE.match(line)
            if found:
                number, name, does, space, path, here = found.groups()
                call = Call(int(number), name, does, space, path.removeprefix(f"{work}/"))
                done.calls.append(call)
                done.hit = call if here else done.hit
            elif line.startswith("end "):
                done.code = int(line.split()[1])
        return done


# What a sweep counts, and how it is shown: a line a command and kind of fault, and a line for each point that didn't hold,
# with what repeats it.

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
