"""An account in which everything moves, also a run's start: lake_account.py's model, small enough to be synced hundreds of times,
with what happens to it drawn by a seed. What was told of a sync follows from the model too. Holds no check itself."""

import csv
import json
import urllib.parse
from dataclasses import dataclass

from lake_account import HOUR_MS, ChangingAccount, ExpectedTable
from standin import DAY_MS, StandIn, instant, millis

MINUTE_MS = 60_000
LOOKBACK_MS = 3 * DAY_MS


class MovingAccount(ChangingAccount):
    """Runs may also come back with another start, under the same ID."""

    def set_clock(self, clock):
        self.lives.sort(key=lambda life: (life.started, life.id))
        super().set_clock(clock)

    def move(self, life, started):
        """Its start and its end lie elsewhere from the next clock on."""
        life.ends += started - life.started
        life.started = started

    def happen(self, clock, moves=True):
        """Something happens to some runs before `clock`; in words. Without `moves`, no start changes."""
        random, told = self.random, []
        ended = [life for life in self.there if life.ends < clock - HOUR_MS]
        pick = lambda count, among: random.sample(among, min(count, len(among)))
        if random.random() < 0.6:
            for life in pick(random.randrange(1, 4), ended):
                life.resurrected_at = clock - random.choice([10 * MINUTE_MS, 2 * HOUR_MS])
            told.append("resurrected")
        if random.random() < 0.5:
            for life in pick(random.randrange(1, 4), ended):
                life.deleted_at = clock - 1
            told.append("deleted")
        if random.random() < 0.5:
            for life in pick(3, [life for life in ended if life.cost != "0"]):
                life.repriced_at = clock
            told.append("repriced")
        if moves and random.random() < 0.7:
            # To where every sync looks, or anywhere; within a month and across.
            for life in pick(random.randrange(1, 6), ended):
                near = random.random() < 0.7
                back = random.randrange(HOUR_MS, LOOKBACK_MS - HOUR_MS if near else 30 * DAY_MS)
                self.move(life, clock - back)
            told.append("moved")
        return told


class MovingTable(ExpectedTable):
    """What a lake must be, and what changed of it."""

    def due(self, account, since, lookback_ms, resweep):
        """A run whose start has moved is where it is now, so what is still open of it is asked for in vain where it was."""
        due = super().due(account, since, lookback_ms, resweep)
        first = since if self.proven_until is None else self.proven_until - lookback_ms
        for life in account.there:
            row = self.rows.get(life.id)
            if row and instant_of(row) != life.started and life.started < first and not resweep:
                due.discard(life.id)
        return due

    def copy(self):
        """As it is now."""
        copy = MovingTable()
        copy.rows, copy.proven_until = dict(self.rows), self.proven_until
        return copy

    def changes(self, before):
        """ID to what `--changes` must say of it, upon the table before."""
        found = {}
        for run_id, row in self.rows.items():
            old = before.rows.get(run_id)
            if old is None:
                found[run_id] = "new"
            elif old != row:
                found[run_id] = "changed"
        return found


class MovingStandIn(StandIn):
    """Also says what Apify counts for a billing cycle: calendar months, and one dollar each."""

    def handle_error(self, _request, _address):
        """A client that was killed is none."""

    def answer(self, target):
        path, _, query = target.partition("?")
        if path != "/v2/users/me/usage/monthly":
            return super().answer(target)
        year, month = map(int, urllib.parse.parse_qs(query)["date"][0].split("-")[:2])
        following = f"{year + month // 12}-{month % 12 + 1:02}-01T00:00:00.000Z"
        usage = {"usageCycle": {"startAt": f"{year}-{month:02}-01T00:00:00.000Z", "endAt": instant(millis(following) - 1)}}
        usage |= {"monthlyServiceUsage": {}, "dailyServiceUsages": []}
        usage |= {f"totalUsageCreditsUsd{when}VolumeDiscount": 1 for when in ("Before", "After")}
        return 200, json.dumps({"data": usage}).encode()


def instant_of(row):
    """A row's start in milliseconds."""
    return round(row["started_at"].timestamp() * 1000)


@dataclass
class World:
    """An account, its stand-in, what a lake of it must be, and since when it is synced."""

    account: MovingAccount
    standin: StandIn
    expected: MovingTable
    since: int

    @property
    def clock(self):
        return self.account.clock

    def set_clock(self, clock, tool):
        """All clocks, the machine's too."""
        self.account.set_clock(clock)
        self.standin.clock_ms = clock
        self.standin.ready = {}
        named = lambda names: {key: name for key, name in names.items() if name is not None}
        actors = named(self.account.actors)
        self.standin.actors = {key: {"username": name[0], "name": name[1]} for key, name in actors.items()}
        self.standin.tasks = {key: {"name": name} for key, name in named(self.account.tasks).items()}
        tool.now = instant(clock)

    def source(self):
        """The options that name this account."""
        return ["--api-url", self.standin.url, "--rate", 0, "--detail-rate", 0]

    def begin_listing(self):
        """From here on it is noted what is listed: answers that are ready are not."""
        self.standin.listed.clear()
        self.standin.ready = {}

    def seen(self, listed):
        """IDs of runs in parts of time that were listed; the tool asks a millisecond wider on both sides."""
        return {life.id for life in self.account.there if any(a < life.started < b for a, b in listed)}

    def synced(self, resweep=False, accept=False, lookback_ms=LOOKBACK_MS):
        """The model after the sync that has just listed; runs that it had to list and didn't."""
        seen = self.seen(list(self.standin.listed))
        missed = self.expected.due(self.account, self.since, lookback_ms, resweep) - seen
        self.expected.sync(self.account, seen, accept)
        return missed


def read_changes(path):
    """What a file of changes tells: (ID, kind), in its order."""
    with open(path, encoding="utf-8", newline="") as file:
        return [(row["id"], row["change"]) for row in csv.DictReader(file)]
