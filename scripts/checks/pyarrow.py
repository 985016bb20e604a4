# /// script
# requires-python = ">=3.11"
# dependencies = ["pyarrow==26.0.1"]
#
# [tool.check]
# compares = "types, counts and exact sums of Parquet and CSV files with pyarrow"
# minutes = 1
# megabytes = 55
# ///
"""Reads exports of the made-up account with pyarrow, as a data engineer would: exact types, counts, and totals by Python's
decimal. Without pandas, whose floats would hide what is looked for."""

import collections
import csv
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from checks.support.account import COLUMNS, NEVER_NULL, Checks, exact_sum, must_run, plain, read_json
from checks.support.environments import command_line

TYPES = {
    "text": pyarrow.string(),
    "instant": pyarrow.timestamp("ms", tz="UTC"),
    "money": pyarrow.decimal128(38, 18),
    "integer": pyarrow.int64(),
}


def read_csv(path):
    """runs.csv with the columns' own types; an empty cell is NULL."""
    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: TYPES[kind] for name, kind in COLUMNS},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def check_table(checks, label, out, table):
    """Types, counts and sums of one table against the export's manifest and report."""
    manifest = read_json(out / "manifest.json")
    types = [(field.name, field.type) for field in table.schema]
    checks.equal(f"{label}: columns and types", types, [(name, TYPES[kind]) for name, kind in COLUMNS])
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


def check_nullability(checks, label, path):
    """What is never NULL is declared so in the file."""
    schema = pyarrow.parquet.read_schema(path)
    checks.equal(f"{label}: required columns", [field.name for field in schema if not field.nullable], NEVER_NULL)


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder:
        scratch = Path(folder).resolve()
        default, by_day, compat = scratch / "demo", scratch / "by-day", scratch / "compat"
        must_run(binary, "export", "--demo", "--quiet", "--out", default, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--partition-by", "day", "--out", by_day, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--parquet-compat", "--out", compat, cwd=scratch)

        table = pyarrow.parquet.read_table(default / "runs.parquet")
        check_table(checks, "pyarrow", default, table)
        check_nullability(checks, "pyarrow", default / "runs.parquet")

        days = pyarrow.dataset.dataset(by_day / "runs", format="parquet", partitioning="hive").to_table()
        checks.that(
            "pyarrow, by day: the day is a column of the dataset",
            days.column_names[-1] == "started_on",
            days.column_names,
        )
        days = days.drop_columns(["started_on"])
        check_table(checks, "pyarrow, by day", by_day, days)
        checks.that(
            "pyarrow, by day: the same rows as in one file", days.combine_chunks().equals(table.combine_chunks())
        )

        plainer = pyarrow.parquet.read_table(compat / "runs.parquet")
        check_table(checks, "pyarrow, compat", compat, plainer)
        checks.that(
            "pyarrow, compat: the same rows as by default", plainer.combine_chunks().equals(table.combine_chunks())
        )

        check_table(checks, "pyarrow, runs.csv", default, read_csv(default / "runs.csv"))
    checks.close()


if __name__ == "__main__":
    main()
