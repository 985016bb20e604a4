"""An attempt of a sweep: the tool as a process, plainly or with one system call going wrong (faults.c says how); what stands in its folder
then, a lake's rows and an export's, read by deltalake and pyarrow, never by the tool; whether that is right; and the count of all attempts.
Holds no check itself."""

import hashlib
import json
import re
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset
from deltalake import DeltaTable

from checks.support.account import COLUMNS
from checks.support.environments import build_tracer
from checks.support.standin import DETAIL_COLUMNS, PERSONAL

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

SHOWN = ["points", "not met", "old", "part", "new", "healed", "told", "told twice", "faults"]


def is_wanted(options, kind, *names):
    """Whether what has one of these names, and this kind of fault, is asked for."""
    return options.kind in (None, kind) and any(options.only in name for name in names)


class Tallies:
    """Counts by command and kind; used by several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        # The part that is at work, and its seed.
        self.part, self.seed = "", 0
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
            self.faults.append((self.seed, self.part, what, kind, point))
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
        print(f"\n{'':{width}}  {'fault':12}" + "".join(f"{name:>11}" for name in SHOWN))
        for (what, kind), row in self.rows.items():
            print(f"{what:{width}}  {kind:12}" + "".join(f"{row[name] or '·':>11}" for name in SHOWN))
        total = sum(row["points"] for row in self.rows.values())
        points = set(self.faults)
        if self.faults:
            print("\nto repeat one of them:")
        for seed, part, what, kind, point in sorted(points, key=str)[:20]:
            print(f"  scripts/check sweeps --seed {seed} --part {part} --only '{what}' --kind '{kind}' --point '{point}'")
        print(f"\n{total - len(points)} passed, {len(points)} failed")
        return not self.faults


STATE = "apify-runs.lake"
LAKE_COLUMNS = [name for name, _ in COLUMNS if name not in PERSONAL] + DETAIL_COLUMNS
LAKE_COLUMNS += ["queried_at", "started_on", "started_month"]
EXPORT_COLUMNS = ["id", "act_id", "status", "started_at", "finished_at", "usage_total_usd", "cost_state"]
# Exit codes that a fault may end in; 1 is for what nobody thought of, 2 for what the user typed.
ENDS = {0, 3, 4, 5, 6, 7, 8, 143}
# What messages say when nothing has changed, or mean.
NOTHING_CHANGED = re.compile(
    r"nothing (of it )?was (written|committed|published|changed)|(is|are) as (it|they) (was|were)|cannot commit"
    r"|could not be committed|no run was (added|written)"
)
INTERNALS = re.compile(
    r"LogSegment|Kernel error|DeltaTable|ObjectStore|Generic \w+ error|\w+Error ?[({]|panicked|stack backtrace|Arrow error"
)


class Torn(Exception):
    """An archive that can't be read, or holds a run twice."""


def lake_table(folder, version=None):
    """The table, or None where there is none."""
    if not any(Path(folder, "_delta_log").glob("*.json")):
        return None
    try:
        return DeltaTable(str(folder), version=version)
    except Exception as error:  # whatever deltalake says of a table that is broken
        raise Torn(f"deltalake can't load the lake: {error}") from error


def lake_rows(folder, version=None, options=None):
    """ID to row, or None where there is no table."""
    table = DeltaTable(folder, storage_options=options) if options else lake_table(folder, version)
    if table is None:
        return None
    try:
        rows = table.to_pyarrow_table().select(LAKE_COLUMNS).to_pylist()
    except Exception as error:
        raise Torn(f"deltalake can't read the lake: {error}") from error
    return by_id(rows)


def by_id(rows):
    found = {row["id"]: row for row in rows}
    if len(found) < len(rows):
        ids = sorted(row["id"] for row in rows)
        twice = sorted({one for one, other in zip(ids, ids[1:]) if one == other})
        raise Torn(f"{len(rows) - len(found)} rows are there twice, such as {', '.join(twice[:3])}")
    return found


def lake_state(table):
    """What the lake knows of itself."""
    return json.loads(table.metadata().configuration[STATE])


def live_files(table):
    """The table's files, below its folder."""
    return sorted(uri.split("/started_month=")[-1] for uri in table.file_uris())


def export_rows(folder):
    """ID to row of an export's Parquet files."""
    manifest = json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))
    files = [str(Path(folder, file["path"])) for file in manifest["files"] if file["path"].endswith(".parquet")]
    try:
        rows = pyarrow.dataset.dataset(files).to_table(columns=EXPORT_COLUMNS).to_pylist()
    except Exception as error:
        raise Torn(f"pyarrow can't read the export: {error}") from error
    return by_id(rows)


def export_model(account, first_ms, end_ms):
    """What an export of a period must hold now."""
    names = account.names()
    lives = [life for life in account.there if first_ms <= life.started < end_ms]
    rows = [life.row(account.clock, names) for life in lives]
    return {row["id"]: {column: row[column] for column in EXPORT_COLUMNS} for row in rows}


def tree(folder):
    """Path to hash of all that is in a folder."""
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def difference(found, expected):
    """How two tables of rows differ, in words; None where they don't."""
    if found == expected:
        return None
    if found is None or expected is None:
        return f"found {'no table' if found is None else f'{len(found)} rows'}, expected {'none' if expected is None else len(expected)}"
    lacking, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    changed = [key for key in found.keys() & expected.keys() if found[key] != expected[key]]
    text = f"{len(lacking)} runs lack, {len(extra)} too many, {len(changed)} differ"
    some = sorted(lacking | extra) or sorted(changed)
    text += f"; such as {some[0]}"
    if changed:
        one, other = found[changed[0]], expected[changed[0]]
        text += f", {changed[0]}: " + str({key: (one[key], other[key]) for key in one if one[key] != other[key]})
    return text


def is_part(found, old, new):
    """Whether each row is as it was or as it should become: some commits of a sync that makes several were made."""
    old = old or {}
    if found is None or found.keys() - new.keys() - old.keys() or old.keys() - found.keys():
        return False
    return all(row in (old.get(key), new.get(key)) for key, row in found.items())


def bad_words(done, is_new):
    """What is wrong with a message, beside what happened."""
    found = []
    if done.code not in ENDS and done.code >= 0:
        found.append(f"exit code {done.code}")
    internals = INTERNALS.search(done.err)
    if internals:
        found.append(f"a library's internals in the message ({internals.group()})")
    nothing = NOTHING_CHANGED.search(done.err)
    if nothing and is_new:
        found.append(f"it says '{nothing.group()}', and it was")
    return found


# What must hold of a command that something went wrong in, whatever went wrong.


class Judge:
    """Of a scenario's attempt; runs the command again."""

    def __init__(self, tool):
        self.tool = tool

    def __call__(self, scenario, work, done):
        """(a) The archive is the old one or the new one; (b) exit code and message say which; (c) the same command again ends as
        one without a fault does; (d) what changed is told once over both."""
        problems, counts = [], {}
        state = None
        try:
            state = scenario.state(work)
            counts[state] = 1
        except Torn as torn:
            problems.append(f"torn: {torn}")
        if state in ("old", "part") and done.code == 0 and not scenario.in_parts:
            problems.append("exit 0, and it isn't done")
        if done.code == 124:
            problems.append("it doesn't end")
        problems += bad_words(done, state in ("new", "part"))
        again = self.tool.run(work, *scenario.command(work, "second"))
        if not scenario.healed(state, again):
            problems.append(f"the next one doesn't heal it: {again.told()}")
        else:
            found = self.finished(scenario, work)
            problems += [f"after the next one: {problem}" for problem in found]
            counts["healed"] = not found
        if scenario.tells and again.code == 0:
            self.told(scenario, work, counts, problems)
        return counts, problems

    def finished(self, scenario, work):
        """What is wrong at the end."""
        try:
            found = scenario.finished(work)
        except Torn as torn:
            return [f"torn: {torn}"]
        left = [str(path.relative_to(work)) for path in (work / "tmp").rglob("*") if path.is_file()]
        left = [path for path in left if not path.endswith(".lock")]
        return found + ([f"left in the temporary folder: {', '.join(left[:3])}"] if left else [])

    def told(self, scenario, work, counts, problems):
        """Each change once over both files; twice only counts."""
        told, expected = scenario.told(work), scenario.changes
        lost = expected.keys() - {run_id for run_id, _ in told}
        more = {run_id for run_id, _ in told} - expected.keys()
        twice = len(told) - len(set(told))
        if lost:
            problems.append(
                f"{len(lost)} of {len(expected)} changes were committed and told by neither, such as {sorted(lost)[0]}"
            )
        if more:
            problems.append(f"{len(more)} changes are told that weren't made, such as {sorted(more)[0]}")
        counts["told"] = not lost and not more
        counts["told_twice"] = twice > 0
