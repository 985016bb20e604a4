"""The sweep of system calls: each command, interrupted at every call that it makes on its files, in every way that fits the
call; then run again. What must hold stands in `judge`."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from support.archives import Torn, bad_words

# How many points of a kind are tried at most, for a whole run and a quick one; `look` is eio at a call that only looks
# whether something is there.
LIMITS = {"eio": (120, 9), "kill": (120, 9), "tear": (25, 3), "enospc": (30, 3), "term": (20, 2), "look": (60, 4)}


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
        self.scratch, self.options = scratch, options

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
        problems = [] if done.code else self.finished(work, "first alone")
        shutil.rmtree(work)
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
            tries = [(kind, number) for kind, number in tries if kind == self.options.kind] if at is None else [(self.options.kind, at)]
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
            counts, problems = self.judge(work, done)
            self.tallies.add(name, kind, points=1, **counts)
            for problem in problems:
                text = f"at {done.hit}: {problem}" + (f" | {done.told()}" if done.code >= 0 else "")
                self.tallies.fault(name, kind, number, text)
        except Exception as error:  # a fault of this script's own is one of the point's
            self.tallies.fault(name, kind, number, f"the check itself failed: {error!r}")
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def judge(self, work, done):
        """(a) The archive is the old one or the new one; (b) exit code and message say which; (c) the same command again ends as
        one without a fault does; (d) what changed is told once over both."""
        problems, counts = [], {}
        state = None
        try:
            state = self.scenario.state(work)
            counts[state] = 1
        except Torn as torn:
            problems.append(f"torn: {torn}")
        if state == "old" and done.code == 0 and not self.scenario.in_parts:
            problems.append("exit 0, and nothing was done")
        if done.code == 124:
            problems.append("it doesn't end")
        problems += bad_words(done, state == "new")
        again = self.tool.run(work, *self.scenario.command(work, "second"))
        if not self.scenario.healed(state, again):
            problems.append(f"the next one doesn't heal it: {again.told()}")
        else:
            found = self.finished(work, "both")
            problems += [f"after the next one: {problem}" for problem in found]
            counts["healed"] = not found
        if self.scenario.tells and again.code == 0:
            self.judge_told(work, counts, problems)
        return counts, problems

    def finished(self, work, _which):
        """What is wrong at the end."""
        try:
            found = self.scenario.finished(work)
        except Torn as torn:
            return [f"torn: {torn}"]
        left = [str(path.relative_to(work)) for path in (work / "tmp").rglob("*") if path.is_file()]
        left = [path for path in left if not path.endswith(".lock")]
        return found + ([f"left in the temporary folder: {', '.join(left[:3])}"] if left else [])

    def judge_told(self, work, counts, problems):
        """Each change once over both files; twice only counts."""
        told, expected = self.scenario.told(work), self.scenario.changes
        lost = expected.keys() - {run_id for run_id, _ in told}
        more = {run_id for run_id, _ in told} - expected.keys()
        twice = len(told) - len(set(told))
        if lost:
            problems.append(f"{len(lost)} of {len(expected)} changes were committed and told by neither, such as {sorted(lost)[0]}")
        if more:
            problems.append(f"{len(more)} changes are told that weren't made, such as {sorted(more)[0]}")
        counts["told"] = not lost and not more
        counts["told_twice"] = twice > 0
