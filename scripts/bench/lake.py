"""The benchmark's part about lakes: a first sync against an export of the same, a day's sync into a lake of ten million runs
and a month's report on it, and a thousand days of cron on one table. Called by bench; asserts nothing."""

import collections
import concurrent.futures
import http.client
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench.measuring import MEBIBYTE, Figure, Process
from checks.support.account import environment, server
from checks.support.standin import DAY_MS, StandIn, instant, millis, serving

CONCURRENCY = 8
HOUR_MS = 3_600_000
LIST_ALONE = ["--details", "none", "--no-names", "--rate", "0"]


class SteadyRuns:
    """A run every so many milliseconds, each worked out when it is asked for. One of `changing` costs more a day after it
    started, and more again a day later: not beyond, since that would be another price."""

    def __init__(self, first_ms, runs_a_day, changing):
        self.first_ms, self.step_ms = first_ms, DAY_MS // runs_a_day
        self.changing, self.clock_ms = changing, first_ms
        self.minutes = {}
        kinds = itertools.product(range(37), ["SUCCEEDED"] * 9 + ["FAILED"], ["SCHEDULER", "API", "WEB"])
        self.kinds = [
            (f'"actId":"actor{act:012d}","userId":"user0000000000001","status":"{status}"', f'"origin":"{origin}"', f"build{act:012d}")
            for act, status, origin in kinds
        ]

    def between(self, after, before):
        before = min(before, self.clock_ms - 1)
        first = max(0, -((self.first_ms - after) // self.step_ms))
        return first, max(first, (before - self.first_ms) // self.step_ms + 1)

    def at(self, ms):
        minute, rest = divmod(ms, 60_000)
        if minute not in self.minutes:
            self.minutes[minute] = instant(minute * 60_000)[:17]
        return f"{self.minutes[minute]}{rest // 1000:02d}.{rest % 1000:03d}Z"

    def items(self, first, last):
        return [self.item(number) for number in range(first, last)]

    def item(self, number):
        started = self.first_ms + number * self.step_ms
        mixed = number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        finished = started + 1000 + mixed % 400_000
        usd = mixed % 10**14
        if number % self.changing == 0:
            usd += 10**9 * min(2, (self.clock_ms - started) // DAY_MS)
        what, origin, build = self.kinds[mixed % len(self.kinds)]
        if finished >= self.clock_ms:
            what, end = what.replace("SUCCEEDED", "RUNNING").replace("FAILED", "RUNNING"), ""
        else:
            end = f',"finishedAt":"{self.at(finished)}"'
        return (
            f'{{"id":"r{mixed:016x}",{what},"startedAt":"{self.at(started)}"{end},"buildId":"{build}","buildNumber":"0.1.7",'
            f'"buildNumberInt":7,"meta":{{{origin},"clientIp":"192.0.2.1","userAgent":"ApifyClient/2.12.5"}},'
            f'"usageTotalUsd":0.00{usd:015d},"defaultKeyValueStoreId":"k{mixed:016x}","defaultDatasetId":"d{mixed:016x}",'
            f'"defaultRequestQueueId":"q{mixed:016x}"}}'
        ).encode()

    def detail(self, _):
        return None


def set_clock(standin, clock):
    standin.clock_ms = standin.runs.clock_ms = clock


class Sync(Process):
    """One sync, and what it says of itself."""

    def __init__(self, arguments, lake, url, scratch, *options):
        with tempfile.TemporaryFile(dir=scratch) as said:
            command = [arguments.binary, "sync", "--lake", lake, "--api-url", url, "--json", *LIST_ALONE, *options]
            super().__init__(command, scratch, stdout=said)
            said.seek(0)
            self.told = json.load(said)


def lake_is_there(arguments, scratch):
    """Whether the binary has lakes: a lean build says which one does."""
    done = subprocess.run(
        [arguments.binary, "sync", "--demo", "--quiet", "--lake", scratch / "lake-there"],
        check=False,
        cwd=scratch,
        env=environment(scratch),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        print(f"lake: skipped, {done.stderr.strip()}", file=sys.stderr)
    return done.returncode == 0


def measure_lake(arguments, scratch):
    if not lake_is_there(arguments, scratch):
        return
    yield from measure_first_sync(arguments, scratch)
    yield from measure_cron(arguments, scratch, "never")
    yield from measure_cron(arguments, scratch, "auto")
    if arguments.big:
        yield from measure_daily_sync(arguments, scratch)


def measure_first_sync(arguments, scratch):
    """A lake of a million runs against an export to Parquet of the same: in turn, so that both see the same machine."""
    exports, syncs = [], []
    with server(arguments.binary, "--runs", 1_000_000) as url:
        for _ in range(arguments.runs_of):
            out = scratch / "of-a-million"
            period = ["--from", "2025-09-01", "--to", "2025-10-03", "--format", "parquet"]
            command = [arguments.binary, "export", *period, "--quiet", "--api-url", url, "--out", out, *LIST_ALONE]
            exports.append(Process(command, scratch))
            shutil.rmtree(out)
            syncs.append(Sync(arguments, scratch / "lake-of-a-million", url, scratch, "--since", "2025-09-01"))
            shutil.rmtree(scratch / "lake-of-a-million")
    ratios = [sync.wall_seconds / export.wall_seconds for sync, export in zip(syncs, exports)]
    runs = syncs[0].told["runs_new"]
    yield Figure(f"lake: first sync of {runs:,} runs, to an export's wall", 2, ratios, "", 2)
    wall = 2 * statistics.median(export.wall_seconds for export in exports)
    yield Figure(f"lake: first sync of {runs:,} runs: wall", wall, [sync.wall_seconds for sync in syncs], "s", 2)
    yield Figure("lake: the same: peak memory", 256, [sync.peak_bytes / MEBIBYTE for sync in syncs], "MiB", 1)


def measure_cron(arguments, scratch, optimize):
    """A thousand days, a sync each: the last fifty against the first fifty. The log's files are aged by a day a sync."""
    first, days, edge = millis("2023-01-01T00:00:00Z"), 1000, 50
    lake = scratch / f"lake-of-cron-{optimize}"
    walls = []
    with serving(StandIn(SteadyRuns(first, 40, changing=10), first, 30)) as standin:
        for day in range(1, days + 1):
            set_clock(standin, first + day * DAY_MS + 6 * HOUR_MS)
            since = ["--since", "2023-01-01"] if day == 1 else []
            walls.append(Sync(arguments, lake, standin.url, scratch, "--optimize", optimize, *since).wall_seconds)
            age_log(lake)
    early, late = statistics.median(walls[:edge]), statistics.median(walls[-edge:])
    label = f"lake: {days:,} days of cron, --optimize {optimize}"
    yield Figure(f"{label}: last {edge} syncs to the first {edge}", 1.5, [late / early], "", 2)
    yield Figure(f"{label}: a sync at the end", 1.5 * early * 1000, [wall * 1000 for wall in walls[-edge:]], "ms", 1)
    files = sum(1 for _ in lake.glob("started_month=*/*"))
    print(f"{label}: {files:,} files, {len(list((lake / '_delta_log').iterdir())):,} in the log", file=sys.stderr)
    shutil.rmtree(lake)


def age_log(lake):
    """A day has gone by for the log's files too: what cleans it up goes by their times."""
    for path in (lake / "_delta_log").iterdir():
        at = path.stat().st_mtime - 86_400
        os.utime(path, (at, at))


def measure_daily_sync(arguments, scratch):
    """30,000 new and some 1,000 changed runs into a lake of ten million, each time into the same one: data files and log are
    never written to once they are there, so a copy is made of links."""
    # Late in a month, so that what changes lies in a file that is nearly as large as they get.
    first, before, runs_a_day = millis("2024-10-28T00:00:00Z"), millis("2025-09-26T08:00:00Z"), 30_000
    lake = scratch / "lake-of-ten-million"
    with serving(StandIn(SteadyRuns(first, runs_a_day, changing=75), before, 400)) as standin:
        set_clock(standin, before)
        built = Sync(arguments, lake, standin.url, scratch, "--since", instant(first))
        held = built.told["runs_new"]
        print(f"lake: {held:,} runs built in {built.wall_seconds:.0f} s", file=sys.stderr)
        peak = built.peak_bytes / MEBIBYTE
        yield Figure(f"lake: first sync of {held:,} runs of {len(built.told['months'])} months: peak memory", 256, [peak], "MiB", 1)
        set_clock(standin, before + DAY_MS)
        standin.ready = {}
        done, requests = [], []
        for turn in range(arguments.runs_of + 1):
            copy = scratch / "lake-linked"
            shutil.copytree(lake, copy, copy_function=os.link)
            standin.asked.clear()
            sync = Sync(arguments, copy, standin.url, scratch)
            # The first makes the answers ready, and isn't counted.
            if turn > 0:
                done.append(sync)
                requests.append(replayed(standin))
            if turn < arguments.runs_of:
                shutil.rmtree(copy)
    told = done[-1].told
    label = f"lake: {told['runs_new']:,} new and {told['runs_changed']:,} changed runs into {held:,}"
    beyond = [sync.wall_seconds - wait for sync, wait in zip(done, requests)]
    yield Figure(f"{label}: wall beyond the requests'", 5, beyond, "s", 2)
    yield Figure("lake: the same: wall in all", 5, [sync.wall_seconds for sync in done], "s", 2)
    yield Figure("lake: the same: peak memory", 256, [sync.peak_bytes / MEBIBYTE for sync in done], "MiB", 1)
    print(f"{label}: {rewritten(copy, told['commits'])}", file=sys.stderr)
    yield from measure_month_report(arguments, scratch, lake, "2025-08")
    shutil.rmtree(copy)
    shutil.rmtree(lake)


def replayed(standin):
    """How long the same requests take whoever does nothing with their answers, so many at once as the tool has."""
    paths = collections.deque(standin.asked)

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", standin.server_port, timeout=60)
        while True:
            try:
                path = paths.popleft()
            except IndexError:
                return connection.close()
            connection.request("GET", path)
            connection.getresponse().read()

    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
        for done in [pool.submit(ask) for _ in range(CONCURRENCY)]:
            done.result()
    return time.monotonic() - started


def rewritten(lake, commits):
    """What the last commits added and removed."""
    said = []
    for path in sorted((lake / "_delta_log").glob("*.json"))[-commits:]:
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        adds = [action["add"] for action in actions if "add" in action]
        removes = [action["remove"] for action in actions if "remove" in action]
        rows = [f"{json.loads(add['stats'])['numRecords']:,}" for add in adds]
        size = sum(add["size"] for add in adds) / 1e6
        said.append(f"{path.stem.lstrip('0')}: {len(removes)} files out, {len(adds)} in of {', '.join(rows)} rows, {size:.1f} MB")
    return "; ".join(said)


def measure_month_report(arguments, scratch, lake, month):
    command = [arguments.binary, "report", lake, "--month", month, "--format", "json"]
    done = subprocess.run(command, check=False, cwd=scratch, env=environment(scratch), capture_output=True, text=True)
    if done.returncode != 0:
        print(f"lake: a month's report: skipped, {done.stderr.strip()}", file=sys.stderr)
        return
    walls, peaks = [], []
    for _ in range(arguments.runs_of):
        process = Process(command, scratch)
        walls.append(process.wall_seconds)
        peaks.append(process.peak_bytes / MEBIBYTE)
    runs = json.loads(done.stdout)["totals"]["runs"]
    yield Figure(f"lake: report --month {month}, {runs:,} runs: wall", 2, walls, "s", 2)
    yield Figure("lake: the same: peak memory", 256, peaks, "MiB", 1)
