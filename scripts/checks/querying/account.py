"""What engines are given to read and what they must find: a lake of several commits and an export of the same changing account,
the figures that follow from the account's own model, and the tool's reports. Shares no code with the tool; runs no engine."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from checks.querying.readers import RUN_COLUMNS, as_value
from checks.support.account import REPORTS, ROOT, TOOL_NAMES, exact_sum, must_run, read_table
from checks.support.lake_account import HOUR_MS, ChangingAccount, ExpectedTable
from checks.support.standin import DAY_MS, StandIn, millis, serving

FIRST, LAST = "2025-05-01", "2025-07-16"
# The lake is synced first on this day, then once a day.
FIRST_SYNC, SYNCS = "2025-07-05T06:00:00Z", 11
RUNS_A_DAY, RETENTION_DAYS = 270, 90
# The month that is also read by itself, by the lake's partition.
MONTH = "2025-06"
# What needs escaping in LIKE, what isn't ASCII, an order that decides, and a group that a spreadsheet would run.
GROUPS = """actor,task,user,group
stand_in/*,,,Never: _ is no wildcard
*=cmd|*,,,Commands
ünï-čode/*,,,"Ünï, čode"
,nightly*,,=Nightly
🚀*,,,Never: the user comes first
,,userAda*,Ada
"""


@dataclass
class Source:
    """The lake or the export, and what an engine must find in it; `reports` is a report's name to its rows as a CSV has them."""

    path: Path
    figures: dict
    reports: dict


def make_sources(binary, scratch):
    """The lake and the export, by name, and the rules of the report by group."""
    account = ChangingAccount(millis(f"{FIRST}T00:00:00Z"), millis(f"{LAST}T00:00:00Z"), RUNS_A_DAY, RETENTION_DAYS)
    expected, clock = ExpectedTable(), millis(FIRST_SYNC)
    lake, out, rules = scratch / "lake", scratch / "export", scratch / "groups.csv"
    rules.write_text(GROUPS, encoding="utf-8")
    with serving(StandIn(account, clock, RETENTION_DAYS)) as standin:
        source = ["--api-url", standin.url, "--rate", 0, "--detail-rate", 0, "--quiet"]
        for number in range(SYNCS):
            set_clock(account, standin, clock)
            must_run(binary, "sync", "--lake", lake, *source, *(["--since", FIRST] if number == 0 else []), cwd=scratch)
            seen = {life.id for life in account.there if any(a < life.started < b for a, b in standin.listed)}
            expected.sync(account, seen)
            happen(account)
            clock += DAY_MS
        period = ["--from", FIRST, "--to", LAST]
        must_run(binary, "export", *period, "--groups", rules, *source, "--out", out, cwd=scratch)
    names = account.names()
    exported = [life.row(account.clock, names) for life in account.there]
    # The lake still has the runs that were deleted.
    if not len(exported) < len(expected.rows):
        raise RuntimeError(f"expected fewer runs in the account ({len(exported)}) than in the lake ({len(expected.rows)})")
    sources = {
        "lake": Source(lake, figures(expected.rows.values()), tool_reports(binary, lake, rules)),
        "export": Source(out / "runs.parquet", figures(exported, is_lake=False), tool_reports(binary, out, rules)),
    }
    return sources, [(place + 1, *rule) for place, rule in enumerate(read_rules(rules))]


def set_clock(account, standin, clock):
    """What the API has from now on."""
    account.set_clock(clock)
    standin.clock_ms = clock
    standin.listed.clear()
    standin.actors = {key: {"username": name[0], "name": name[1]} for key, name in account.actors.items() if name}
    standin.tasks = {key: {"name": name} for key, name in account.tasks.items() if name}


def happen(account):
    """Before the next sync, a few runs are deleted, and a few run on."""
    ended = [life for life in account.there if life.ends < account.clock - 4 * DAY_MS]
    for life in account.random.sample(ended, 5):
        life.deleted_at = account.clock + HOUR_MS
    for life in account.random.sample([life for life in account.there if life.ends < account.clock - HOUR_MS][-400:], 5):
        life.resurrected_at = account.clock + HOUR_MS


def read_rules(path):
    """Actor, task, user and group of each rule."""
    return [(row["actor"], row["task"], row["user"], row["group"]) for row in read_table(path)[1]]


def figures(rows, is_lake=True):
    """What the queries of readers.py must find in these rows, summed by Python's decimal."""
    rows = sorted(rows, key=lambda row: row["id"])
    costs = [row["usage_total_usd"] for row in rows]
    known = [cost for cost in costs if cost is not None]
    starts, ends = [row["started_at"] for row in rows], [row["finished_at"] for row in rows if row["finished_at"] is not None]
    totals = [len(rows), len({row["id"] for row in rows}), len(known), exact_sum(costs), min(known), max(known)]
    totals += [min(starts), max(starts), len(ends), max(ends)]
    found = {
        "totals": [totals],
        "actors": [[key, named(some), *sums(some)] for key, some in grouped(rows, lambda row: row["act_id"])],
        "months": [[key, *sums(some)] for key, some in grouped(rows, lambda row: f"{row['started_at']:%Y-%m}")],
        "runs": [[row[column] for column in RUN_COLUMNS] for row in rows],
    }
    if is_lake:
        found["partition"] = [sums([row for row in rows if row["started_month"] == MONTH])]
    return {name: [list(map(as_value, row)) for row in table] for name, table in found.items()}


def grouped(rows, key):
    """Keys in order, and the rows of each."""
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return sorted(found.items())


def named(rows):
    """The greatest name, which SQL's MAX finds."""
    return max((row["act_name"] for row in rows if row["act_name"] is not None), default=None)


def sums(rows):
    """Runs, known costs, and their sum."""
    costs = [row["usage_total_usd"] for row in rows]
    return [len(rows), len(costs) - costs.count(None), exact_sum(costs)]


def tool_reports(binary, archive, rules):
    """The rows of each report as the tool's CSVs have them, in the columns that its SQL has."""
    found = {}
    for options in (["--groups", rules], ["--by", "actor,status"]):
        out = archive.with_name(f"{archive.name}-{len(found)}")
        must_run(binary, "report", archive, *options, "--format", "csv", "--quiet", "--out", out, cwd=archive.parent)
        for name in REPORTS:
            if (out / f"{name}.csv").exists() and name not in found:
                rows = read_table(out / f"{name}.csv")[1]
                found[name] = [[row[TOOL_NAMES.get(column, column)] for column in REPORTS[name]] for row in rows]
    return found


def statements():
    """Each report's statements, without comments: a report's name to a list."""
    found = {}
    for path in sorted(ROOT.glob("reports/*.sql")):
        code = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--"))
        found[path.stem] = [statement.strip() for statement in code.split(";") if statement.strip()]
    return found


def job(sources, rules):
    """What every engine is given, as JSON has it; `files` is for engines that do not read Delta themselves."""
    lake = sources["lake"].path
    files = sorted(uri.removeprefix("file://") for uri in DeltaTable(str(lake)).file_uris())
    paths = {"lake": str(lake), "files": files, "export": str(sources["export"].path)}
    return paths | {"month": MONTH, "rules": rules, "reports": statements()}
