# /// script
# requires-python = ">=3.12,<3.13"
# dependencies = ["focus-validator==2.2.1", "pyarrow==21.0.0"]
#
# [tool.check]
# compares = "FOCUS files with FOCUS 1.2 by the FOCUS project's own validator, and with 1.2 and 1.4 by a table of ours"
# without-binary = ["--folders"]
# minutes = 4
# megabytes = 160
#
# [tool.check.options]
# "--folders EXPORT FOCUS" = { help = "check the FOCUS files of an export that is there already", type = "PATH" }
# ///
"""FOCUS files of the made-up account, at both grains and in both versions, whole and in parts, compared with the export that they are
made of, and with what FOCUS asks for: 1.2 by the FOCUS project's validator 2.2.1, whose rule file (1.2.0.1) comes with its package; 1.2 and
1.4 by the table in support/focus_rules.py, which says of which files of the specification it is written. No other rule file is read: the
validator has none for 1.4, and no package registry has the specification. numpy, which the validator holds below 2, has packages for
Python 3.12 at the latest, and the validator needs 3.12."""

import contextlib
import csv
import io
import logging
import os
import tempfile
from datetime import timezone
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet

from checks.support.account import Checks, exact_sum, must_run, plain, read_json
from checks.support.environments import command_line, refuse
from checks.support.focus_rules import columns_of, header_faults, row_faults, rules_that_miss

COSTS = ["BilledCost", "ContractedCost", "EffectiveCost", "ListCost"]
QUANTITIES = ["ConsumedQuantity", "PricingQuantity"]
# Text of third parties, which CSV defuses.
THIRD_PARTY = ["BillingAccountName", "x_ActorName", "x_TaskName"]
FILES = ["focus.csv", "focus.parquet", "focus-missing.csv"]
MILLISECONDS = ["x_QueriedAt", "x_StartedAt"]
REASONS = {"cost-unknown", "unfinished", "cost-unknown-and-unfinished"}

# The conditions of FOCUS 1.2 that hold for runs: columns.rs says why, and why the others don't.
CRITERIA = [
    "ACCOUNT_NAMING_SUPPORTED",
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
]


def as_it_was(cell):
    """The text that a defused cell stands for."""
    text = cell.removeprefix("'")
    return text if cell != text and text.lstrip("'").startswith(tuple("=+-@\t\r\n")) else cell


def csv_rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shown(name, value):
    """A value of Parquet as CSV writes it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:.1f}" if name in QUANTITIES else plain(value)
    if not hasattr(value, "astimezone"):
        return value
    spec = "milliseconds" if name in MILLISECONDS else "seconds"
    return value.astimezone(timezone.utc).isoformat(timespec=spec).replace("+00:00", "Z")


def of_runs(rows):
    """Without those of what is not attributed to a run."""
    return [row for row in rows if row["x_RowKind"] != "not-attributed"]


def check_not_attributed(checks, export, focus, label):
    """A row for each UTC day, so that all rows come to what Apify counts."""
    rows = csv_rows(focus / "focus.csv")
    others = rows[len(of_runs(rows)) :]
    checks.equal(f"{label}: rows of what is not attributed stand last", {row["x_RowKind"] for row in others}, {"not-attributed"})
    counted = {}
    for row in csv_rows(export / "usage_by_day.csv"):
        counted.setdefault(row["day"], []).append(Decimal(row["usage_usd"]))
    charged = {}
    for row in of_runs(rows):
        started = row["x_StartedAt"] or row["ChargePeriodStart"]
        charged.setdefault(started[:10], []).append(Decimal(row["BilledCost"]))
    rest = {day: plain(exact_sum(usage) - (exact_sum(charged.get(day, [])) or 0)) for day, usage in counted.items()}
    checks.equal(f"{label}: one a day, its cost is what no run has", {row["ChargePeriodStart"][:10]: row["BilledCost"] for row in others}, rest)
    billed = exact_sum(Decimal(row["BilledCost"]) for row in rows)
    checks.equal(f"{label}: all rows come to what Apify counts", plain(billed), read_json(export / "report.json")["usage_explained"]["counted_usd"])


def check_against_export(checks, export, focus):
    """Every run of the export is in one of the two files, and the dollars are the same to the last digit."""
    manifest = read_json(export / "manifest.json")
    runs = {row["id"]: row for row in csv_rows(export / "runs.csv")}
    rows, missing = of_runs(csv_rows(focus / "focus.csv")), csv_rows(focus / "focus-missing.csv")
    checks.equal("rows and missing are as many as the manifest's runs", len(rows) + len(missing), manifest["totals"]["runs"])
    ids = [row["ResourceId"] for row in rows] + [row["id"] for row in missing]
    checks.that("each run is there once", sorted(ids) == sorted(runs))
    expected = exact_sum(Decimal(runs[row["ResourceId"]]["usage_total_usd"]) for row in rows)
    for name in COSTS:
        checks.equal(f"{name}: Python's exact sum of those runs", plain(exact_sum(Decimal(row[name]) for row in rows)), plain(expected))
    wrong = [row["ResourceId"] for row in rows if {row[name] for name in COSTS} != {runs[row["ResourceId"]]["usage_total_usd"]}]
    checks.equal("each cost is the run's, as runs.csv writes it", wrong, [])
    wrong = [
        row["id"]
        for row in missing
        if row["reason"] not in REASONS
        or ("unfinished" in row["reason"]) != (runs[row["id"]]["finished_at"] == "")
        or ("cost-unknown" in row["reason"]) != (runs[row["id"]]["usage_total_usd"] == "")
    ]
    checks.equal("each missing run has its reason, and it is the true one", wrong, [])
    names = [("x_ActorId", "act_id"), ("x_Status", "status"), ("x_CostState", "cost_state"), ("x_StartedAt", "started_at")]
    names += [("x_ActorName", "act_name"), ("x_TaskName", "actor_task_name"), ("x_TaskId", "actor_task_id"), ("x_UserId", "user_id")]
    for name, column in names:
        wrong = [row["ResourceId"] for row in rows if row[name] != runs[row["ResourceId"]][column]]
        checks.equal(f"{name} is the run's {column}", wrong, [])
    # Text of one fixed form: its order is that of time.
    wrong = [
        row["ResourceId"]
        for row in rows
        if not row["ChargePeriodStart"][:19] == runs[row["ResourceId"]]["started_at"][:19]
        or not row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        or row["ChargePeriodEnd"][:19] < runs[row["ResourceId"]]["finished_at"][:19]
        or not row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"]
    ]
    checks.equal("each run lies in its charge period, and begins in its billing period", wrong, [])
    names = {row["BillingAccountName"] for row in rows}
    if manifest["source"] == "demo":
        checks.equal("the account is said to be made up", names, {"MADE-UP ACCOUNT (--demo)"})


def check_days(checks, export, focus):
    """Every row of a day has the runs of one Actor, task, status and user, and all together have every run of known cost."""
    expected = {}
    for run in csv_rows(export / "runs.csv"):
        if run["usage_total_usd"] and run["finished_at"]:
            key = (run["started_at"][:10], run["act_id"], run["actor_task_id"], run["status"], run["user_id"])
            expected.setdefault(key, []).append(run)
    rows = of_runs(csv_rows(focus / "focus.csv"))
    keys = [(row["ChargePeriodStart"][:10], row["x_ActorId"], row["x_TaskId"], row["x_Status"], row["x_UserId"]) for row in rows]
    checks.equal("day: one row per day, Actor, task, status and user", sorted(keys), sorted(expected))
    wrong = []
    for key, row in zip(keys, rows):
        runs = expected[key]
        usage = plain(exact_sum(Decimal(run["usage_total_usd"]) for run in runs))
        state = "provisional" if any(run["cost_state"] == "provisional" for run in runs) else "settled"
        origins = {run["meta_origin"] for run in runs}
        origin = origins.pop() if len(origins) == 1 else ""
        found = ([row[name] for name in COSTS], [row[name] for name in QUANTITIES], row["x_CostState"], row["x_Origin"])
        if found != ([usage] * 4, [f"{len(runs)}.0"] * 2, state, origin):
            wrong.append((key, found))
    checks.equal("day: sums, counts, states and origins are those of its runs", wrong, [])
    days = [row["ChargePeriodStart"] for row in rows]
    checks.that("day: days follow each other, each from midnight", days == sorted(days) and all(day.endswith("T00:00:00Z") for day in days))


def check_rules(checks, focus, version, label):
    """The table of ours finds nothing in the CSV, and finds what is broken on purpose."""
    rows = csv_rows(focus / "focus.csv")
    checks.equal(f"{label}: the header is {version}'s", header_faults(list(rows[0]), version), [])
    faults = [(at, fault) for at, row in enumerate(rows) for fault in row_faults(row, version)]
    checks.equal(f"{label}: nothing is wrong by our table of {version}, of {len(rows)} rows", faults[:5], [])
    checks.equal(f"{label}: what is broken on purpose is found", rules_that_miss(rows[0], version), [])
    table = pyarrow.parquet.read_table(focus / "focus.parquet")
    nullable = columns_of(version)
    nulls = [name for name in table.column_names if name in nullable and not nullable[name][1] and table[name].null_count]
    checks.equal(f"{label}: parquet has no null where none is allowed", nulls, [])
    numbers = [field.name for field in table.schema if field.name.endswith("Id") and field.type != pyarrow.string()]
    checks.equal(f"{label}: parquet has IDs as text", numbers, [])
    metadata = pyarrow.parquet.read_metadata(focus / "focus.parquet").metadata
    checks.equal(f"{label}: parquet names its version", metadata[b"FocusVersion"].decode(), version)


def check_parts(checks, whole, parts):
    """Parts joined are the whole file; none is larger than 2 MB or has more than 10,000 rows."""
    names = sorted(path.name for path in parts.glob("focus-0*.csv"))
    checks.equal("parts: numbered from one", names, [f"focus-{at:04}.csv" for at in range(1, len(names) + 1)])
    checks.that("parts: several", len(names) > 1, names)
    header, rest = (whole / "focus.csv").read_bytes().split(b"\n", 1)
    joined = b""
    for name in names:
        content = (parts / name).read_bytes()
        first, rows = content.split(b"\n", 1)
        joined += rows
        is_small = len(content) <= 2_000_000 and len(csv_rows(parts / name)) <= 10_000
        checks.that(f"parts: {name} has the header, and is small enough", first == header and is_small)
    checks.that("parts: joined they are focus.csv", joined == rest)


def check_bytes(checks, focus):
    """What the text may not have."""
    content = (focus / "focus.csv").read_bytes()
    checks.that("no byte-order mark", content.startswith(b"BilledCost,"))
    checks.that("lines end with LF", content.endswith(b"\n") and b"\r\n" not in content)
    cells = [row[name] for row in csv_rows(focus / "focus.csv") for name in COSTS + QUANTITIES]
    checks.equal("no exponents", [cell for cell in cells if not set(cell) <= set("-.0123456789")], [])


def check_parquet(checks, focus):
    """focus.parquet has the types that it promises, and the values of focus.csv."""
    table = pyarrow.parquet.read_table(focus / "focus.parquet")
    rows = csv_rows(focus / "focus.csv")
    instants = ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart", *MILLISECONDS]
    types = dict.fromkeys(table.column_names, pyarrow.string())
    types |= dict.fromkeys(COSTS + QUANTITIES, pyarrow.decimal128(38, 18))
    types |= dict.fromkeys(instants, pyarrow.timestamp("ms", tz="UTC"))
    checks.equal("parquet: types", {field.name: field.type for field in table.schema}, types)
    checks.equal("parquet: the columns of focus.csv", table.column_names, list(rows[0]))
    for name in table.column_names:
        values = [shown(name, value) for value in table[name].to_pylist()]
        cells = [as_it_was(row[name]) if name in THIRD_PARTY else row[name] for row in rows]
        checks.that(f"parquet: {name} is focus.csv's", values == cells)


def validator_failures(path):
    """What the validator says of a file: results by rule, and the version of its rules."""
    import focus_validator
    from focus_validator.validator import Validator

    # It looks for its list of currencies from where it is installed.
    here = Path.cwd()
    os.chdir(Path(focus_validator.__file__).parent.parent)
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            validator = Validator(
                data_filename=str(path),
                output_destination=None,
                output_type="console",
                rules_version="1.2",
                focus_dataset="CostAndUsage",
                # Its rules come with the package; nothing is asked of the network.
                rules_block_remote_download=True,
                applicability_criteria=",".join(CRITERIA),
            )
            return validator.validate()
    finally:
        os.chdir(here)


def excused(rule, result, rows, failing):
    """Why a failure is the validator's own, or None where it isn't."""
    details = result.get("details") or {}
    if rule == "InvoiceId-C-005-C":
        # Its rule file leaves the condition out: 'when the charge is associated with an invoice'. No run is, as far as the
        # API tells; InvoiceId-C-004-C, which asks for null then, holds.
        return "InvoiceId is null, as the API ties no run to an invoice" if details.get("violations") == len(rows) else None
    if rule == "ChargeDescription-C-002-M":
        # 'String Handling' asks for valid Unicode; the validator takes no text but ASCII. Names of Actors may have other.
        beyond = sum(not row["ChargeDescription"].isascii() for row in rows)
        return "names beyond ASCII" if details.get("violations") == beyond else None
    if details.get("missing_columns") == ["CommitmentDiscountStatus"] and rule.startswith("ConsumedQuantity-"):
        # Asked for without looking whether it is there; its own condition, commitment discounts, doesn't hold.
        return "asks for CommitmentDiscountStatus, which isn't there"
    children = details.get("failed_child_ids")
    if children and all(child in failing and excused(child, failing[child], rows, failing) for child in children):
        return f"only for {', '.join(children)}"
    return None


def check_by_validator(checks, focus):
    """The validator finds nothing in either file but what is excused."""
    rows = csv_rows(focus / "focus.csv")
    for name in ["focus.csv", "focus.parquet"]:
        found = validator_failures((focus / name).resolve())
        skipped = [rule for rule, result in found.by_rule_id.items() if (result.get("details") or {}).get("skipped")]
        failing = {rule: result for rule, result in found.by_rule_id.items() if not result["ok"] and rule not in skipped}
        passed = len(found.by_rule_id) - len(skipped) - len(failing)
        print(
            f"        {name}: rules {found.model_version}, {passed} passed, {len(skipped)} skipped by the validator, {len(failing)} failed"
        )
        checks.equal(f"{name}: the validator read every row", found.data_row_count, len(rows))
        checks.that(f"{name}: the validator checked something", passed > 100, passed)
        unexcused = []
        for rule, result in sorted(failing.items()):
            reason = excused(rule, result, rows, failing)
            if reason:
                print(f"        excused: {rule}: {reason}")
            else:
                unexcused.append((rule, (result.get("details") or {}).get("message")))
        checks.equal(f"{name}: nothing else fails", unexcused, [])
    checks.that("no quantity is null", all(row[name] for row in rows for name in QUANTITIES))


def main():
    options = command_line(__file__)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-focus-") as folder:
        scratch = Path(folder).resolve()
        if options.folders:
            export, focus = options.folders
            for path in (export / "manifest.json", export / "runs.csv", focus / "focus.csv", focus / "focus.parquet"):
                if not path.is_file():
                    refuse(__file__, f"{path}: there is no such file")
        else:
            export, focus = scratch / "export", scratch / "focus"
            must_run(options.binary, "export", "--demo", "--quiet", "--out", export, cwd=scratch)
            must_run(options.binary, "report", export, "--format", "focus", "--out", focus, cwd=scratch)
            made = {}
            for version in ("1.2", "1.4"):
                for grain in ("run", "day"):
                    to = scratch / f"{grain}-{version}"
                    chosen = ["--focus-grain", grain, "--focus-version", version]
                    must_run(options.binary, "report", export, "--format", "focus", "--out", to, *chosen, cwd=scratch)
                    made[f"{grain}, {version}"] = to, version
            parts = scratch / "parts"
            must_run(options.binary, "report", export, "--format", "focus", "--out", parts, "--focus-split", "2MB", cwd=scratch)
            check_parts(checks, focus, parts)
            for label, (to, version) in made.items():
                check_rules(checks, to, version, label)
                check_parquet(checks, to)
            for version in ("1.2", "1.4"):
                check_days(checks, export, scratch / f"day-{version}")
                check_not_attributed(checks, export, scratch / f"day-{version}", f"day, {version}")
                check_not_attributed(checks, export, scratch / f"run-{version}", f"run, {version}")
            same = [(name, (focus / name).read_bytes() == (scratch / "run-1.2" / name).read_bytes()) for name in FILES]
            checks.equal("by default it is 1.2 by run", [name for name, is_same in same if not is_same], [])
            check_by_validator(checks, scratch / "day-1.2")
        check_against_export(checks, export, focus)
        check_bytes(checks, focus)
        check_rules(checks, focus, "1.2", "default")
        check_parquet(checks, focus)
        check_by_validator(checks, focus)
    checks.close()


if __name__ == "__main__":
    main()
