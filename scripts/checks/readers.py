# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb==2.0.0", "fastparquet==2026.9.0", "pyarrow==26.0.1"]
#
# [tool.check]
# compares = "Parquet and CSV: types, rows and exact sums with pyarrow; for old readers with fastparquet, hyparquet and parquetjs; runs.sql with DuckDB"
# needs = ["Node.js", "npm"]
# minutes = 2
# megabytes = 420
# ///
"""Reads exports of the made-up account as a data engineer would. With pyarrow: Parquet in one file, by day and with `--parquet-compat`, and
runs.csv; types, counts, and totals by Python's decimal, without pandas, whose floats would hide what is looked for. With readers that know
little of Parquet: the file of `--parquet-compat`. With runs.sql in DuckDB: runs.csv. Sums are compared exactly where a reader has decimals,
and to a millionth of a dollar where it has doubles."""

import collections
import csv
import json
import os
import shutil
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import fastparquet
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from checks.support.account import COLUMNS, NEVER_NULL, Checks, exact_sum, must_run, plain, read_json
from checks.support.environments import command_line, npm_packages

# parquetjs 1.9.3 was published without its code.
HYPARQUET, PARQUETJS = "hyparquet@1.33.0", "@dsnp/parquetjs@1.8.8"
# The most by which a sum of doubles may be off, in dollars.
DOUBLES = Decimal("0.000001")

NAMES = ["rows", "unknown", "first"]
ARROW_TYPES = {
    "text": pyarrow.string(),
    "instant": pyarrow.timestamp("ms", tz="UTC"),
    "money": pyarrow.decimal128(38, 18),
    "integer": pyarrow.int64(),
}
SQL_TYPES = {"text": "VARCHAR", "instant": "TIMESTAMP WITH TIME ZONE", "money": "DECIMAL(38,18)", "integer": "BIGINT"}
# Build numbers, names, and the names' cells.
ODD = [
    ("1.2", "\u00a0=1+1", "'\u00a0=1+1"),
    ("0.1.23", "\u200b\uff1dcmd", "'\u200b\uff1dcmd"),
    ("2025.1.2", "'+1", "''+1"),
    ("10.20", "'plain", "'plain"),
    ("12.30.59", "\t x", "'\t x"),
]

# What each prints of a file: rows, the sum of costs, the first row's start, and how many costs are NULL.
READ_WITH_HYPARQUET = """
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
const rows = await parquetReadObjects({ file: await asyncBufferFromFile(process.argv[2]) })
const costs = rows.map((row) => row.usage_total_usd).filter((cost) => cost !== null && cost !== undefined)
const sum = costs.reduce((sum, cost) => sum + Number(cost), 0)
console.log(JSON.stringify({ rows: rows.length, sum, unknown: rows.length - costs.length, first: rows[0].started_at.toISOString() }))
"""
# It gives the bytes of a decimal of more than 18 digits: big-endian, two's complement, in units of 1e-18.
READ_WITH_PARQUETJS = """
import parquet from '@dsnp/parquetjs'
const reader = await parquet.ParquetReader.openFile(process.argv[2])
const cursor = reader.getCursor()
let [rows, units, unknown, first] = [0, 0n, 0, null]
for (let row; (row = await cursor.next()); rows += 1) {
  first ??= new Date(Number(row.started_at)).toISOString()
  const cost = row.usage_total_usd
  if (cost === null || cost === undefined) unknown += 1
  else units += BigInt.asIntN(128, BigInt('0x' + Buffer.from(cost).toString('hex')))
}
await reader.close()
console.log(JSON.stringify({ rows, units: String(units), unknown, first }))
"""


def read_csv(path):
    """runs.csv with the columns' own types; an empty cell is NULL."""
    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: ARROW_TYPES[kind] for name, kind in COLUMNS},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def check_table(checks, label, out, table):
    """Types, counts and sums of one table against the export's manifest and report."""
    manifest = read_json(out / "manifest.json")
    types = [(field.name, field.type) for field in table.schema]
    checks.equal(f"{label}: columns and types", types, [(name, ARROW_TYPES[kind]) for name, kind in COLUMNS])
    checks.equal(f"{label}: as many rows as the manifest's total", table.num_rows, manifest["totals"]["runs"])
    checks.equal(f"{label}: no NULL where none may be", [name for name in NEVER_NULL if table[name].null_count], [])
    costs = table["usage_total_usd"].to_pylist()
    checks.equal(
        f"{label}: the total is Python's exact sum", manifest["totals"]["usage_total_usd"], plain(exact_sum(costs))
    )
    checks.equal(
        f"{label}: as many unknown costs as the manifest says",
        costs.count(None),
        manifest["totals"]["runs_cost_unknown"],
    )
    by_actor = collections.defaultdict(list)
    for actor, cost in zip(table["act_id"].to_pylist(), costs):
        by_actor[actor].append(cost)
    summed = {actor: (len(known), plain(exact_sum(known)) or "") for actor, known in by_actor.items()}
    with open(out / "cost_by_actor.csv", encoding="utf-8", newline="") as file:
        written = {row["act_id"]: (int(row["runs"]), row["usage_total_usd"]) for row in csv.DictReader(file)}
    checks.equal(f"{label}: cost_by_actor.csv is Python's exact sums", written, summed)


def check_pyarrow(checks, default, by_day, compat):
    """The same rows in each kind of file, and no NULL where the schema has none."""
    table = pyarrow.parquet.read_table(default / "runs.parquet")
    check_table(checks, "pyarrow", default, table)
    # What is never NULL is declared so in the file.
    schema = pyarrow.parquet.read_schema(default / "runs.parquet")
    checks.equal("pyarrow: required columns", [field.name for field in schema if not field.nullable], NEVER_NULL)

    days = pyarrow.dataset.dataset(by_day / "runs", format="parquet", partitioning="hive").to_table()
    checks.that("pyarrow, by day: the day is a column of the dataset", days.column_names[-1] == "started_on", days.column_names)
    days = days.drop_columns(["started_on"])
    check_table(checks, "pyarrow, by day", by_day, days)
    checks.that("pyarrow, by day: the same rows as in one file", days.combine_chunks().equals(table.combine_chunks()))

    plainer = pyarrow.parquet.read_table(compat / "runs.parquet")
    check_table(checks, "pyarrow, compat", compat, plainer)
    checks.that("pyarrow, compat: the same rows as by default", plainer.combine_chunks().equals(table.combine_chunks()))

    check_table(checks, "pyarrow, runs.csv", default, read_csv(default / "runs.csv"))


def with_node(package, script, path):
    """What a script prints of a file, read with a package of npm."""
    program = npm_packages(package) / "read.mjs"
    program.write_text(script, encoding="utf-8")
    done = subprocess.run(["node", program, path], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-400:]}
    return json.loads(done.stdout)


def near(found, expected):
    """Whether a sum of doubles is as near as doubles allow."""
    return found is not None and abs(Decimal(repr(found)) - expected) < DOUBLES


def check_javascript(checks, path, truth):
    """Rows, NULLs, instants and sums: of doubles, and of the decimals' own bytes."""
    found = with_node(HYPARQUET, READ_WITH_HYPARQUET, path)
    checks.equal("hyparquet: rows, unknown costs, first start", [found.get(name) for name in NAMES], [truth[name] for name in NAMES])
    checks.that("hyparquet: the sum, in doubles", near(found.get("sum"), truth["sum"]), found)
    found = with_node(PARQUETJS, READ_WITH_PARQUETJS, path)
    checks.equal("parquetjs: rows, unknown costs, first start", [found.get(name) for name in NAMES], [truth[name] for name in NAMES])
    checks.equal("parquetjs: the sum of the bytes is exact", found.get("units"), str(int(truth["sum"].scaleb(18))))


def check_fastparquet(checks, path, truth):
    """Its decimals are doubles; its instants have a time zone."""
    file = fastparquet.ParquetFile(str(path))
    rows = file.to_pandas()
    costs = rows["usage_total_usd"]
    first = rows["started_at"].iloc[0].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    found = [len(rows), int(costs.isna().sum()), first]
    checks.equal("fastparquet: rows, unknown costs, first start", found, [truth[name] for name in NAMES])
    checks.that("fastparquet: the sum, in doubles", near(float(costs.sum()), truth["sum"]), costs.sum())
    said = {key: value for key, value in file.key_value_metadata.items() if key.startswith("apify_runs.")}
    checks.equal("fastparquet: the file says of which account it is", said.get("apify_runs.account"), truth["account"])
    checks.equal("fastparquet: and of which period", said.get("apify_runs.period"), truth["period"])


def check_metadata(checks, path):
    """What the oldest readers know: Snappy, plain and dictionary encodings."""
    group = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
    chunks = [group.column(at) for at in range(group.num_columns)]
    checks.equal("compression", {chunk.compression for chunk in chunks}, {"SNAPPY"})
    encodings = {encoding for chunk in chunks for encoding in chunk.encodings}
    checks.equal("encodings", encodings - {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY"}, set())


def check_script(checks, label, out, home):
    """runs.sql makes runs.csv the rows of runs.parquet, with their types; in the folder, and from elsewhere."""
    for name, search in [("in its folder", None), ("from elsewhere", out)]:
        connection = duckdb.connect(config={"home_directory": str(home), "autoinstall_known_extensions": False})
        script = (out / "runs.sql").read_text(encoding="utf-8")
        before = Path.cwd()
        try:
            if search is None:
                os.chdir(out)
            else:
                connection.sql(f"SET file_search_path = '{search}'")
            connection.execute(script)
        finally:
            os.chdir(before)
        types = connection.execute("SELECT column_name, column_type FROM (DESCRIBE runs)").fetchall()
        checks.equal(f"{label}, {name}: types", types, [(name, SQL_TYPES[kind]) for name, kind in COLUMNS])
        parquet = f"read_parquet('{out / 'runs.parquet'}', hive_partitioning = false)"
        for left, right in [("runs", parquet), (parquet, "runs")]:
            rest = connection.execute(f"SELECT count(*) FROM (SELECT * FROM {left} EXCEPT ALL SELECT * FROM {right})").fetchone()
            checks.equal(f"{label}, {name}: nothing of {left.split('(')[0]} is missing", rest, (0,))
        connection.close()


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder:
        scratch = Path(folder).resolve()
        default, by_day, out, builds = scratch / "demo", scratch / "by-day", scratch / "compat", scratch / "builds"
        must_run(binary, "export", "--demo", "--quiet", "--out", default, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--partition-by", "day", "--out", by_day, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--parquet-compat", "--out", out, cwd=scratch)
        check_pyarrow(checks, default, by_day, out)
        manifest = read_json(out / "manifest.json")
        rows = pyarrow.parquet.read_table(out / "runs.parquet", columns=["started_at"])
        truth = {
            "rows": manifest["totals"]["runs"],
            "sum": Decimal(manifest["totals"]["usage_total_usd"]),
            "unknown": manifest["totals"]["runs_cost_unknown"],
            "first": rows["started_at"][0].as_py().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": manifest["account"]["id"],
            "period": f"{manifest['period']['from']}/{manifest['period']['requested_to']}",
        }
        check_metadata(checks, out / "runs.parquet")
        check_fastparquet(checks, out / "runs.parquet", truth)
        check_javascript(checks, out / "runs.parquet", truth)
        check_script(checks, "runs.sql", out, scratch)
        # Build numbers of two parts look like numbers, of three like dates; names like formulas.
        builds.mkdir()
        shutil.copy(out / "runs.sql", builds)
        write_odd_rows(out, builds)
        check_script(checks, "runs.sql, odd rows", builds, scratch)
    checks.close()


def write_odd_rows(out, builds):
    """Three rows of an export with what programs guess wrong, as CSV cells and as Parquet."""
    table = pyarrow.parquet.read_table(out / "runs.parquet").slice(0, len(ODD))
    with open(out / "runs.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lines = [next(reader) for _ in ODD]
    for line, (build, name, cell) in zip(lines, ODD):
        line.update({"build_number": build, "act_name": cell})
    with open(builds / "runs.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    for at, column in [(0, "build_number"), (1, "act_name")]:
        field = table.schema.field(column)
        values = pyarrow.array([row[at] for row in ODD], field.type)
        table = table.set_column(table.schema.get_field_index(column), field, values)
    pyarrow.parquet.write_table(table, builds / "runs.parquet")


if __name__ == "__main__":
    main()
