"""The sweep of system calls: each command, interrupted at every call that it makes on its files, in every way that fits the
call; then run again. What must hold stands in support/judging.py."""

import re
from concurrent.futures import ThreadPoolExecutor

from support.judging import Judge

# How many points of a kind are tried at most, for a whole run and a quick one; `look` is eio at a call that only looks
# whether something is there.
LIMITS = {"eio": (70, 6), "kill": (80, 7), "tear": (16, 2), "enospc": (16, 2), "term": (10, 1), "look": (30, 2)}


FITS = {
    "eio": lambda call: call.does in "cr",
    "kill": lambda call: call.does == "c",
    "tear": lambda call: call.space == "w",
    "enospc": lambda call: call.space in "ws",
    "term": lambda call: call.does == "c",
    "look": lambda call: call.does == "l",
}
# What differs between two runs in a path: versions, UUIDs, processes.
VARIES = re.compile(r"\d{19,}|[0-9a-f]{8}-[0-9a-f-]{27}|\.\d+\.|#\d+")


def points(calls, kind, limit, offset):
    """At most so many of the calls that a kind of fault fits: of each kind of call on each kind of file the first, the last,
    and as many between as there is room for. Another seed takes others."""
    groups = {}
    for call in filter(FITS[kind], calls):
        groups.setdefault((call.name, VARIES.sub("*", call.path)), []).append(call.number)
    rounds = {}
    for numbers in groups.values():
        for turn, at in enumerate(order(len(numbers))):
            rounds.setdefault(turn, []).append(numbers[at])
    found = []
    for turn in sorted(rounds):
        found += spread(sorted(rounds[turn]), limit - len(found), offset)
    return sorted(found)


def order(count):
    """First, last, then ever finer between."""
    found, step = list(dict.fromkeys([0, count - 1])), count
    while step > 1:
        step = (step + 1) // 2
        found += range(0, count, step)
    return list(dict.fromkeys(found))


def spread(numbers, limit, offset):
    """At most so many, `look` is eio at a call that only looks
    # whether something is there."""
    if len(numbers) <= limit:
        return numbers
    step = len(numbers) / max(limit, 1)
    return sorted({numbers[int((at + offset % 1000 / 1000) * step)] for at in range(limit)})


class SystemCalls:
    """One sweep over one scenario."""

    def __init__(self, tool, scenario, tallies, scratch, options):
        self.tool, self.scenario, self.tallies = tool, scenario, tallies
        self.scratch, self.options, self.judge = scratch, options, Judge(tool)

    def run(self):
        """Counts the calls of a faultless run, then tries them."""
        work = self.scratch / "faultless"
        self.scenario.begin(work)
        done = self.tool.traced(work, self.scenario.command(work, "first"))
        name = self.scenario.name
        if done.code != 0:
            self.tallies.fault(name, "none", 0, f"a faultless run: {done.told()}")
        elif hasattr(self.scenario, "prepare"):
            self.scenario.prepare(work)
        problems = [] if done.code else self.judge.finished(self.scenario, work)
        self.scenario.end(work)
        for problem in problems:
            self.tallies.fault(name, "none", 0, f"a faultless run: {problem}")
        if done.code or problems:
            return
        tries = []
        for kind, limits in LIMITS.items():
            numbers = points(done.calls, kind, limits[self.options.quick], self.options.seed)
            tries += [(kind, number) for number in numbers]
        if self.options.kind:
            at = self.options.point
            tries = (
                [(kind, number) for kind, number in tries if kind == self.options.kind]
                if at is None
                else [(self.options.kind, at)]
            )
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: self.attempt(*one), tries))

    def attempt(self, kind, number):
        """One point."""
        name = self.scenario.name
        work = self.scratch / f"{kind}-{number}"
        try:
            self.scenario.begin(work)
            command = self.scenario.command(work, "first")
            done = self.tool.traced(work, command, number, "eio" if kind == "look" else kind)
            if done.hit is None:
                self.tallies.add(name, kind, points=1, not_met=1)
                return
            counts, problems = self.judge(self.scenario, work, done)
            self.tallies.add(name, kind, points=1, **counts)
            if counts.get("told_twice"):
                self.tallies.note(name, kind, number, f"at {done.hit}: told twice")
            for problem in problems:
                text = f"at {done.hit}: {problem}" + (f" | {done.told()}" if done.code >= 0 else "")
                self.tallies.fault(name, kind, number, text)
        except Exception as error:  # a fault of this script's own is one of the point's
            self.tallies.fault(name, kind, number, f"the check itself failed: {error!r}")
        finally:
            self.scenario.end(work)
