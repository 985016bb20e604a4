"""The sweeps of faults. Each command is interrupted at every system call that it makes on its files, in every way that fits the call, and
every request to an S3 server is answered wrongly once; then the command runs again. What must hold is Judge's in support/archives.py."""

import random
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from checks.support.s3_server import Fault, FaultyServer
from checks.sweeping.attempts import Judge, is_wanted, lake_rows
from checks.sweeping.scenarios import AFTER, EDGES, MONTH, Close, Export, Optimize, Repair, Report, Sync, Vacuum, first_rows, make_folders, new_world

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


def points(calls, kind, limit, options):
    """At most so many of the calls that a kind of fault fits: of each kind of call on each kind of file the first, the last,
    and as many between as there is room for. Another seed takes others. In random rounds, any of them."""
    groups, offset = {}, options.seed
    for call in filter(FITS[kind], calls):
        groups.setdefault((call.name, VARIES.sub("*", call.path)), []).append(call.number)
    if options.minutes:
        return drawn([number for numbers in groups.values() for number in numbers], limit, f"{offset} {kind}")
    rounds = {}
    for numbers in groups.values():
        for turn, at in enumerate(order(len(numbers))):
            rounds.setdefault(turn, []).append(numbers[at])
    found = []
    for turn in sorted(rounds):
        found += spread(sorted(rounds[turn]), limit - len(found), offset)
    return sorted(found)


def drawn(numbers, limit, seed):
    """At most so many of the numbers, whichever the seed draws."""
    return sorted(random.Random(seed).sample(sorted(numbers), min(len(numbers), limit)))


def order(count):
    """First, last, then ever finer between."""
    found, step = list(dict.fromkeys([0, count - 1])), count
    while step > 1:
        step = (step + 1) // 2
        found += range(0, count, step)
    return list(dict.fromkeys(found))


def spread(numbers, limit, offset):
    """At most so many of the numbers, evenly spread."""
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
            numbers = points(done.calls, kind, limits[self.options.quick], self.options)
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


# The part `calls`: which commands are interrupted, and what they start from.


def sweep_calls(tool, tallies, folder, options):
    """All of them, one after the other."""
    with new_world(options.seed) as world:
        scenarios = lakes(world, tool, folder) + exports(world, tool, folder)
        for number, scenario in enumerate(scenarios):
            if options.only in scenario.name:
                scratch = folder / f"scenario-{number}"
                scratch.mkdir()
                SystemCalls(tool, scenario, tallies, scratch, options).run()
                shutil.rmtree(scratch)


def lakes(world, tool, folder):
    """Commands upon a lake."""
    folders = make_folders(world, tool, folder)
    first = Sync(world, tool, folders.empty, "sync, the first")
    first.new = first_rows(world)
    telling = Sync(world, tool, folders.before, "sync --changes", tells=True)
    telling.changes = folders.changes
    first_telling = Sync(world, tool, folders.empty, "sync --changes, the first", tells=True)
    first_telling.new, first_telling.changes = first.new, dict.fromkeys(first.new, "new")
    return [
        first,
        first_telling,
        Sync(world, tool, folders.before, "sync"),
        telling,
        Sync(world, tool, folders.before, "sync --optimize", ["--optimize", "auto"]),
        Close(world, tool, folders.after, MONTH, EDGES),
        Optimize(world, tool, folders.pieces),
        Vacuum(world, tool, folders.pieces),
        Repair(world, tool, folders.damaged),
    ]


def exports(world, tool, folder):
    """A month exported over an earlier export of it; as files a day too, and into nothing."""
    found = []
    for name, options in [("export", []), ("export --partition-by day", ["--partition-by", "day"])]:
        before = folder / name.replace(" ", "-")
        before.mkdir()
        world.set_clock(AFTER - 86_400_000, tool)
        source = world.source()
        tool.must(before, "export", "--month", MONTH, "--out", before / "out", *source, *options, "--quiet")
        shutil.rmtree(before / "tmp")
        found.append(Export(world, tool, before, name, (MONTH, EDGES), options))
    world.set_clock(AFTER, tool)
    nothing = folder / "nothing"
    nothing.mkdir()
    report = Report(world, tool, folder / "export")
    return [Export(world, tool, nothing, "export, the first", (MONTH, EDGES)), *found, report]


# The part `store`: commands upon a lake and an export in S3, each of their requests answered wrongly once. A store that
# answers wrongly once is got over; one that doesn't keep conditional puts is refused before the first commit.

# How many points of a kind are tried at most for a command, for a whole run and a quick one.
STORE_LIMITS = {
    "500": (6, 0),
    "503": (4, 0),
    "404": (10, 1),
    "409": (8, 1),
    "cut": (8, 1),
    "short": (10, 1),
    "drop": (6, 0),
    "500 after": (8, 1),
    "drop after": (12, 1),
    "kill": (10, 1),
    "kill after": (12, 1),
}
# Those that go on for as long as the tool asks, which is a minute each; of one command.
ALWAYS = {"500 always": (2, 0), "404 always": (2, 0), "409 always": (2, 0)}
# How the command may end then: an object that is gone for good, and another writer each time, have their own codes.
LASTING = {"500 always": (0, 4), "404 always": (0, 4, 5), "409 always": (0, 4, 8)}
CHANGING = ("PUT", "POST", "DELETE")
STORE_FITS = {
    "404": lambda request: request.method in ("GET", "HEAD") and not request.is_list,
    "409": lambda request: request.method == "PUT",
    "cut": lambda request: request.is_list,
    "short": lambda request: request.method == "GET",
    "500 after": lambda request: request.method in CHANGING,
    "drop after": lambda request: request.method in CHANGING,
    "kill": lambda request: request.method in CHANGING,
    "kill after": lambda request: request.method in CHANGING,
}


def sweep_store(tool, tallies, folder, options):
    """All commands."""
    store = FaultyServer()
    try:
        with new_world(options.seed) as world:
            for scenario in scenarios(world, tool, folder, store):
                if options.only in scenario.name:
                    Requests(tool, scenario, tallies, folder, options).run()
            if is_wanted(options, "forgets", "store that forgets conditions"):
                forgetting(world, tool, tallies, folder, store)
    finally:
        store.close()


def scenarios(world, tool, folder, store):
    """The lakes are made on this machine, and sent."""
    folders = make_folders(world, tool, folder)
    tool.variables = store.environment()
    first = Sync(world, tool, folders.empty, "sync, the first", store=store)
    first.new = first_rows(world)
    telling = Sync(world, tool, folders.before, "sync --changes", tells=True, store=store)
    telling.changes = folders.changes
    found = [
        first,
        telling,
        Close(world, tool, folders.after, MONTH, EDGES, store),
        Optimize(world, tool, folders.pieces, store),
        Vacuum(world, tool, folders.pieces, store),
        Repair(world, tool, folders.damaged, store),
        Export(world, tool, folders.empty, "export, the first", (MONTH, EDGES), store=store),
    ]
    for scenario in found:
        scenario.name = f"s3: {scenario.name}"
    return found


class Requests:
    """One sweep over one scenario."""

    def __init__(self, tool, scenario, tallies, scratch, options):
        self.tool, self.scenario, self.tallies, self.options = tool, scenario, tallies, options
        self.scratch, self.judge = scratch, Judge(tool)
        self.slug = re.sub(r"\W+", "-", scenario.name)

    def run(self):
        """Counts the requests of a faultless run, then spoils them."""
        work = self.scratch / f"{self.slug}-faultless"
        done, fault = self.first(work, Fault())
        name = self.scenario.name
        if done.code == 0 and hasattr(self.scenario, "prepare"):
            self.scenario.prepare(work)
        problems = [done.told()] if done.code else self.judge.finished(self.scenario, work)
        self.scenario.end(work)
        for problem in problems:
            self.tallies.fault(name, "none", 0, f"a faultless run: {problem}")
        if problems:
            return
        tries = []
        for kind, limits in (STORE_LIMITS | (ALWAYS if self.scenario.tells else {})).items():
            if self.options.kind in (None, kind):
                tries += [(kind, number) for number in self.points(fault.requests, kind, limits[self.options.quick])]
        if self.options.point is not None:
            tries = [(self.options.kind, self.options.point)]
        # More than there are cores: most of them wait before they ask again.
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda one: self.attempt(*one), tries))

    def points(self, requests, kind, limit):
        """As of system calls: of each kind of request on each kind of object some."""
        groups, rounds, found = {}, {}, []
        for request in filter(STORE_FITS.get(kind.removesuffix(" always"), bool), requests):
            groups.setdefault((request.method, request.is_list, VARIES.sub("*", request.path)), []).append(request.number)
        if self.options.minutes:
            return drawn([number for numbers in groups.values() for number in numbers], limit or 1, f"{self.options.seed} {kind}")
        for numbers in groups.values():
            for turn, place in enumerate(order(len(numbers))):
                rounds.setdefault(turn, []).append(numbers[place])
        for turn in sorted(rounds):
            found += spread(sorted(rounds[turn]), limit - len(found), self.options.seed) if len(found) < limit else []
        return sorted(found)

    def first(self, work, fault):
        """The first attempt."""
        self.scenario.begin(work)
        gate = self.scenario.store.gate
        command = self.scenario.command(work, "first")
        gate.faults[work.name] = fault
        fault.process = self.tool.start(work, command)
        done = self.tool.end(fault.process, command)
        del gate.faults[work.name]
        return done, fault

    def attempt(self, kind, number):
        """One point."""
        name = self.scenario.name
        work = self.scratch / f"{self.slug}-{kind.replace(' ', '-')}-{number}"
        try:
            is_always = kind.endswith("always")
            done, fault = self.first(work, Fault(number, kind.removesuffix(" always"), is_always))
            if fault.hit is None:
                self.tallies.add(name, kind, points=1, not_met=1)
                return
            counts, problems = self.judge(self.scenario, work, done)
            if is_always and done.code not in LASTING[kind]:
                problems.insert(0, f"what doesn't pass has to be exit {' or '.join(map(str, LASTING[kind]))}")
            elif done.code != 0 and not is_always and not kind.startswith("kill"):
                problems.insert(0, "one wrong answer isn't got over")
            self.tallies.add(name, kind, points=1, **counts)
            for problem in problems:
                self.tallies.fault(name, kind, number, f"at {fault.hit}: {problem} | {done.told()}")
        except Exception as error:  # a fault of this script's own is one of the point's
            self.tallies.fault(name, kind, number, f"the check itself failed: {error!r}")
        finally:
            self.scenario.end(work)


def forgetting(world, tool, tallies, folder, store):
    """A store that puts whatever the condition: exit 6 before anything is committed, by a first sync and by one of a lake that
    was made elsewhere."""
    name, forgets = "store that forgets conditions", FaultyServer(forgets=True)
    tool.variables = forgets.environment()
    try:
        for number, before in enumerate([folder / "empty", folder / "before"]):
            scenario = Sync(world, tool, before, name, store=store)
            work = folder / f"forgetting-{number}"
            scenario.begin(work)
            held = store.keys(work.name)
            done = tool.run(work, *scenario.command(work, "first"))
            text = f"expected exit 6 in one sentence, found {done.told()}"
            tallies.that(name, "forgets", number, done.code == 6 and len(done.err.strip().splitlines()) == 1, text)
            rows = lake_rows(scenario.local(work, "lake"))
            tallies.that(name, "forgets", number, rows == scenario.old, "the table isn't what it was")
            left = [key for key in store.keys(work.name) if key not in held and not key.endswith(".parquet")]
            tallies.that(name, "forgets", number, not left, f"objects are written: {', '.join(left[:3])}")
            scenario.end(work)
    finally:
        tool.variables = store.environment()
        forgets.close()
