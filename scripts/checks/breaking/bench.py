"""What the cases of the check `environments` share: a folder of its own for each, the tool in it with what it says and when, what it
leaves behind, and the table at the end."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from checks.breaking.servers import NOW
from checks.support.environments import build_tracer, c_program
from checks.support.processes import TOKEN, child, end

# What an export asks of a server that is there; the period is past, so nothing depends on when this runs.
PERIOD = ("--month", "2025-09")
# No command may take longer, whatever is wrong; a case that expects less says so.
SECONDS_AT_MOST = 60
# Cases that compute share the machine; cases that wait for something run all at once.
AT_WORK, WAITING = max(2, (os.cpu_count() or 2)), 24
# What a process may have left of its own: locks stay where they were taken.
LEFTOVER = re.compile(r"apify-runs-(staging|old)|\.tmp$|\.partial$")
MOST_SHOWN = 300
RESOLVER = r"""
/* Preloaded in place of libc's getaddrinfo: no name is found but addresses and localhost. RESOLVER says how: NONAME (for good) or
   AGAIN (the name server doesn't answer). What asks libc for a name sees it, as the tool does; no question leaves this machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *how = getenv("RESOLVER");
    int is_address = !node || strspn(node, "0123456789.") == strlen(node) || strchr(node, ':') || !strcmp(node, "localhost");
    if (is_address) return real(node, service, hints, result);
    return how && !strcmp(how, "AGAIN") ? EAI_AGAIN : EAI_NONAME;
}
"""


@dataclass
class Ended:
    """How a command ended: its exit code (None: killed), what it said, the seconds until the first word on stderr (None: not a word)
    and those until its end."""

    command: str
    code: int
    out: str
    err: str
    heard: float
    seconds: float

    def told(self):
        said = (self.err.strip() or self.out.strip()).replace("\n", " / ")
        return f"exit {self.code} after {self.seconds:.1f} s: {said if len(said) < MOST_SHOWN else said[:MOST_SHOWN] + '…'}"


class NotHere(Exception):
    """What a case needs isn't on this machine."""


@dataclass
class Case:
    """Something that goes wrong, and the function that makes it and looks at what the tool does about it."""

    group: str
    name: str
    does: object
    waits: bool


@dataclass
class Row:
    """How a case went: its main command, what was left, and what did not hold."""

    case: Case
    code: object = "-"
    heard: object = None
    seconds: float = 0
    left: str = "-"
    wrong: list = field(default_factory=list)
    skipped: str = ""


class Cases(list):
    """The cases of a group."""

    def __init__(self, group):
        super().__init__()
        self.group = group

    def add(self, name, does, waits=False):
        self.append(Case(self.group, name, does, waits))


class Bench:
    """The binary, what is compiled for the faults, and one export that nothing is wrong with."""

    def __init__(self, binary, folder):
        self.binary, self.folder = Path(binary), folder
        self.whole = folder / "whole"
        self.built = {}
        self.lock = threading.Lock()

    def tracer(self):
        with self.lock:
            return self.built.setdefault("tracer", self.built.get("tracer") or build_tracer())

    def resolver(self):
        """The library that finds no name."""
        with self.lock:
            if "resolver" not in self.built:
                if sys.platform != "linux" or not shutil.which("cc"):
                    raise NotHere("a C compiler on Linux")
                self.built["resolver"] = c_program("resolver.so", RESOLVER, "-shared", "-fPIC", "-ldl")
            return self.built["resolver"]


class Place:
    """One case's folder, and the tool in it. `out` is where exports go."""

    def __init__(self, bench, case, folder):
        self.bench, self.row, self.folder = bench, Row(case), folder
        self.work, self.home, self.temporary = folder / "work", folder / "home", folder / "tmp"
        for each in (self.work, self.home, self.temporary):
            each.mkdir(parents=True)
        self.out = self.work / "out"
        self.prefix, self.before, self.left = [], None, None

    # Commands

    def environment(self, **variables):
        """Nothing of this shell's; a variable that is None is not set."""
        base = {"APIFY_RUNS_NOW": NOW, "APIFY_TOKEN": TOKEN, "HOME": str(self.home), "NO_COLOR": "1", "PATH": os.environ["PATH"]}
        found = base | {"TMPDIR": str(self.temporary)} | variables
        return {name: str(value) for name, value in found.items() if value is not None}

    def run(self, *arguments, umask=-1, tracing=(), signal_after=None, **variables):
        """A command to its end. The first one of a case, or the last that `main` names, is shown in the table."""
        words = [str(self.bench.binary), *map(str, arguments)]
        if tracing:
            words = [str(self.bench.tracer()), "--under", str(self.work), "--log", str(self.folder / "calls"), *tracing, "--", *words]
        words = [*self.prefix, *words]
        process, said = self.started(words, umask, variables), {1: [], 2: []}
        began, heard = time.monotonic(), []

        def read(number, stream):
            while data := os.read(stream.fileno(), 65536):
                if number == 2 and not heard:
                    heard.append(time.monotonic() - began)
                said[number].append(data)

        readers = [threading.Thread(target=read, args=each) for each in ((1, process.stdout), (2, process.stderr))]
        for reader in readers:
            reader.start()
        if signal_after is not None:
            time.sleep(signal_after[0])
            process.send_signal(signal_after[1])
        try:
            code = process.wait(SECONDS_AT_MOST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        seconds = time.monotonic() - began
        for reader in readers:
            reader.join()
        out, err = (b"".join(said[number]).decode(errors="replace") for number in (1, 2))
        ended = Ended(" ".join(words[words.index(str(self.bench.binary)) + 1 :]), code, out, err, heard[0] if heard else None, seconds)
        if self.row.code == "-":
            self.shows(ended)
        return ended

    def started(self, words, umask, variables):
        more = {"umask": umask} if umask >= 0 else {}
        environment = self.environment(**variables)
        return child(words, cwd=self.work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def shows(self, ended):
        """Which command the table is about."""
        self.row.code, self.row.heard, self.row.seconds = ended.code, ended.heard, ended.seconds

    def export(self, api, *more, **variables):
        """An export of a month from this server."""
        source = ["--api-url", api] if api else ["--demo"]
        return self.run("export", *PERIOD, "--out", self.out, *source, "--rate", "0", "--detail-rate", "0", *more, **variables)

    def check(self, api, *more, **variables):
        return self.run("check", "--out", self.out, "--api-url", api, *more, **variables)

    def outcome(self):
        """The outcome file `outcome` of the work folder, or an empty object."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.work / "outcome").read_text(encoding="utf-8"))
        return {}

    def copy_whole(self):
        """An export without fault is what stands at `out`."""
        shutil.copytree(self.bench.whole, self.out)
        self.before = digest(self.out)

    # Judgements

    def that(self, held, text):
        if not held:
            self.row.wrong.append(text)

    def expect(self, ended, code, within=None, heard=None, says=(), never=()):
        """One command's end: exit code or several, seconds to its end and to its first word, patterns in what it says, and texts that
        are nowhere in it."""
        codes = code if isinstance(code, (tuple, list, set)) else (code,)
        said = ended.err + ended.out
        self.that(ended.code in codes, f"{ended.command.split(' ')[0]}: expected exit {' or '.join(map(str, codes))}, {ended.told()}")
        self.that(within is None or ended.seconds <= within, f"took {ended.seconds:.1f} s, expected {within} at most: {ended.told()}")
        self.that(
            heard is None or ended.heard is not None and ended.heard <= heard,
            f"first word on stderr after {ended.heard and round(ended.heard, 1)} s, expected within {heard} s: {ended.told()}",
        )
        for pattern in [says] if isinstance(says, str) else says:
            self.that(re.search(pattern, said, re.IGNORECASE), f"nothing says /{pattern}/: {ended.told()}")
        for text in [never] if isinstance(never, str) else never:
            self.that(text not in said, f"says {text!r}: {ended.told()}")
        self.that("panicked" not in said, f"panicked: {ended.told()}")

    def what_is_left(self):
        """Says what stands at `out`, and finds fault with a part of an export and with files of the tool's own."""
        stray = [path for root in (self.work, self.temporary) for path in root.rglob("*") if LEFTOVER.search(path.name)]
        # An export may hold what a desktop has left, but none of ours.
        self.that(not stray, f"left behind: {', '.join(str(path.relative_to(self.folder)) for path in stray[:5])}")
        if not self.out.is_dir() or not any(self.out.iterdir()):
            return "nothing"
        if self.before is not None and digest(self.out) == self.before:
            return "as before"
        verified = self.run("verify", self.out)
        self.that(verified.code == 0, f"what is left is not whole: {verified.told()}")
        return "whole export" if verified.code == 0 else "HALF"


def digest(folder):
    """All that stands in a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode() + b"\0")
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


@contextlib.contextmanager
def mounted(place, script):
    """A mount namespace of its own in which this shell script has mounted something below `$1`, the work folder; for as long as the block
    lasts, the place's commands run there. Nothing is mounted outside of it, and it ends with its holder."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("nsenter"):
        raise NotHere("root and util-linux")
    holds = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f"{script}\necho ready; exec sleep 600", "sh", place.work]
    holder = child(holds, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline().strip() != "ready":
            raise NotHere(f"this mount: {holder.stderr.read().strip()}")
        place.prefix = ["nsenter", "--mount", f"--target={holder.pid}", "--"]
        yield lambda *command: subprocess.run(
            [*place.prefix, *map(str, command)], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    finally:
        place.prefix = []
        end(holder)
        holder.stdout.close()
        holder.stderr.close()


def run_case(bench, case, number):
    """A case to its end, in a folder that nothing is left of."""
    folder = bench.folder / f"case-{number}"
    folder.mkdir()
    place = Place(bench, case, folder)
    try:
        left = case.does(place)
        place.row.left = left or place.what_is_left()
    except NotHere as error:
        place.row.skipped = str(error)
    except Exception as error:  # a case that fails itself doesn't keep the others from theirs
        at = error.__traceback__
        while at.tb_next:
            at = at.tb_next
        where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"
        place.row.wrong.append(f"the case itself ended at {where}: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return place.row


def run_cases(bench, cases):
    """All of them, each line as it ends; yields rows in the order of the cases."""
    with ThreadPoolExecutor(WAITING) as waiting, ThreadPoolExecutor(AT_WORK) as working:
        futures = [(waiting if case.waits else working).submit(run_case, bench, case, at) for at, case in enumerate(cases)]
        for future in futures:
            yield future.result()


def line(row, width=0):
    """A row of the table."""
    verdict = "not run" if row.skipped else "FAILED" if row.wrong else "ok"
    heard = "-" if row.heard is None else f"{row.heard:.1f}"
    code = "killed" if row.code is None else row.code
    return f"{verdict:7}  {row.case.group:11}  {row.case.name:{width}}  {code!s:>6}  {heard:>6}  {row.seconds:7.1f}  {row.left}".rstrip()
