"""The reports as a Spark job, for runs that have outgrown one machine: every reports/*.sql beside this file (or those that
are named) over an export's Parquet, one CSV each.

    spark-submit [--master MASTER] reports/spark.py [--groups FILE] PARQUET_PATH OUT_FOLDER [REPORT…]

PARQUET_PATH is OUT/runs.parquet, or OUT/runs where it is partitioned, or several by a pattern ('exports/*/runs.parquet'):
periods that don't overlap, since a run in two files counts twice, and the same columns. Both paths may lie in any file system
that the cluster reads and writes; FILE and the reports lie where this is started. Executors do the work; Python and a
report's rows stay with the driver, so workers need no Python. What can't be made of the columns that there are is skipped
with a word. Exit code 0: done; 1: a report failed, or one that was named was skipped; 2: wrong usage, or nothing to read
there. For Spark 3.4 or newer. Checked by scripts/check-spark."""

import argparse
import csv
import io
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType, StringType, TimestampType

REPORTS = {path.stem: path for path in sorted(Path(__file__).resolve().parent.glob("*.sql"))}
MONEY = DecimalType(38, 18)
# The columns of an export that reports are about; without one (--columns, --exclude), those that need it are skipped.
COLUMNS = """id act_id user_id actor_task_id status started_at finished_at build_id build_number meta_origin meta_schedule_id
usage_total_usd cost_state""".split()
# What an export with --no-names lacks, though no report is about it: NULL then.
NAMES = ["act_name", "actor_task_name"]
# Text that people choose: a spreadsheet must not run it.
PEOPLES_TEXT = [*NAMES, "run_group"]
PATTERNS = ["actor", "task", "user"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    """Wrong usage, or nothing to read there."""
    say(f"error: {text}")
    sys.exit(2)


def first_line(error):
    """What Spark says, without its plans and stack traces."""
    if getattr(error, "java_exception", None) is not None:
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        error = cause.toString()
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="spark-submit reports/spark.py", description="Runs the reports on Spark and writes one CSV each."
    )
    parser.add_argument("parquet", metavar="PARQUET_PATH", help="OUT/runs.parquet, or OUT/runs if partitioned")
    parser.add_argument("out", metavar="OUT_FOLDER", help="where the CSVs go; those of the same name are replaced")
    parser.add_argument("reports", metavar="REPORT", nargs="*", help=f"which of {', '.join(REPORTS)} [default: all]")
    parser.add_argument("--groups", metavar="FILE", help="the rules of cost_by_group, as for apify-runs export")
    arguments = parser.parse_args()
    arguments.reports = [name.removesuffix(".sql") for name in arguments.reports]
    unknown = [name for name in arguments.reports if name not in REPORTS]
    if unknown:
        parser.error(f"there is no report {unknown[0]!r}; there are {', '.join(REPORTS)}")
    return arguments


def read_rules(path):
    """The rules of a groups file in their order, read as the tool reads them."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file)
            records = [(table.line_num, [cell.strip() for cell in record]) for record in table if any(record)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"--groups {path}: {error}")
    header = [name.lower() for name in records.pop(0)[1]] if records else []
    if (
        "group" not in header
        or not set(header) & set(PATTERNS)
        or set(header) - {"group", *PATTERNS}
        or len(set(header)) < len(header)
    ):
        fail(f"--groups {path}: expected a header of group and at least one of actor, task and user, found {header}")
    rules = []
    for line, record in records:
        if not any(record):
            continue
        rule = dict(zip(header, record))
        if len(record) > len(header):
            fail(f"--groups {path}: line {line} has more cells than the header")
        if not rule.get("group"):
            fail(f"--groups {path}: line {line} names no group")
        if not any(rule.get(name) for name in PATTERNS):
            fail(
                f"--groups {path}: line {line} says neither actor nor task nor user; write * as the actor for all runs"
            )
        patterns = {f"{name}_pattern": rule.get(name) or None for name in PATTERNS}
        rules.append({"place": len(rules) + 1, **patterns, "group_name": rule["group"]})
    return rules


def open_runs(spark, path):
    """The view `runs`, once it is clear that it holds what an export does; the columns that it lacks."""
    expected = "expected OUT/runs.parquet, or OUT/runs if partitioned"
    try:
        folder = Folder(spark, path)
        found = [status.getPath().toString() for status in folder.files.globStatus(folder.path) or []]
        if not found:
            fail(f"there is no {path}; {expected}")
        runs = spark.read.parquet(*found)
    except (PySparkException, Py4JError) as error:
        fail(f"{path} can't be read; {expected}: {first_line(error)}")
    types = dict(runs.dtypes)
    if types.get("usage_total_usd") != MONEY.simpleString():
        fail(f"{path}: usage_total_usd is {types.get('usage_total_usd', 'not there')}, expected {MONEY.simpleString()}")
    for name in NAMES:
        if name not in types:
            runs = runs.withColumn(name, F.lit(None).cast(StringType()))
    runs.createOrReplaceTempView("runs")
    return [name for name in COLUMNS if name not in types]


def open_rules(spark, rules):
    """The view `group_rules`. As a literal: a list of Python's would have executors start Python to hand it on."""
    row = "place INT, actor_pattern STRING, task_pattern STRING, user_pattern STRING, group_name STRING"
    listed = F.from_json(F.lit(json.dumps(rules)), f"ARRAY<STRUCT<{row}>>")
    spark.range(1).select(F.inline(listed)).createOrReplaceTempView("group_rules")


def read_report(name):
    """A report's statements, without its comments."""
    text = REPORTS[name].read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [statement for statement in code.split(";") if statement.strip()]


def reason_to_skip(name, lacking, rules):
    """Why a report can't be made of what there is, if so."""
    if name == "cost_by_group" and rules is None:
        return "it needs --groups FILE"
    words = set(re.findall(r"\w+", " ".join(read_report(name))))
    missing = [column for column in lacking if column in words]
    return f"the export has no column {', '.join(missing)}" if missing else None


def ask(spark, name):
    """A report's rows; instants already as text, since Python would give them the driver's own time zone."""
    for statement in read_report(name):
        answer = spark.sql(statement)
    columns = [
        F.date_format(field.name, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias(field.name)
        if isinstance(field.dataType, TimestampType)
        else F.col(field.name)
        for field in answer.schema
    ]
    return answer.select(columns)


def cell(column, value):
    """A value as apify-runs writes it: NULL empty, money plain without trailing zeros."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    text = str(value)
    if column in PEOPLES_TEXT and text.lstrip("'").startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return "'" + text
    return text


def render(frame):
    """The CSV, in order, and how many rows it has."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(frame.columns)
    count = 0
    for row in frame.toLocalIterator():
        table.writerow([cell(column, value) for column, value in zip(frame.columns, row)])
        count += 1
    return text.getvalue(), count


class Folder:
    """A path in any of Hadoop's file systems; files can be written into it."""

    def __init__(self, spark, path):
        self.Path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path
        self.path = self.Path(path)
        self.files = self.path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
        # Else a local folder gets a hidden .crc beside each file.
        self.files.setWriteChecksum(False)

    def write(self, name, text):
        """Writes a file and gives it its name when it is whole."""
        staged, target = self.Path(self.path, f".{name}.tmp"), self.Path(self.path, name)
        stream = self.files.create(staged, True)
        try:
            stream.write(bytearray(text, "utf-8"))
        finally:
            stream.close()
        self.files.delete(target, False)
        if not self.files.rename(staged, target):
            raise OSError(f"{staged} could not be renamed to {target}")
        return self.files.makeQualified(target).toString()


def main():
    arguments = parse_arguments()
    rules = None if arguments.groups is None else read_rules(arguments.groups)
    # A sum that overflows is an error, not NULL, in every version.
    spark = SparkSession.builder.appName("apify-runs reports").config("spark.sql.ansi.enabled", "true").getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    lacking = open_runs(spark, arguments.parquet)
    if rules is not None:
        open_rules(spark, rules)
    try:
        folder = Folder(spark, arguments.out)
        folder.files.mkdirs(folder.path)
    except Py4JError as error:
        fail(f"{arguments.out} can't be written: {first_line(error)}")

    failed = 0
    for name in arguments.reports or REPORTS:
        reason = reason_to_skip(name, lacking, rules)
        if reason is not None:
            say(f"{name}: skipped, {reason}")
            failed += name in arguments.reports
            continue
        try:
            text, count = render(ask(spark, name))
            say(f"{name}: {count} rows, {folder.write(f'{name}.csv', text)}")
        except (PySparkException, Py4JError, OSError) as error:
            say(f"{name}: not written: {first_line(error)}")
            failed += 1
    executors = spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
    say(f"Spark {spark.version}, {spark.sparkContext.master}, executors beside the driver: {len(executors) - 1}")
    spark.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
