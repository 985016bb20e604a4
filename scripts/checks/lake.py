# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "deltalake==1.6.6",
#     "polars==2.1.0",
#     "duckdb==1.5.5",
#     "duckdb-extension-delta==1.5.5",
#     "pyarrow==26.0.1",
#     "pytz==2026.6",
# ]
#
# [tool.check]
# compares = "lakes of an account that changes with deltalake, Polars and DuckDB, which read and rewrite them"
# minutes = 1
# megabytes = 215
# ///
"""Lakes of an account that changes. Real processes sync them from a stand-in of the API, and deltalake, Polars and DuckDB read
them: each run is what the model in support/standin.py says, at every version. Then other engines rewrite the table,
and the next sync has to continue. Shares no code with the tool. Object stores and kills are not checked here."""

import itertools
import json
import os
import shutil
import tempfile
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import duckdb_extension_delta
import polars
import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable, TableFeatures, write_deltalake

from checks.support.account import COLUMNS, NEVER_NULL, Checks, exact_sum, plain, run
from checks.support.environments import command_line
from checks.support.standin import (
    ADDRESS,
    AGENT,
    DAY_MS,
    DETAIL_COLUMNS,
    HOUR_MS,
    PERSONAL,
    USERS,
    ChangingAccount,
    ExpectedTable,
    StandIn,
    millis,
    serving,
)

FIRST, LAST = millis("2025-04-01T00:00:00Z"), millis("2025-08-15T00:00:00Z")
RUNS_A_DAY, RETENTION_DAYS, LOOKBACK_MS = 40, 120, 3 * DAY_MS
STATE = "apify-runs.lake"
NAMES = ["act_name", "actor_task_name", "meta_schedule_name"]
ORDER = [name for name, _ in COLUMNS if name not in (*PERSONAL, *NAMES)]
ORDER += [*DETAIL_COLUMNS, *NAMES, "queried_at", "started_on", "started_month"]
KINDS = dict(COLUMNS) | {"queried_at": "instant", "started_on": "date", "started_month": "text"}
KINDS |= dict.fromkeys([*DETAIL_COLUMNS[:12], "compute_units", "max_total_charge_usd"], "money")
KINDS |= dict.fromkeys(["memory_mbytes", "duration_millis", "resurrect_count"], "integer")
KINDS |= dict.fromkeys(["pricing_model", "charged_event_counts"], "text")
DELTA_TYPES = {"text": "string", "instant": "timestamp", "money": "decimal(38,18)", "integer": "long", "date": "date"}
DUCKDB_TYPES = {
    "text": "VARCHAR",
    "instant": "TIMESTAMP WITH TIME ZONE",
    "money": "DECIMAL(38,18)",
    "integer": "BIGINT",
    "date": "DATE",
}
POLARS_TYPES = {
    "text": polars.String(),
    "instant": polars.Datetime("us", "UTC"),
    "money": polars.Decimal(38, 18),
    "integer": polars.Int64(),
    "date": polars.Date(),
}
ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
SKIPPED = []


class Lake:
    """A lake, the account that it is of, and the table that it has to be."""

    def __init__(self, binary, folder, standin, account):
        self.binary, self.folder, self.standin, self.account = binary, folder, standin, account
        self.expected, self.since = ExpectedTable(), FIRST
        # What the table was, and until when proven, by version.
        self.versions = {}

    @property
    def table(self):
        return DeltaTable(str(self.folder))

    def set_clock(self, clock):
        self.account.set_clock(clock)
        self.standin.clock_ms = clock
        self.standin.actors = {
            key: {"username": name[0], "name": name[1]} for key, name in self.account.actors.items() if name is not None
        }
        self.standin.tasks = {key: {"name": name} for key, name in self.account.tasks.items() if name is not None}

    def try_sync(self, *options):
        """One sync, as it ends."""
        self.standin.listed.clear()
        source = ["--api-url", self.standin.url, "--rate", 0, "--detail-rate", 0]
        return run(self.binary, "sync", "--lake", self.folder, *source, *options, cwd=self.folder.parent)

    def sync(self, checks, label, clock, *options):
        """One sync at a moment: it ends well, sees what it must, says what it did, and makes the table what it must be."""
        self.set_clock(clock)
        lookback, resweep = LOOKBACK_MS, "--resweep" in options
        due = self.expected.due(self.account, self.since, lookback, resweep)
        done = self.try_sync("--json", *options)
        checks.that(f"{label}: ends well", done.returncode == 0, done.stderr)
        if done.returncode != 0:
            checks.close()
        # The tool asks a millisecond wider on both sides, and takes over what lies within.
        listed = list(self.standin.listed)
        seen = {life.id for life in self.account.there if any(a < life.started < b for a, b in listed)}
        checks.equal(f"{label}: every run was listed that has to be", sorted(due - seen), [])
        counts, months = self.expected.sync(self.account, seen, "--accept-repricing" in options)
        told = json.loads(done.stdout)
        found = {key: told[f"runs_{key}"] for key in counts}
        checks.equal(f"{label}: it tells how many are new, changed, resurrected, repriced", found, counts)
        news = {month["month"]: month["usage_new_usd"] for month in told["months"] if month["runs_new"]}
        checks.equal(
            f"{label}: and the dollars of new ones",
            news,
            {month: plain(usd or Decimal(0)) for month, usd in months.items()},
        )
        self.check(checks, label)
        self.versions[self.table.version()] = dict(self.expected.rows), clock
        return told

    def check(self, checks, label):
        """The table is what the model says, by deltalake."""
        check_rows(checks, f"{label}: deltalake has the model's rows", by_deltalake(self.table), self.expected.rows)


def by_deltalake(table):
    return table.to_pyarrow_table().select(ORDER).to_pylist()


def by_polars(folder):
    frame = polars.scan_delta(str(folder)).select(ORDER).collect()
    return frame.to_dicts(), frame.schema


def by_duckdb(source):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if source.startswith("delta_scan"):
        extension = next(Path(duckdb_extension_delta.__file__).parent.rglob("delta.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    answer = connection.execute(f"SELECT {', '.join(ORDER)} FROM {source}")
    types = {column[0]: str(column[1]) for column in answer.description}
    rows = [dict(zip(ORDER, row)) for row in answer.fetchall()]
    return [{key: utc(value) for key, value in row.items()} for row in rows], types


def utc(value):
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def file_list(table):
    """The table's current files as DuckDB takes them, where there is no extension."""
    paths = ", ".join(sql_text(uri.removeprefix("file://")) for uri in sorted(table.file_uris()))
    return f"read_parquet([{paths}], hive_partitioning = true, hive_types = {{'started_month': VARCHAR}})"


def sql_text(text):
    return "'" + str(text).replace("'", "''") + "'"


def check_rows(checks, name, found, expected):
    """An engine's rows are these, each once."""
    by_id = {row["id"]: row for row in found}
    if len(by_id) < len(found):
        checks.that(name, False, f"{len(found)} rows of {len(by_id)} IDs")
        return
    for run_id in sorted(by_id.keys() | expected.keys()):
        ours, theirs = by_id.get(run_id), expected.get(run_id)
        if ours != theirs:
            count = sum(by_id.get(key) != expected.get(key) for key in by_id.keys() | expected.keys())
            differ = (
                None
                if None in (ours, theirs)
                else {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
            )
            where = (
                differ
                if differ is not None
                else f"{ours and 'only'} in the table, {theirs and 'only'} in the model: {ours or theirs}"
            )
            checks.that(name, False, f"{count} of {len(expected)} runs differ; {run_id}, found and expected: {where}")
            return
    checks.that(name, len(expected) > 0, "nothing is expected")


def script(lake, checks):
    """What happens to the account, and the syncs in between."""
    account = lake.account
    by_start = lambda clock: [life for life in account.lives if life.started < clock]
    clock = millis("2025-06-20T06:00:00Z")
    lake.sync(checks, "first sync", clock, "--since", "2025-04-01")
    version = lake.table.version()
    clock += HOUR_MS
    lake.sync(checks, "an hour later", clock)
    told = lake.sync(checks, "at once again", clock)
    checks.equal("at once again: nothing changed, so no commit", (told["commits"], told["runs_changed"]), (0, 0))
    for day in range(1, 13):
        clock += DAY_MS
        old = [
            life for life in by_start(clock - 2 * DAY_MS) if life in account.there and life.ends < clock - 4 * DAY_MS
        ]
        recent = [life for life in by_start(clock) if life.started > clock - 2 * DAY_MS and life.ends < clock - HOUR_MS]
        # Some run on after they ended, those that are looked back at and older ones; some are deleted.
        for life in account.random.sample(recent, 3):
            life.resurrected_at = clock - account.random.choice([600_000, 2 * HOUR_MS])
        for life in account.random.sample(old, 2):
            life.resurrected_at = clock - 2 * HOUR_MS
        for life in account.random.sample(old, 3) + account.random.sample(recent, 1):
            life.deleted_at = life.deleted_at or clock - 1
        if day == 4:
            account.actors["actPlain0000000001"] = ("stand-in", "renamed-crawler")
            account.actors["actOdd000000000002"] = None
        lake.sync(checks, f"day {day}", clock)
    late = [life for life in account.there if life.listed_from is not None and life.listed_from <= clock]
    late = [life for life in late if lake.expected.rows[life.id]["cost_state"] == "unknown"]
    checks.that("days: some costs came too late for any but a resweep", len(late) > 0)
    checks.that("days: the log has a checkpoint", (lake.folder / "_delta_log/_last_checkpoint").exists())
    # Costs that move: more than three days after the end, by a day or by weeks, another price; a day before that, not.
    for days in (1, 4, 8, 20):
        ended = lambda life: clock - (days + 0.9) * DAY_MS < life.ends < clock - (days - 0.4) * DAY_MS
        for life in account.random.sample([life for life in account.there if ended(life) and life.cost != "0"], 5):
            life.repriced_at = clock
    clock += DAY_MS
    told = lake.sync(checks, "resweep", clock, "--resweep")
    checks.that(
        "resweep: it finds runs that were resurrected long ago", told["runs_resurrected"] > 10, told["runs_resurrected"]
    )
    checks.that("resweep: it finds runs that have another price", told["runs_repriced"] > 0, told["runs_repriced"])
    clock += HOUR_MS
    told = lake.sync(checks, "another price accepted", clock, "--resweep", "--accept-repricing")
    checks.that(
        "another price accepted: it is taken over",
        told["runs_changed"] >= told["runs_repriced"] > 0,
        told["runs_changed"],
    )
    actions = itertools.chain.from_iterable(
        map(json.loads, path.read_text().splitlines()) for path in lake.folder.glob("_delta_log/*.json")
    )
    kinds = [kind for action in actions for kind in action]
    checks.that(
        "days: files were added, and rewritten", kinds.count("add") > kinds.count("remove") > 20, kinds.count("remove")
    )
    checks.that("days: each made a version", lake.table.version() >= version + 12, lake.table.version())
    states = [row["cost_state"] for row in lake.expected.rows.values()]
    checks.equal("days: costs are in every state", sorted(set(states)), ["provisional", "settled", "unknown"])
    return clock


def check_refused(lake, checks):
    """A server that has forgotten all: no word of it in the table."""
    version = lake.table.version()
    lake.account.empty = True
    lake.set_clock(lake.account.clock + HOUR_MS)
    done = lake.try_sync()
    checks.equal("an empty server: exit 5", done.returncode, 5)
    lake.account.empty = False
    lake.set_clock(lake.account.clock)
    checks.equal("an empty server: the table is what it was", lake.table.version(), version)
    lake.check(checks, "an empty server")


def check_shape(lake, checks, columns=ORDER):
    """Types, protocol, partitions, encodings, order and statistics, by what the log and the files say of themselves."""
    table = lake.table
    fields = json.loads(table.schema().to_json())["fields"]
    kinds = KINDS | dict.fromkeys(PERSONAL, "text")
    never = [*NEVER_NULL, "queried_at", "started_on", "started_month"]
    expected = [(name, DELTA_TYPES[kinds[name]], name not in never) for name in columns]
    found = [(field["name"], field["type"], field["nullable"]) for field in fields]
    checks.equal("shape: columns, their types, and which may be NULL", found, expected)
    checks.equal("shape: partitioned by the month", table.metadata().partition_columns, ["started_month"])
    protocol = table.protocol()
    checks.equal("shape: reader and writer version", (protocol.min_reader_version, protocol.min_writer_version), (1, 2))
    checks.that("shape: no table features", not protocol.reader_features and not protocol.writer_features, protocol)
    checks.that("shape: its own state is a property", STATE in table.metadata().configuration)

    actions = pyarrow.table(table.get_add_actions(flatten=True)).to_pylist()
    checks.equal("shape: as many files as in the log", len(actions), len(table.file_uris()))
    spans, encodings, wrong, unsorted, stats = [], set(), [], [], []
    physical = {
        "text": ("BYTE_ARRAY", 0),
        "instant": ("INT64", 0),
        "money": ("FIXED_LEN_BYTE_ARRAY", 16),
        "integer": ("INT64", 0),
        "date": ("INT32", 0),
    }
    for action in actions:
        path = lake.folder / action["path"]
        file = pyarrow.parquet.ParquetFile(path)
        schema, meta = file.schema, file.metadata
        names = [name for name in columns if name != "started_month"]
        if [schema.column(at).name for at in range(len(schema))] != names:
            wrong.append((action["path"], "columns"))
        for at in range(len(schema)):
            column = schema.column(at)
            kind = kinds[column.name]
            if (column.physical_type, max(column.length, 0)) != physical[kind]:
                wrong.append((action["path"], column.name, column.physical_type))
            logical = json.loads(column.logical_type.to_json())
            if kind == "instant" and (logical["timeUnit"], logical["isAdjustedToUTC"]) != ("microseconds", True):
                wrong.append((action["path"], column.name, logical))
            if kind == "money" and (logical["precision"], logical["scale"]) != (38, 18):
                wrong.append((action["path"], column.name, logical))
        for group, at in itertools.product(range(meta.num_row_groups), range(meta.num_columns)):
            encodings |= set(meta.row_group(group).column(at).encodings)
        rows = file.read(["started_at", "id"]).to_pylist()
        keys = [(row["started_at"], row["id"].encode()) for row in rows]
        if keys != sorted(keys):
            unsorted.append(action["path"])
        spans.append((keys[0][0], keys[-1][0]))
        ids = sorted(row["id"].encode() for row in rows)
        told = (action["num_records"], action["size_bytes"], action["min.id"].encode(), action["max.id"].encode())
        told += tuple(utc_of(action[f"{end}.started_at"]) for end in ("min", "max"))
        true = (len(rows), path.stat().st_size, ids[0], ids[-1], keys[0][0], keys[-1][0])
        if told != true:
            stats.append((action["path"], told, true))
        month = action.get("partition.started_month") or action["partition_values"]["started_month"]
        if {f"{key[0]:%Y-%m}" for key in keys} != {month}:
            wrong.append((action["path"], month))
    checks.equal("shape: files' columns are of the types they should be, each under its month", wrong, [])
    checks.that(
        "shape: plain and dictionary encodings alone", "PLAIN" in encodings and encodings <= ENCODINGS, encodings
    )
    checks.equal("shape: rows are in order within files", unsorted, [])
    spans.sort()
    overlap = [pair for pair in itertools.pairwise(spans) if pair[0][1] >= pair[1][0]]
    checks.equal("shape: files are disjoint in time", overlap, [])
    checks.equal("shape: the log's statistics of id and started_at are the files'", stats, [])


def utc_of(value):
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def check_personal(lake, checks):
    """Without being asked for, nothing of a caller stands anywhere."""
    found = [str(path) for path in lake.folder.rglob("*") if path.is_file() and holds_personal(path)]
    checks.equal("personal data: none in any file", found, [])


def holds_personal(path):
    if path.suffix == ".parquet" and "_delta_log" not in path.parts:
        table = pyarrow.parquet.read_table(path, partitioning=None)
        texts = {value for column in table.columns for value in column.to_pylist() if isinstance(value, str)}
        return any(ADDRESS in text or AGENT in text for text in texts) or bool(set(PERSONAL) & set(table.column_names))
    content = path.read_bytes()
    return any(text.encode() in content for text in (ADDRESS, AGENT, *PERSONAL))


def check_engines(lake, checks, label="engines"):
    """deltalake, Polars and DuckDB read the same, and their exact sums are the model's."""
    expected, table = lake.expected.rows, lake.table
    costs = [row["usage_total_usd"] for row in expected.values()]
    total = exact_sum(costs)
    lake.check(checks, label)
    rows, schema = by_polars(lake.folder)
    check_rows(checks, f"{label}: Polars has the model's rows", rows, expected)
    checks.equal(f"{label}: Polars has the types", dict(schema), {name: POLARS_TYPES[KINDS[name]] for name in ORDER})
    types = {name: DUCKDB_TYPES[KINDS[name]] for name in ORDER}
    for what, source in [
        ("DuckDB's delta_scan", f"delta_scan({sql_text(lake.folder)})"),
        ("DuckDB over deltalake's file list", file_list(table)),
    ]:
        rows, found = by_duckdb(source)
        check_rows(checks, f"{label}: {what} has the model's rows", rows, expected)
        checks.equal(f"{label}: {what} has the types", found, types)
    sums = {
        "deltalake": exact_sum(table.to_pyarrow_table(columns=["usage_total_usd"])["usage_total_usd"].to_pylist()),
        "Polars": polars.scan_delta(str(lake.folder)).select(polars.col("usage_total_usd").sum()).collect().item(),
        "DuckDB": duckdb.execute(f"SELECT SUM(usage_total_usd) FROM {file_list(table)}").fetchone()[0],
    }
    checks.equal(f"{label}: their sums, and the model's", sums, dict.fromkeys(sums, total))
    month = "2025-05"
    pruned = table.to_pyarrow_table(filters=[("started_month", "=", month)], columns=["id"])["id"].to_pylist()
    checks.equal(
        f"{label}: a month's partition holds the month",
        sorted(pruned),
        sorted(row["id"] for row in expected.values() if row["started_month"] == month),
    )


def check_time_travel(lake, checks):
    """Earlier versions are what the table was then."""
    versions = sorted(lake.versions)
    for version in (versions[0], versions[len(versions) // 2], versions[-2]):
        rows = by_deltalake(DeltaTable(str(lake.folder), version=version))
        check_rows(checks, f"time travel: version {version} is what the table was", rows, lake.versions[version][0])


def copied(lake, name):
    """A lake of its own that is the same so far."""
    folder = lake.folder.parent / name
    shutil.copytree(lake.folder, folder)
    copy = Lake(lake.binary, folder, lake.standin, lake.account)
    copy.expected.rows, copy.expected.proven_until = dict(lake.expected.rows), lake.expected.proven_until
    return copy


def check_state_kept(lake, checks, clock):
    """deltalake puts the log together and removes what is old of it: the lake still knows what is proven."""
    copy = copied(lake, "log cleaned")
    before = copy.table.metadata().configuration[STATE]
    long_ago = time.time() - 60 * 86_400
    for path in (copy.folder / "_delta_log").iterdir():
        os.utime(path, (long_ago, long_ago))
    copy.table.create_checkpoint()
    copy.table.cleanup_metadata()
    left = sorted(path.name for path in (copy.folder / "_delta_log").glob("*.json"))
    checks.that("log cleaned: the log is short", len(left) <= 2, left)
    checks.equal("log cleaned: its state is what it was", copy.table.metadata().configuration[STATE], before)
    told = copy.sync(checks, "log cleaned: next sync", clock)
    begins = millis(told["asked"][0][0])
    checks.that("log cleaned: it doesn't begin anew", begins > FIRST + 30 * DAY_MS, told["asked"])


def check_rewritten(lake, checks, clock):
    """What another engine does to the table, and the sync after it."""

    def delete(table, rows):
        table.delete("user_id = 'userToBeErased003' AND started_at < '2025-06-15T00:00:00Z'")
        gone = lambda row: (
            row["user_id"] == "userToBeErased003" and row["started_at"] < datetime(2025, 6, 15, tzinfo=timezone.utc)
        )
        return {key: row for key, row in rows.items() if not gone(row)}

    def update(table, rows):
        table.update(
            predicate="user_id = 'userToBeErased003' AND started_at < '2025-05-20T00:00:00Z'",
            updates={"user_id": "NULL"},
        )
        gone = lambda row: (
            row["user_id"] == "userToBeErased003" and row["started_at"] < datetime(2025, 5, 20, tzinfo=timezone.utc)
        )
        return {key: row | {"user_id": None} if gone(row) else row for key, row in rows.items()}

    def compact(table, rows):
        table.optimize.compact()
        return rows

    def z_order(table, rows):
        table.optimize.z_order(["act_id"])
        return rows

    def vacuum(table, rows):
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        return rows

    for act in (delete, update, compact, z_order, vacuum):
        label = f"deltalake's {act.__name__}"
        copy = copied(lake, act.__name__)
        copy.expected.rows = act(copy.table, copy.expected.rows)
        if act is delete:
            checks.that(f"{label}: it deletes some", len(copy.expected.rows) < len(lake.expected.rows))
        copy.check(checks, f"{label}, before the next sync")
        # All of what is left at Apify, so that files which were rewritten are touched too, but for who was erased there.
        if act is delete:
            erased = [
                life
                for life in copy.account.lives
                if life.id not in copy.expected.rows and life.id in lake.expected.rows
            ]
            saved = [life.deleted_at for life in erased]
            for life in erased:
                life.deleted_at = clock - 1
            copy.sync(checks, f"{label}, next sync", clock, "--resweep")
            copy.sync(checks, f"{label}, the sync after it", clock + HOUR_MS)
            for life, deleted_at in zip(erased, saved):
                life.deleted_at = deleted_at
        elif act is update:
            copy.sync(checks, f"{label}, next sync", clock)
            copy.sync(checks, f"{label}, a resweep brings back what Apify has", clock + HOUR_MS, "--resweep")
        else:
            copy.sync(checks, f"{label}, next sync", clock, "--resweep")
            copy.sync(checks, f"{label}, the sync after it", clock + HOUR_MS)
        check_engines(copy, checks, label)
        check_verified(copy, checks, label)
        shutil.rmtree(copy.folder)


def check_restored(lake, checks, clock):
    """Another engine takes the table back to what it was days ago: the lake's notes go back with it, so nothing is left out."""
    copy = copied(lake, "restored")
    version = sorted(lake.versions)[-6]
    copy.table.restore(version)
    rows, copy.expected.proven_until = lake.versions[version]
    copy.expected.rows = dict(rows)
    copy.check(checks, "restored, before the next sync")
    copy.sync(checks, "restored, next sync", clock)
    shutil.rmtree(copy.folder)


def check_features_refused(lake, checks):
    """What another engine may add, and this tool doesn't know, is refused with words, and nothing is written."""

    def add_column(table):
        rows = table.to_pyarrow_table().slice(0, 1).append_column("team", pyarrow.array(["blue"]))
        write_deltalake(table.table_uri, rows, mode="append", schema_mode="merge")

    def add_deletion_vectors(table):
        table.alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)

    for act, words in ((add_column, "does not know its column team"), (add_deletion_vectors, "deletion vectors")):
        copy = copied(lake, act.__name__)
        act(copy.table)
        version = copy.table.version()
        done = copy.try_sync()
        what = act.__name__.replace("_", " ")
        checks.that(f"{what}: exit 2, in words", done.returncode == 2 and words in done.stderr, (done.returncode, done.stderr))
        checks.equal(f"{what}: nothing was written", copy.table.version(), version)
        shutil.rmtree(copy.folder)


def check_verified(lake, checks, label):
    """The tool's own verify agrees, where it reads lakes."""
    done = run(lake.binary, "verify", lake.folder, cwd=lake.folder.parent)
    if "no manifest.json" in done.stderr:
        SKIPPED.append(f"{label}: this binary's verify reads no lakes")
        return
    checks.that(f"{label}: verify finds nothing wrong", done.returncode == 0, done.stdout + done.stderr)


def check_optimized(lake, checks, clock):
    """The tool's own optimize, vacuum: the same rows."""
    copy = copied(lake, "optimized")
    done = run(lake.binary, "lake", "optimize", copy.folder, cwd=copy.folder.parent)
    if "not yet" in done.stderr:
        SKIPPED.append("optimize: this binary has none")
    else:
        checks.that("optimize: ends well", done.returncode == 0, done.stderr)
        check_engines(copy, checks, "optimize")
        copy.sync(checks, "optimize, next sync", clock)
        done = run(lake.binary, "lake", "vacuum", "--keep", "0s", "--force", copy.folder, cwd=copy.folder.parent)
        checks.that("vacuum: ends well", done.returncode == 0, done.stderr)
        left = sorted(str(path) for path in copy.folder.glob("started_month=*/*"))
        current = sorted(uri.removeprefix("file://") for uri in copy.table.file_uris())
        checks.equal("vacuum: the files that are left are the table's", left, current)
        check_engines(copy, checks, "vacuum")
    shutil.rmtree(copy.folder)
    copy = copied(lake, "optimized by sync")
    copy.sync(checks, "sync --optimize auto", clock, "--optimize", "auto")
    check_shape(copy, checks)
    shutil.rmtree(copy.folder)


def check_erased(lake, checks, clock):
    """A person's runs are erased as the README says: no file has them, and only those come back that Apify lists again."""
    person = USERS[-1]
    copy = copied(lake, "erased")
    copy.table.delete(f"user_id = '{person}'")
    copy.table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    left = [path for path in copy.folder.glob("started_month=*/*") if person in users_of(path)]
    checks.that("erased: there was something to erase", any(row["user_id"] == person for row in lake.expected.rows.values()))
    checks.equal("erased: no file has the person", left, [])
    in_log = [path.name for path in (copy.folder / "_delta_log").iterdir() if person.encode() in path.read_bytes()]
    copy.expected.rows = {key: row for key, row in copy.expected.rows.items() if row["user_id"] != person}
    copy.sync(checks, "erased, next sync", clock)
    back = [row["started_at"] for row in copy.expected.rows.values() if row["user_id"] == person]
    old = [row for row in lake.expected.rows.values() if row["user_id"] == person]
    checks.that("erased: what is looked back at comes back, all else doesn't", 0 < len(back) < len(old) / 4, len(back))
    print(f"        the log's files that name the person: {len(in_log)}, by the predicate of the delete")
    shutil.rmtree(copy.folder)


def users_of(path):
    return set(pyarrow.parquet.read_table(path, columns=["user_id"], partitioning=None)["user_id"].to_pylist())


def check_with_personal(binary, scratch, standin, account, checks, clock):
    """A lake that was asked for them has the address and the user agent; one that was not gains them when it is."""
    # Under a name with all that URLs escape; Polars 2.1 reads no table of such a name, whoever wrote it.
    lake = Lake(binary, scratch / "the läke's 1st", standin, account)
    lake.set_clock(clock)
    done = lake.try_sync("--since", "2025-07-01", "--with-personal-data", "--quiet")
    checks.that("with personal data: ends well", done.returncode == 0, done.stderr)
    columns = lake.table.to_pyarrow_table(columns=PERSONAL).to_pydict()
    checks.equal(
        "with personal data: it is there",
        {name: set(values) for name, values in columns.items()},
        dict(zip(PERSONAL, ({ADDRESS}, {AGENT}))),
    )
    at = ORDER.index("meta_origin") + 1
    check_shape(lake, checks, [*ORDER[:at], *PERSONAL, *ORDER[at:]])


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-lake-") as folder:
        scratch = Path(folder).resolve()
        account = ChangingAccount(FIRST, LAST, RUNS_A_DAY, RETENTION_DAYS)
        with serving(StandIn(account, FIRST, RETENTION_DAYS)) as standin:
            lake = Lake(binary, scratch / "lake", standin, account)
            clock = script(lake, checks)
            check_refused(lake, checks)
            check_shape(lake, checks)
            check_personal(lake, checks)
            check_engines(lake, checks)
            check_verified(lake, checks, "engines")
            check_time_travel(lake, checks)
            clock += DAY_MS
            check_state_kept(lake, checks, clock)
            check_rewritten(lake, checks, clock)
            check_restored(lake, checks, clock)
            check_features_refused(lake, checks)
            check_optimized(lake, checks, clock)
            check_erased(lake, checks, clock)
            check_with_personal(binary, scratch, standin, account, checks, clock)
    for reason in SKIPPED:
        print(f"skipped {reason}")
    checks.close()


if __name__ == "__main__":
    main()
