"""The reports as a Spark job, for more runs than one machine can handle: runs every reports/*.sql next to this file (or the
named ones) over an export's Parquet files or a lake, and writes one CSV file for each.

    spark-submit [--master MASTER] reports/spark.py [--groups FILE] [--month YYYY-MM] PATH OUT_FOLDER [REPORT…]

PATH is OUT/runs.parquet, or OUT/runs of a partitioned export, or a pattern for several exports ('exports/*/runs.parquet'). Their
periods must not overlap, because a run in two files counts twice, and their columns must be the same. PATH may also be a
lake; --month selects one UTC month of it. The lake's log names its current files, so no package for Delta is needed. Both
paths may be in any file system that the cluster reads and writes; FILE and the reports are on the machine that starts the
job. Executors do the work; Python and the rows of a report stay in the driver, so workers need no Python. A report whose
columns are missing is skipped with a message. Exit code 0: done; 1: a report failed, or a named report was skipped; 2: wrong
usage, or nothing to read at PATH. For Spark 3.4 or newer. Checked by scripts/check spark."""

import argparse
import csv
import io
import json
import re
import sys
import urllib.parse
from decimal import Decimal
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType, StringType, StructType, TimestampType

REPORTS = {path.stem: path for path in sorted(Path(__file__).resolve().parent.glob("*.sql"))}
MONEY = DecimalType(38, 18)
# The columns of an export that reports are about; without one (--columns, --exclude), those that need it are skipped.
COLUMNS = """id act_id user_id actor_task_id status started_at finished_at build_id build_number meta_origin meta_schedule_id
usage_total_usd cost_state""".split()
# What an export may lack, though no report is about it: NULL then.
NAMES = ["act_name", "actor_task_name", "meta_schedule_name"]
# Text that people choose: a spreadsheet must not run it.
PEOPLES_TEXT = [*NAMES, "run_group"]
PATTERNS = ["actor", "task", "user"]
# A lake's log: commits, and checkpoints of one part or more.
LOG = "_delta_log"
COMMIT = re.compile(r"(\d{20})\.json")
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.(\d{10}))?\.parquet")


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
    parser.add_argument("path", metavar="PATH", help="OUT/runs.parquet, or OUT/runs if partitioned, or a lake")
    parser.add_argument("out", metavar="OUT_FOLDER", help="where the CSVs go; those of the same name are replaced")
    parser.add_argument("reports", metavar="REPORT", nargs="*", help=f"which of {', '.join(REPORTS)} [default: all]")
    parser.add_argument("--groups", metavar="FILE", help="the rules of cost_by_group, as for apify-runs export")
    parser.add_argument("--month", metavar="YYYY-MM", help="of a lake, the runs that started in this UTC month alone")
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


def open_runs(spark, path, month):
    """The view `runs`, once it is clear that it holds what an export does; the columns that it lacks."""
    expected = "expected OUT/runs.parquet, or OUT/runs if partitioned, or a lake"
    try:
        folder = Folder(spark, path)
        found = [status.getPath().toString() for status in folder.files.globStatus(folder.path) or []]
        if not found:
            fail(f"there is no {path}; {expected}")
        if folder.has(LOG):
            runs = open_lake(spark, folder, path, month)
        elif month is not None:
            fail(f"--month is for lakes, and {path} is none")
        else:
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


def open_lake(spark, folder, path, month):
    """A lake's rows as it is now, in the files that its log names and with the columns that it says they have."""
    names = folder.names(LOG)
    commits = {int(found[1]): name for name in names if (found := COMMIT.fullmatch(name))}
    parts = {}
    for name in names:
        if found := CHECKPOINT.fullmatch(name):
            parts.setdefault((int(found[1]), int(found[2] or 1)), []).append(name)
    whole = {version: found for (version, count), found in parts.items() if len(found) == count}
    since = max(whole, default=-1)
    later = sorted(version for version in commits if version > since)
    if later != list(range(since + 1, since + 1 + len(later))) or since < 0 == len(later):
        fail(f"{path}: its log has a gap after version {since}")
    actions = []
    if since >= 0:
        checkpoint = spark.read.parquet(*(folder.below(LOG, name) for name in whole[since]))
        wanted = [F.to_json(F.struct(name)) for name in ("protocol", "metaData", "add")]
        actions += [json.loads(text) for row in checkpoint.select(wanted).toLocalIterator() for text in row if text]
    for version in later:
        commit = spark.read.text(folder.below(LOG, commits[version]))
        actions += [json.loads(row.value) for row in commit.collect()]
    files, metadata = {}, None
    for action in actions:
        metadata = action.get("metaData", metadata)
        if action.get("protocol", {}).get("minReaderVersion", 1) > 1:
            fail(f"{path}: another engine has given it features that need a package for Delta: read it by that")
        if "remove" in action:
            files.pop(action["remove"]["path"], None)
        if "add" in action:
            files[action["add"]["path"]] = action["add"]["partitionValues"].get("started_month")
    found = [file for file, of_month in files.items() if month in (None, of_month)]
    if not found:
        fail(f"{path} holds no runs" + (f" of {month}" if month else ""))
    # Told, not found out: types of files that were written before a column came, and a month that looks like a date.
    schema = StructType.fromJson(json.loads(metadata["schemaString"]))
    reader = spark.read.schema(schema).option("basePath", folder.below())
    return reader.parquet(*(folder.below(urllib.parse.unquote(file)) for file in found))


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
    return f"there is no column {', '.join(missing)}" if missing else None


def ask(spark, name):
    """A report's rows; instants already as text, since Python would give them the driver's own time zone. A zone is part of a
    query from its analysis on: the report's is what it says itself, the texts' is UTC, and the session keeps its own."""
    zone = spark.conf.get("spark.sql.session.timeZone")
    try:
        for statement in read_report(name):
            answer = spark.sql(statement)
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        columns = [
            F.date_format(field.name, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias(field.name)
            if isinstance(field.dataType, TimestampType)
            else F.col(field.name)
            for field in answer.schema
        ]
        return answer.select(columns)
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)


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

    def below(self, *names):
        """A path below it."""
        path = self.path
        for name in names:
            path = self.Path(path, name)
        return self.files.makeQualified(path).toString()

    def has(self, name):
        """Whether it has a folder or file of that name."""
        return self.files.exists(self.Path(self.path, name))

    def names(self, name):
        """What is in a folder of it."""
        return [status.getPath().getName() for status in self.files.listStatus(self.Path(self.path, name))]

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
    lacking = open_runs(spark, arguments.path, arguments.month)
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
