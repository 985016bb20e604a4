"""Damage of a lake's log: each entry, checkpoint and pointer of it lost, emptied, cut or garbled. The lake is refused or right, and
where the log can be read at all, there is a way back. Part of `damage`."""

import shutil
from concurrent.futures import ThreadPoolExecutor

from support.archives import INTERNALS, Torn, difference, lake_rows

from .harm import CLEANED, harm, plain_rows

DAMAGES = ["lost", "empty", "cut", "bit", "garbage"]


class Logs:
    """What is done to the logs of copies of a lake."""

    def __init__(self, damage):
        self.damage, self.tool, self.tallies, self.world = damage, damage.tool, damage.tallies, damage.world
        self.log = sorted(path for path in (damage.base / "lake" / "_delta_log").iterdir() if path.is_file())
        # The last entry, without which nothing in the log tells that there was one.
        self.last = max(path.name for path in self.log if path.suffix == ".json")

    def break_all(self):
        """Every file of the log, in every way."""
        tries = [(kind, path) for path in self.log for kind in DAMAGES]
        pointer = next(path for path in self.log if path.name == "_last_checkpoint")
        checkpoint = next(path for path in self.log if path.name.endswith(".checkpoint.parquet"))
        tries += [(kind, pointer) for kind in ("to nowhere", "to an earlier version")]
        tries += [(kind, checkpoint) for kind in CLEANED]
        numbered = [(number, *one) for number, one in enumerate(tries)]
        if self.damage.options.quick and self.damage.options.point is None:
            numbered = [one for one in numbered if one[2].name == self.last or one[0] % 4 == self.damage.options.seed % 4]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: self.break_one(*one), [one for one in numbered if self.damage.wanted(one[1], one[0])]))

    def break_one(self, point, kind, original):
        """One of them."""
        work = self.damage.copy(f"log-{point}")
        path = work / original.relative_to(self.damage.base)
        harm(path, kind, self.damage.draw("log", point))
        # The log is whole without its checkpoints, unless it has been cleaned; but a checkpoint with a turned bit may be one that
        # can be read, and an entry may then name a column of a later version.
        is_whole = kind == "cleaned" or "checkpoint" in path.name and kind not in (*CLEANED, "bit")
        right_ends = (0,) if is_whole else (5,) if kind in CLEANED else (0, 2, 5) if kind == "bit" else (0, 5)
        verified = self.tool.run(work, "verify", work / "lake", "--quiet")
        problems = self.refused_or_right(work, verified, right_ends)
        if verified.code == 5 and path.name == self.last and kind in ("lost", "empty"):
            problems += self.repaired(work)
        synced = self.tool.run(work, "sync", "--lake", work / "lake", *self.world.source(), "--quiet")
        if synced.code and is_whole:
            problems.append(f"a sync on top: {synced.told()}")
        if synced.code == 0:
            if is_whole and kind != "cleaned":
                # The tool passes a broken checkpoint over; deltalake doesn't, and reads the whole log without it.
                for left in (work / "lake" / "_delta_log").glob("*checkpoint*"):
                    left.unlink()
            wrong = self.differs(work, verified)
            problems += [f"a sync on top ends with 0 (verify before: {verified.code}), and: {wrong}"] if wrong else []
        problems += self.internals(verified, synced)
        self.tallies.add("lake log", kind, points=1, old=verified.code == 5, new=verified.code == 0, healed=synced.code == 0)
        for problem in problems:
            self.tallies.fault("lake log", kind, point, f"{path.name}: {problem}")
        shutil.rmtree(work)

    def refused_or_right(self, work, verified, right_ends):
        """What is wrong with verify and the reports of all months."""
        problems = []
        if verified.code not in right_ends:
            problems.append(f"verify has to end with {' or '.join(map(str, right_ends))}: {verified.told()}")
        report = lambda month: self.tool.run(work, "report", work / "lake", "--month", month, "--format", "json")
        reports = {month: report(month) for month in self.damage.months}
        wrong = [month for month, done in reports.items() if done.code == 0 and not self.damage.is_right(month, done.out)]
        if wrong:
            problems.append(f"report is wrong of {', '.join(wrong)}, with exit 0; verify: exit {verified.code}")
        elif verified.code == 0 and any(done.code for done in reports.values()):
            problems.append(f"verify: exit 0; report: {next(done for done in reports.values() if done.code).told()}")
        return problems

    def repaired(self, work):
        """What is wrong with the way back: a repair, and what verify says of it. The sync is the caller's."""
        applied = self.tool.run(work, "lake", "repair", work / "lake", "--apply", "--quiet")
        verified = self.tool.run(work, "verify", work / "lake", "--quiet")
        problems = [f"repair --apply: {applied.told()}"] if applied.code else []
        return problems + ([f"verify after a repair: {verified.told()}"] if verified.code else [])

    def differs(self, work, verified):
        """How the lake differs from the model, but for when runs were asked for. One that was refused before and that nobody can
        read is no worse than it was."""
        try:
            return difference(plain_rows(lake_rows(work / "lake")), plain_rows(self.world.expected.rows))
        except Torn as torn:
            return None if verified.code and "twice" not in str(torn) else str(torn)

    @staticmethod
    def internals(*ended):
        """Messages that show a library's internals, once."""
        found = [INTERNALS.search(done.err) for done in ended]
        return [f"a library's internals in the message ({found.group()})" for found in filter(None, found)][:1]
