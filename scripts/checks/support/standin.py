"""A stand-in for the API on this machine, whose runs, names and clock whoever starts it sets, and which notes what parts of time were
listed; an account that changes with the clock, for it to serve; and the table that a lake of that account must be. The made-up account,
which has one clock and one state, won't do for that. Shares no code with the tool. Holds no check itself."""

import bisect
import contextlib
import csv
import email.utils
import http.server
import json
import random
import threading
import urllib.parse
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from checks.support.account import COLUMNS, METERS, exact_sum, rounded, set_now

ACCOUNT = {"id": "standInAccount001", "username": "stand-in"}
MAX_LIMIT = 1000
DAY_MS = 86_400_000


def millis(text):
    """Milliseconds since the epoch of RFC 3339 text."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def instant(ms):
    """RFC 3339 text as the API writes it."""
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class StandIn(http.server.ThreadingHTTPServer):
    """`runs` has `between(after_ms, before_ms)`, the positions from and to of the runs that started within, both included,
    `items(first, last)`, their JSON texts, and `detail(id)`, one run's or None. `actors` and `tasks` are ID to entry."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, runs, clock_ms, retention_days):
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs, self.clock_ms, self.retention_days = runs, clock_ms, retention_days
        self.actors, self.tasks = {}, {}
        # Parts of time that were listed, (after, before), and paths, in the order in which they were asked for.
        self.listed, self.asked = [], []
        # Answers by path, where a user wants them ready-made.
        self.ready = None

    @property
    def clock_ms(self):
        """The server's clock, and that of the binary's machine."""
        return self._clock_ms

    @clock_ms.setter
    def clock_ms(self, ms):
        self._clock_ms = ms
        set_now(ms)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, target):
        """Status and body of a request."""
        if self.ready is not None and target in self.ready:
            return self.ready[target]
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        parts = path.strip("/").split("/")[1:]
        if parts == ["actor-runs"]:
            found = 200, self.list_runs(query)
        elif parts[:1] == ["actor-runs"] and len(parts) == 2:
            detail = self.runs.detail(parts[1])
            found = (404, b"") if detail is None else (200, detail)
        elif parts == ["users", "me"]:
            found = 200, json.dumps(ACCOUNT).encode()
        elif parts == ["users", "me", "limits"]:
            found = 200, json.dumps({"limits": {"dataRetentionDays": self.retention_days}}).encode()
        elif parts in (["actors"], ["actor-tasks"]):
            found = 200, self.list_names(self.actors if parts == ["actors"] else self.tasks, query)
        else:
            found = 404, b""
        status, data = found
        body = b'{"data":%s}' % data if status == 200 else b'{"error":{"type":"record-not-found","message":"not here"}}'
        if self.ready is not None:
            self.ready[target] = (status, body)
        return status, body

    def list_runs(self, query):
        after, before = millis(query["startedAfter"]), millis(query["startedBefore"])
        self.listed.append((after, before))
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 0)) or MAX_LIMIT
        limit, desc = min(limit, MAX_LIMIT), query.get("desc") == "true"
        first, last = self.runs.between(after, before)
        if desc:
            end = max(first, last - offset)
            items = self.runs.items(max(first, end - limit), end)[::-1]
        else:
            begin = min(last, first + offset)
            items = self.runs.items(begin, min(last, begin + limit))
        head = {"total": last - first, "offset": offset, "limit": limit, "desc": desc, "count": len(items)}
        return json.dumps(head)[:-1].encode() + b',"items":[' + b",".join(items) + b"]}"

    @staticmethod
    def list_names(names, query):
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 0)) or MAX_LIMIT
        items = [{"id": key, **entry} for key, entry in sorted(names.items())]
        page = items[offset : offset + limit]
        head = {"total": len(items), "offset": offset, "limit": limit, "desc": False, "count": len(page)}
        return json.dumps({**head, "items": page}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self.server.answer(self.path)
        date = email.utils.formatdate(self.server.clock_ms / 1000, usegmt=True)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(standin):
    """Serves for as long as the block lasts."""
    thread = threading.Thread(target=standin.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        standin.shutdown()
        thread.join()
        standin.server_close()


# An account that changes with the clock: runs start, end, get their costs late or never, run on after they ended, are deleted and priced
# anew. The table follows from what was listed at which moment, by the rules that the README promises.

HOUR_MS = 3_600_000
# How long after its end a run's cost moves here, and how long the tool takes it for provisional.
MOVES_FOR_MS = 600_000
SETTLED_AFTER_MS = 600_000
TERMINAL = ["SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED"]
PERSONAL = ["meta_client_ip", "meta_user_agent"]
DETAIL_COLUMNS = [f"usage_usd_{meter.lower()}" for meter in METERS] + [
    "compute_units",
    "memory_mbytes",
    "duration_millis",
    "resurrect_count",
    "pricing_model",
    "charged_event_counts",
    "max_total_charge_usd",
]
# Names that have hurt somebody: quotes, line feeds, what spreadsheets run, what partitions and globs escape.
ACTORS = {
    "actPlain0000000001": ("stand-in", "plain-crawler"),
    "actOdd000000000002": ("stand-in", "=cmd|' /C calc'!A0 \"quoted\", with comma"),
    "actOdd000000000003": ("ünï-čode", "line\nfeed\tand tab"),
    "actOdd000000000004": ("rocket", "🚀 back\\slash %25 *?[a-z] {x}=y"),
    # Known to nobody: deleted, or private.
    "actGone00000000005": None,
}
TASKS = {"taskOne0000000001": "nightly, 'quoted'", "taskGone000000002": None}
USERS = ["userAda0000000001", "userBob0000000002", "userToBeErased003"]
ADDRESS, AGENT = "192.0.2.77", "Mozilla/5.0 (a person's own)"


def at(ms):
    """An instant as engines read it."""
    return None if ms is None else datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)


class Life:
    """One run, from its start to all that becomes of it."""

    def __init__(self, number, started, random_):
        self.id = f"{random_.choice('aZ0_')}{number:05d}" + "".join(random_.choices("aAbB019zZ", k=11))
        self.started = started
        self.act = random_.choice(list(ACTORS))
        self.task = random_.choice([None, None, *TASKS])
        self.user = random_.choice(USERS)
        self.ends = started + random_.choice([1, 4_000, 90_000, 1_800_000, 2 * HOUR_MS, 9 * HOUR_MS])
        if random_.random() < 0.03:
            # Still running when the look-back has passed.
            self.ends = started + random_.randrange(2 * DAY_MS, 6 * DAY_MS)
        self.status = random_.choices(TERMINAL, [80, 12, 4, 4])[0]
        self.cost = random_.choice(
            ["0", "1e-7", "12.5", "0.1", "0.000000000000000001", "2.5e-18", f"{random_.random():.17g}"]
        )
        kind = random_.choices(["list", "detail", "never", "late", "too late"], [80, 6, 5, 6, 3])[0]
        # From when on the list has its cost, and its detail.
        self.listed_from = {"list": 0, "late": self.ends + random_.randrange(DAY_MS, 6 * DAY_MS)}.get(kind)
        if kind == "too late":
            self.listed_from = self.ends + 9 * DAY_MS
        self.detailed_from = 0 if kind == "detail" else self.listed_from
        self.unknown_field = random_.random() < 0.05
        self.deleted_at = self.resurrected_at = self.repriced_at = None

    def status_at(self, clock):
        """Status and end."""
        if self.resurrected_at is not None and clock >= self.resurrected_at:
            ends = self.resurrected_at + HOUR_MS
            return ("SUCCEEDED", ends) if clock >= ends else ("RUNNING", None)
        return (self.status, self.ends) if clock >= self.ends else ("RUNNING", None)

    def cost_at(self, clock):
        """The cost as JSON has it, whoever is asked."""
        if self.repriced_at is not None and clock >= self.repriced_at:
            return str(Decimal(self.cost) * Decimal("0.8"))
        if self.resurrected_at is not None and clock >= self.resurrected_at:
            return str(Decimal(self.cost) + 1)
        # What has only just ended reads less than in the end.
        return self.cost if clock >= self.ends + MOVES_FOR_MS else "0.000001"

    def item(self, clock, with_cost):
        """As the list has it, or its detail."""
        status, finished = self.status_at(clock)
        item = {"id": self.id, "actId": self.act, "userId": self.user}
        if self.task is not None:
            item["actorTaskId"] = self.task
        item |= {"status": status, "startedAt": instant(self.started)}
        if finished is not None:
            item["finishedAt"] = instant(finished)
        item |= {"buildId": f"build{self.act}", "buildNumber": "0.1.7", "buildNumberInt": 7}
        item["meta"] = {"origin": "API", "clientIp": ADDRESS, "userAgent": AGENT}
        item["defaultDatasetId"] = f"d{self.id}"
        if self.unknown_field:
            item["newField"] = {"why": "ü"}
        text = json.dumps(item, ensure_ascii=False)
        return (text[:-1] + f', "usageTotalUsd": {self.cost_at(clock)}}}' if with_cost else text).encode()

    def row(self, clock, names):
        """As the table has it if it is listed now."""
        status, finished = self.status_at(clock)
        known = [since for since in (self.listed_from, self.detailed_from) if since is not None and clock >= since]
        cost = rounded(Decimal(self.cost_at(clock))) if known else None
        if cost is None:
            state = "unknown"
        elif status == "RUNNING" or clock - finished < SETTLED_AFTER_MS:
            state = "provisional"
        else:
            state = "settled"
        row = dict.fromkeys(column for column, _ in COLUMNS) | dict.fromkeys(DETAIL_COLUMNS)
        for column in PERSONAL:
            del row[column]
        return row | {
            "id": self.id,
            "act_id": self.act,
            "user_id": self.user,
            "actor_task_id": self.task,
            "status": status,
            "started_at": at(self.started),
            "finished_at": at(finished),
            "build_id": f"build{self.act}",
            "build_number": "0.1.7",
            "build_number_int": 7,
            "meta_origin": "API",
            "usage_total_usd": cost,
            "default_dataset_id": f"d{self.id}",
            "cost_state": state,
            "extra": '{"newField":{"why":"ü"}}' if self.unknown_field else None,
            "act_name": names.get(self.act),
            "actor_task_name": names.get(self.task),
            "started_on": at(self.started).date(),
            "started_month": f"{at(self.started):%Y-%m}",
        }


class ChangingAccount:
    """All runs there will ever be, and those that the API has at a moment."""

    def __init__(self, first_ms, last_ms, runs_a_day, retention_days, seed=5):
        self.random = random.Random(seed)
        self.retention_ms = retention_days * DAY_MS
        starts = []
        for day in range(first_ms, last_ms, DAY_MS):
            starts += [day + self.random.randrange(DAY_MS) for _ in range(runs_a_day)]
        # Several in one millisecond, and at the very edges of months.
        starts += [first_ms + 40 * DAY_MS] * 7
        self.lives = [Life(number, started, self.random) for number, started in enumerate(sorted(starts))]
        # At the very edge of what has settled when a sync comes at six, on either side.
        for day in range(first_ms, last_ms, DAY_MS):
            for late_ms in (0, 1):
                life = Life(len(self.lives), day + 5 * HOUR_MS, self.random)
                life.ends = day + 6 * HOUR_MS - SETTLED_AFTER_MS + late_ms
                life.listed_from = life.detailed_from = 0
                self.lives.append(life)
        self.lives.sort(key=lambda life: (life.started, life.id))
        self.by_id = {life.id: life for life in self.lives}
        self.actors, self.tasks = dict(ACTORS), dict(TASKS)
        self.empty = False
        self.set_clock(first_ms)

    def names(self):
        """ID to name, as rows have them."""
        actors = {key: "/".join(name) for key, name in self.actors.items() if name is not None}
        return actors | {key: name for key, name in self.tasks.items() if name is not None}

    def set_clock(self, clock):
        """What there is from now on."""
        self.clock = clock
        self.there = [
            life
            for life in self.lives
            if clock - self.retention_ms <= life.started < clock and not (life.deleted_at and clock >= life.deleted_at)
        ]
        self.there = [] if self.empty else self.there
        self.starts = [life.started for life in self.there]

    # What the stand-in serves.

    def between(self, after, before):
        return bisect.bisect_left(self.starts, after), bisect.bisect_right(self.starts, before)

    def items(self, first, last):
        has_cost = lambda life: life.listed_from is not None and self.clock >= life.listed_from
        return [life.item(self.clock, has_cost(life)) for life in self.there[first:last]]

    def detail(self, run_id):
        life = self.by_id.get(run_id)
        if life not in self.there:
            return None
        return life.item(self.clock, life.detailed_from is not None and self.clock >= life.detailed_from)


class ExpectedTable:
    """ID to row; what a sync must make of it."""

    def __init__(self):
        self.rows, self.proven_until = {}, None

    def due(self, account, since, lookback_ms, resweep):
        """IDs of the runs that a sync has to see, by the README alone."""
        clock = account.clock
        first = since if self.proven_until is None else self.proven_until - lookback_ms
        due = {life.id for life in account.there if life.started >= first or resweep}
        for life in account.there:
            row = self.rows.get(life.id)
            if row is None or row["cost_state"] == "settled":
                continue
            finished = row["finished_at"]
            recently = finished is None or at(clock) - finished <= timedelta(days=7)
            if row["cost_state"] == "provisional" or recently:
                due.add(life.id)
        return due

    def sync(self, account, seen, accept_repricing=False):
        """Takes over what was listed; counts of what that changes."""
        clock, names = account.clock, account.names()
        counts = dict.fromkeys(["new", "changed", "resurrected", "repriced"], 0)
        months = {}
        for life in account.there:
            if life.id not in seen:
                continue
            new, old = life.row(clock, names), self.rows.get(life.id)
            if old is None:
                counts["new"] += 1
                months.setdefault(new["started_month"], []).append(new["usage_total_usd"])
                self.rows[life.id] = new | {"queried_at": at(clock)}
                continue
            same_end = old["finished_at"] is not None and old["finished_at"] == new["finished_at"]
            costs = old["usage_total_usd"], new["usage_total_usd"]
            if same_end and None not in costs and costs[0] != costs[1] and old["cost_state"] == "settled":
                if at(clock) - old["finished_at"] > timedelta(days=3):
                    counts["repriced"] += 1
                    if not accept_repricing:
                        new |= {key: old[key] for key in ("usage_total_usd", "cost_state")}
            for name in ("act_name", "actor_task_name"):
                new[name] = old[name] if new[name] is None else new[name]
            new["queried_at"] = old["queried_at"]
            if new != old:
                counts["changed"] += 1
                counts["resurrected"] += old["status"] in TERMINAL and not same_end
                self.rows[life.id] = new | {"queried_at": at(clock)}
        self.proven_until = clock
        return counts, {month: exact_sum(costs) for month, costs in months.items()}


# An account in which everything moves, also a run's start: the model above, small enough to be synced hundreds of
# times, with what happens to it drawn by a seed. What was told of a sync follows from the model too.

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
