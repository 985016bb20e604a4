# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb==2.0.0", "pytz==2026.6"]
#
# [tool.check]
# compares = "exports with DuckDB: reports as SQL, rows, types, order, sums, and what the server sends"
# minutes = 1
# megabytes = 25
# ///
"""Reads exports of the made-up account with DuckDB and holds them against reports/*.sql, the manifest, and what the
server sends, summed by Python's decimal. Shares no code with the tool."""

import csv
import hashlib
import re
import shutil
import tempfile
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb

from checks.support.account import (
    COLUMNS,
    GROUPS,
    GROUPS_WITH_RUNS,
    MEASURES,
    NEVER_NULL,
    PEOPLES_TEXT,
    REPORTS,
    ROOT,
    TOOL_NAMES,
    Account,
    Checks,
    as_cells,
    exact_sum,
    last_instant,
    must_run,
    needs_detail,
    plain,
    read_json,
    read_table,
    rounded,
    run,
    server,
)
from checks.support.environments import command_line

TYPES = {"text": "VARCHAR", "instant": "TIMESTAMP WITH TIME ZONE", "money": "DECIMAL(38,18)", "integer": "BIGINT"}
NAMES = [name for name, _ in COLUMNS]
LIST = ", ".join(NAMES)


def single(connection, query):
    return connection.execute(query).fetchone()[0]


def check_files(checks, label, out):
    """The folder is what its manifest says, to the byte, and nothing else."""
    listed = {entry["path"]: entry for entry in read_json(out / "manifest.json")["files"]}
    present = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    checks.equal(
        f"{label}: the folder holds the manifest's files and no other",
        sorted(present - {"manifest.json"}),
        sorted(listed),
    )
    wrong = [
        path
        for path, entry in listed.items()
        if path in present
        and (entry["bytes"], entry["sha256"])
        != ((out / path).stat().st_size, hashlib.sha256((out / path).read_bytes()).hexdigest())
    ]
    checks.equal(f"{label}: sizes and hashes are the manifest's", wrong, [])


def check_table(checks, label, out, parquet):
    """Columns, order and count of the rows in a Parquet file or a folder of them."""
    connection = duckdb.connect()
    source = f"read_parquet('{parquet}', hive_partitioning = false, filename = true, file_row_number = true)"
    described = [row[:2] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    columns = [column for column in described if column[0] not in ("filename", "file_row_number")]
    checks.equal(f"{label}: columns and types", columns, [(name, TYPES[kind]) for name, kind in COLUMNS])
    # The resolution is in the file alone: DuckDB shows microseconds whatever it is.
    logical = connection.execute(
        f"SELECT DISTINCT name, logical_type FROM parquet_schema('{parquet}') WHERE converted_type = 'TIMESTAMP_MILLIS'"
        " OR logical_type LIKE 'Timestamp%' ORDER BY name"
    ).fetchall()
    instants = sorted(name for name, kind in COLUMNS if kind == "instant")
    checks.that(
        f"{label}: instants are milliseconds in UTC",
        [name for name, _ in logical] == instants
        and all(
            "isAdjustedToUTC=1" in text and "MILLIS=MilliSeconds" in text and "MICROS=<null>" in text
            for _, text in logical
        ),
        logical,
    )

    manifest = read_json(out / "manifest.json")
    rows = single(connection, f"SELECT count(*) FROM {source}")
    checks.equal(f"{label}: as many rows as the manifest's total", rows, manifest["totals"]["runs"])
    checks.that(f"{label}: rows there are", rows > 0, rows)
    listed = [entry for entry in manifest["files"] if entry["path"].endswith(".parquet")]
    counted = {
        str(Path(name).relative_to(out)): count
        for name, count in connection.execute(f"SELECT filename, count(*) FROM {source} GROUP BY filename").fetchall()
    }
    checks.equal(
        f"{label}: as many rows a file as the manifest says",
        counted,
        {entry["path"]: entry["rows"] for entry in listed},
    )
    checks.equal(f"{label}: one row an ID", single(connection, f"SELECT count(DISTINCT id) FROM {source}"), rows)
    nulls = [name for name in NEVER_NULL if single(connection, f"SELECT count(*) FROM {source} WHERE {name} IS NULL")]
    checks.equal(f"{label}: no NULL where none may be", nulls, [])
    unordered = single(
        connection,
        "SELECT count(*) FROM (SELECT (started_at, id) AS key, lag((started_at, id)) OVER written AS before"
        f" FROM {source} WINDOW written AS (ORDER BY filename, file_row_number)) WHERE key <= before",
    )
    checks.equal(f"{label}: sorted by started_at, id", unordered, 0)
    period = manifest["period"]
    outside = single(
        connection,
        f"SELECT count(*) FROM {source}"
        f" WHERE started_at < TIMESTAMPTZ '{period['from']}' OR started_at >= TIMESTAMPTZ '{period['to']}'",
    )
    checks.equal(f"{label}: every run started within the period", outside, 0)
    states = connection.execute(
        f"SELECT count(*) FILTER (WHERE cost_state NOT IN ('settled', 'provisional', 'unknown')),"
        f" count(*) FILTER (WHERE (cost_state = 'unknown') <> (usage_total_usd IS NULL)) FROM {source}"
    ).fetchone()
    checks.equal(f"{label}: a cost is unknown exactly where it is NULL", states, (0, 0))


def check_same_rows(checks, name, left, right, lists=LIST):
    """Two relations hold the same rows, as often."""
    connection = duckdb.connect()
    missing = single(
        connection, f"SELECT count(*) FROM (SELECT {lists} FROM {left} EXCEPT ALL SELECT {LIST} FROM {right})"
    )
    extra = single(
        connection, f"SELECT count(*) FROM (SELECT {LIST} FROM {right} EXCEPT ALL SELECT {lists} FROM {left})"
    )
    checks.equal(name, (missing, extra), (0, 0))


def check_csv(checks, label, out, parquet):
    """runs.csv, read with the types that the columns have, is the Parquet's rows."""
    types = ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in COLUMNS)
    text = (
        f"read_csv('{out / 'runs.csv'}', auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"',"
        f" new_line = '\\n', columns = {{{types}}})"
    )
    defused = ", ".join(
        f"CASE WHEN regexp_matches({name}, '^''*([\\t\\r\\n]|\\s*[=+@＝＋－＠-])') THEN '''' || {name} ELSE {name} END AS {name}"
        if name in PEOPLES_TEXT
        else name
        for name in NAMES
    )
    source = f"read_parquet('{parquet}', hive_partitioning = false)"
    check_same_rows(checks, f"{label}: runs.csv holds the Parquet's rows", source, text, defused)
    raw = (out / "runs.csv").read_bytes()
    checks.that(
        f"{label}: runs.csv has no byte order mark and ends in a line feed",
        raw[:3] != b"\xef\xbb\xbf" and raw.endswith(b"\n"),
    )
    with open(out / "runs.csv", encoding="utf-8", newline="") as file:
        table = csv.reader(file)
        checks.equal(f"{label}: runs.csv's header is the columns' names", next(table), NAMES)
        money = NAMES.index("usage_total_usd")
        written = [row[money] for row in table]
    odd = [cost for cost in written if cost and cost != plain(Decimal(cost))]
    checks.equal(f"{label}: runs.csv writes money plainly", odd, [])


def check_excel(checks, binary, standard, scratch):
    """The reports for Excel hold what the standard ones do: by Python's csv, and their amounts by DuckDB too."""
    out = scratch / "excel"
    form = ["--csv-style", "excel", "--csv-decimal", "comma"]
    must_run(binary, "export", "--demo", "--quiet", *form, "--out", out, cwd=scratch)
    checks.equal("excel: runs.csv is the standard one", (out / "runs.csv").read_bytes(), (standard / "runs.csv").read_bytes())
    number = re.compile(r"-?[0-9]+,[0-9]+")
    for path in sorted(standard.glob("*.csv")):
        if path.name == "runs.csv":
            continue
        text = (out / path.name).read_bytes()
        checks.that(f"excel: {path.name} begins with a byte order mark and has LF", text.startswith(b"\xef\xbb\xbf") and b"\r" not in text)
        with open(out / path.name, encoding="utf-8-sig", newline="") as file:
            rows = [
                [cell.replace(",", ".") if number.fullmatch(cell) else cell for cell in row]
                for row in csv.reader(file, delimiter=";")
            ]
        with open(path, encoding="utf-8", newline="") as file:
            checks.equal(f"excel: {path.name} has the standard one's cells", rows, list(csv.reader(file)))
    source = (
        f"read_csv('{out / 'cost_by_actor.csv'}', header = true, delim = ';', decimal_separator = ',',"
        " types = {'usage_total_usd': 'DECIMAL(38,18)'})"
    )
    found = single(duckdb.connect(), f"SELECT sum(usage_total_usd) FROM {source}")
    checks.equal("excel: the amounts by DuckDB", plain(found), read_json(out / "manifest.json")["totals"]["usage_total_usd"])
    verified = run(binary, "verify", out, cwd=scratch)
    checks.equal("excel: verify", verified.returncode, 0)


def json_value(value):
    """A value of DuckDB's as report.json has it."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, date) else value


def ask_report(name, parquet, groups=None):
    """A report's columns and rows as DuckDB has them, over a path or pattern of an export's, or over a list of a lake's files;
    `groups` is the file of rules that cost_by_group needs."""
    connection = duckdb.connect()
    # A session far from UTC: reports by day and by week have to see to their days themselves, no other depends on it.
    connection.execute("SET TimeZone = 'Pacific/Auckland'")
    columns = "*" if isinstance(parquet, list) else LIST
    source = parquet if isinstance(parquet, list) else f"'{parquet}'"
    connection.execute(f"CREATE VIEW runs AS SELECT {columns} FROM read_parquet({source}, hive_partitioning = false)")
    if groups is not None:
        # As the head of cost_by_group.sql says it.
        connection.execute(
            "CREATE VIEW group_rules AS SELECT row_number() OVER () AS place, actor AS actor_pattern,"
            ' task AS task_pattern, "user" AS user_pattern, "group" AS group_name'
            f" FROM read_csv('{groups}', header = true, all_varchar = true)"
        )
    answer = connection.execute((ROOT / f"reports/{name}.sql").read_text(encoding="utf-8"))
    columns = [column[0] for column in answer.description]
    return columns, [dict(zip(columns, map(json_value, row))) for row in answer.fetchall()]


def report_pairs(binary, out):
    """Has the tool report by the two dimensions that an export holds no report of, into a folder beside it."""
    folder = out.with_name(f"{out.name}-pairs")
    wanted = ["--by", "actor,status", "--format", "csv,json"]
    must_run(binary, "report", out, *wanted, "--quiet", "--out", folder, cwd=out.parent)
    return folder


def check_report(checks, label, out, name, rows):
    """The tool's own CSV and JSON of a report have these rows, in the same order."""
    if not (out / f"{name}.csv").exists():
        out = out.with_name(f"{out.name}-pairs")
    # Shares and means stand among the tool's columns: SQL's are compared.
    tool_name = lambda column: TOOL_NAMES.get(column, column)
    chosen = lambda row: {column: row.get(tool_name(column), "no such column") for column in REPORTS[name]}
    path, objects = out / f"{name}.csv", read_json(out / "report.json").get(name)
    if path.exists():
        found = [chosen(row) for row in read_table(path)[1]]
        checks.equal(f"{label}: {name}.csv is {name}.sql", found, as_cells(rows))
    else:
        checks.that(f"{label}: {name}.csv is {name}.sql", False, "no such file")
    if objects is not None:
        checks.equal(f"{label}: report.json's {name} is {name}.sql", [chosen(row) for row in objects], rows)
    else:
        checks.that(f"{label}: report.json's {name} is {name}.sql", False, "no such report")


def check_reports(checks, label, binary, out, parquet, groups=None):
    """Each report as SQL gives the figures that the tool folded, in the same order, to the last digit."""
    report_pairs(binary, out)
    present = sorted(path.stem for path in ROOT.glob("reports/*.sql"))
    checks.equal(f"{label}: the reports that there are as SQL", present, sorted(REPORTS))
    sets_zone = lambda name: "SET TIME ZONE" in (ROOT / f"reports/{name}.sql").read_text(encoding="utf-8")
    # Sail, DataFusion and delta-rs refuse the statement.
    checks.equal(f"{label}: the reports that set a zone", list(filter(sets_zone, present)), ["cost_by_day", "cost_by_month", "cost_by_week"])
    manifest, written = read_json(out / "manifest.json"), read_json(out / "report.json")
    for name in REPORTS:
        if name == "cost_by_group" and groups is None:
            continue
        columns, rows = ask_report(name, parquet, groups)
        checks.equal(f"{label}: {name}.sql has the columns that it should", columns, REPORTS[name])
        checks.that(f"{label}: {name}.sql has rows", len(rows) > 0)
        check_report(checks, label, out, name, rows)
        if not set(MEASURES) <= set(columns):
            continue
        known = [Decimal(row["usage_total_usd"]) for row in rows if row["usage_total_usd"] is not None]
        totals = {
            "runs": sum(row["runs"] for row in rows),
            "usage_total_usd": plain(exact_sum(known)),
            "runs_cost_unknown": sum(row["runs_cost_unknown"] for row in rows),
            "runs_provisional": sum(row["runs_provisional"] for row in rows),
        }
        for what, statement in (("the manifest", manifest), ("report.json", written)):
            checks.equal(
                f"{label}: {what}'s totals are {name}.sql's", {key: statement["totals"][key] for key in totals}, totals
            )


def check_groups(checks, groups):
    """The rules of GROUPS do what they are there for: the groups that have runs are those that must have some."""
    checks.equal("groups: the groups that have runs", sorted(groups), GROUPS_WITH_RUNS)


def check_proof(checks, label, out):
    manifest = read_json(out / "manifest.json")
    proof = manifest["proof"]
    found = (proof["proven"], proof["counted"], proof["fetched"])
    checks.equal(
        f"{label}: proven, with as many runs as counted",
        found,
        (True, manifest["totals"]["runs"], manifest["totals"]["runs"]),
    )


def check_verify(checks, label, binary, out, scratch):
    verified = run(binary, "verify", out, cwd=scratch)
    checks.that(f"{label}: verify finds nothing wrong", verified.returncode == 0, verified.stdout + verified.stderr)


def check_verify_notices(checks, binary, out, scratch):
    """verify sees one changed byte, a missing file and one too many."""
    for what in ("a changed byte", "a missing file", "a file too many"):
        copy = scratch / what.replace(" ", "-")
        shutil.copytree(out, copy)
        data = copy / "runs.csv"
        if what == "a changed byte":
            content = bytearray(data.read_bytes())
            content[len(content) // 2] ^= 1
            data.write_bytes(content)
        elif what == "a missing file":
            data.unlink()
        else:
            (copy / "runs-old.csv").write_bytes(b"id\n")
        verified = run(binary, "verify", copy, cwd=scratch)
        checks.equal(f"verify notices {what} (exit 5)", verified.returncode, 5)
        shutil.rmtree(copy)


def check_served(checks, label, binary, out, parquet):
    """The rows and the total are what the server sends, details where the list has no cost, read and summed here."""
    manifest = read_json(out / "manifest.json")
    period = manifest["period"]
    queried_at = datetime.fromisoformat(manifest["queried_at"].replace("Z", "+00:00"))
    served = {}
    with server(binary) as url:
        account = Account(url)
        for item in list(account.runs(period["from"], last_instant(period))):
            asked = account.detail(item) if needs_detail(item, queried_at) else item
            cost = rounded(asked.get("usageTotalUsd"))
            served[item["id"]] = (item["actId"], item["status"], item["startedAt"], cost)
    checks.equal(f"{label}: as many runs as the server sends", manifest["totals"]["runs"], len(served))
    costs = [cost for _, _, _, cost in served.values()]
    checks.equal(
        f"{label}: the total is Python's exact sum of what the server sends",
        manifest["totals"]["usage_total_usd"],
        plain(exact_sum(costs)),
    )
    checks.equal(
        f"{label}: as many costs are unknown as the server leaves out",
        manifest["totals"]["runs_cost_unknown"],
        costs.count(None),
    )
    rows = duckdb.execute(
        "SELECT id, act_id, status, strftime(started_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ'), usage_total_usd"
        f" FROM read_parquet('{parquet}', hive_partitioning = false)"
    ).fetchall()
    wrong = [(row, served.get(row[0])) for row in rows if row[1:] != served.get(row[0])]
    checks.that(f"{label}: each run's Actor, status, start and cost are as served", not wrong, wrong[:1])


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder:
        scratch = Path(folder).resolve()
        default, by_day, compat = scratch / "demo", scratch / "by-day", scratch / "compat"
        must_run(binary, "export", "--demo", "--quiet", "--out", default, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--partition-by", "day", "--out", by_day, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--parquet-compat", "--out", compat, cwd=scratch)

        files = {
            "export": (default, default / "runs.parquet"),
            "by day": (by_day, by_day / "runs" / "*" / "runs.parquet"),
            "compat": (compat, compat / "runs.parquet"),
        }
        for label, (out, parquet) in files.items():
            check_files(checks, label, out)
            check_proof(checks, label, out)
            check_table(checks, label, out, parquet)
            check_csv(checks, label, out, parquet)
            check_reports(checks, label, binary, out, parquet)
            check_verify(checks, label, binary, out, scratch)

        rules, grouped = scratch / "groups.csv", scratch / "groups"
        rules.write_text(GROUPS, encoding="utf-8")
        must_run(binary, "export", "--demo", "--quiet", "--groups", rules, "--out", grouped, cwd=scratch)
        check_files(checks, "groups", grouped)
        check_reports(checks, "groups", binary, grouped, grouped / "runs.parquet", rules)
        check_groups(checks, [row["group"] for row in read_table(grouped / "cost_by_group.csv")[1]])
        check_verify(checks, "groups", binary, grouped, scratch)

        whole = f"read_parquet('{default / 'runs.parquet'}')"
        days = f"read_parquet('{files['by day'][1]}', hive_partitioning = true, hive_types = {{'started_on': DATE}})"
        check_same_rows(checks, "by day: the same rows as in one file", whole, days)
        check_same_rows(
            checks, "compat: the same rows as by default", whole, f"read_parquet('{compat / 'runs.parquet'}')"
        )
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        misplaced = single(connection, f"SELECT count(*) FROM {days} WHERE started_on <> CAST(started_at AS DATE)")
        checks.equal("by day: every run lies under its UTC day", misplaced, 0)
        deltas = single(
            connection,
            f"SELECT count(*) FROM parquet_metadata('{compat / 'runs.parquet'}') WHERE encodings LIKE '%DELTA%'",
        )
        checks.equal("compat: no delta encodings", deltas, 0)

        check_served(checks, "export", binary, default, default / "runs.parquet")
        check_verify_notices(checks, binary, default, scratch)
        check_excel(checks, binary, default, scratch)
    checks.close()


if __name__ == "__main__":
    main()
