# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "a controller's month: every step's exit code, words and figures, with Python's decimals"
# minutes = 2
# ///
"""Plays a controller's month with real processes. August and September of a made-up account are exported with files of groups and budgets,
checked, compared, reconciled and printed, in a folder where desktops leave files and somebody saves the workbook. An export is killed in
the middle, and made again. Every step's exit code and stderr are checked, and its figures against those of the other steps: exact ones by
Python's decimals, rounded ones by rounding these. Needs nothing but Python; shares no code with the tool."""

import csv
import json
import re
import signal
import subprocess
import tempfile
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from checks.support.account import Checks, environment, exact_sum, plain, read_json, run, server
from checks.support.environments import command_line
from checks.support.processes import child

RUNS = 4000
AUGUST, SEPTEMBER = "2025-08", "2025-09"
# What desktops and office programs leave in a folder; desktop.ini and Thumbs.db are of Windows.
LEFTOVERS = [".DS_Store", "Thumbs.db", "desktop.ini", "~$report.xlsx", ".~lock.report.xlsx#"]
GROUPS = ["actor,group", "made-up-account/*,In-house", "somebody/*,Bought in"]
BUDGETS = ["group,usd", ",150.50", "Bought in,1.25"]
REPORTS = {"terminal": "", "summary": "", "md": "", "html": "", "json": "", "xlsx": "report.xlsx", "csv": "cost_by_actor.csv", "focus": "focus.csv"}
CENT = Decimal("0.01")


def dollars(amount):
    """An amount as people read it."""
    cents = amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
    if cents == 0 and amount != 0:
        return ("-" if amount < 0 else "") + "<$0.01"
    return ("-" if cents < 0 else "") + f"${abs(cents):,}"


def percent(part, all_):
    """A part in percent, rounded to six places as files have it, then to one."""
    six = (part / all_).quantize(Decimal("1e-6"), rounding=ROUND_HALF_EVEN)
    return f"{(six * 100).quantize(Decimal('0.1'), rounding=ROUND_HALF_EVEN)}%"


def words(text):
    """A text with single spaces, however its lines are wrapped."""
    return " ".join(text.split())


class Month:
    """The account, the folder of books, and the checks."""

    def __init__(self, checks, binary, url, scratch):
        self.checks, self.binary, self.url, self.scratch = checks, binary, url, scratch
        self.books = scratch / "books"

    def step(self, name, *arguments, code=0, says=(), silent=True):
        """Runs a command: its exit code, and what stderr says; without anything to say, it is empty."""
        done = run(self.binary, *arguments, cwd=self.scratch)
        self.checks.that(f"{name}: exit {code}", done.returncode == code, f"exit {done.returncode}: {done.stderr}")
        if says:
            missing = [part for part in says if part not in words(done.stderr)]
            self.checks.that(f"{name}: stderr says {says[0]!r}", not missing, f"{missing} not in {done.stderr!r}")
        elif silent:
            self.checks.equal(f"{name}: stderr is empty", done.stderr, "")
        return done

    def export(self, name, month, out, *more, code=0, says=(), separator=","):
        """Exports a month with the files of groups and budgets, with commas or as a German spreadsheet saves them."""
        self.write("groups.csv", GROUPS, separator)
        self.write("budgets.csv", BUDGETS, separator)
        of_month = ["--month", month, "--out", out, "--groups", "groups.csv", "--budgets", "budgets.csv"]
        return self.step(name, "export", *of_month, "--api-url", self.url, "--rate", "0", "--quiet", *more, code=code, says=says)

    def write(self, name, lines, separator):
        text = "\n".join(lines) + "\n"
        if separator == ";":
            text = "\ufeff" + text.replace(",", ";").replace(".", ",").replace("\n", "\r\n")
        (self.scratch / name).write_text(text, encoding="utf-8", newline="")


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def money(text):
    """An amount of a file; an empty cell is unknown."""
    return Decimal(text) if text else None


def check_figures(checks, name, out):
    """An export's files agree: runs, totals, breakdowns, budgets, groups, and the sentences of the summary."""
    report, manifest = read_json(out / "report.json"), read_json(out / "manifest.json")
    runs = rows_of(out / "runs.csv")
    total = exact_sum(money(row["usage_total_usd"]) for row in runs)
    checks.equal(f"{name}: the total is the exact sum of the runs", report["totals"]["usage_total_usd"], plain(total))
    checks.equal(f"{name}: the manifest has the same totals", manifest["totals"]["usage_total_usd"], plain(total))
    checks.equal(f"{name}: as many runs as rows", report["totals"]["runs"], len(runs))
    for table in ("cost_by_group", "cost_by_actor", "cost_by_day", "status_summary", "cost_by_task"):
        sums = exact_sum(money(row["usage_total_usd"]) for row in report[table])
        counts = sum(row["runs"] for row in report[table])
        checks.equal(f"{name}: {table} comes to it", (plain(sums), counts), (plain(total), len(runs)))
    names = {row["act_id"]: row["act_name"] for row in report["cost_by_actor"]}
    group_of = lambda act: {"made-up-account": "In-house", "somebody": "Bought in"}.get((names[act] or "").split("/")[0], "unassigned")
    groups = {}
    for row in runs:
        groups.setdefault(group_of(row["act_id"]), []).append(money(row["usage_total_usd"]))
    expected = {group: plain(exact_sum(costs)) for group, costs in groups.items()}
    checks.equal(f"{name}: groups are those of the rules", {row["group"]: row["usage_total_usd"] for row in report["cost_by_group"]}, expected)
    bought = Decimal(expected["Bought in"])
    amounts = [(row["name"], row["budget_usd"], row["usage_total_usd"]) for row in report["budgets"]]
    checks.equal(f"{name}: budgets are those of the file", amounts, [(None, "150.5", plain(total)), ("Bought in", "1.25", plain(bought))])
    summary = words((out / "summary.txt").read_text(encoding="utf-8"))
    least = "at least " if report["totals"]["runs_provisional"] or report["totals"]["runs_cost_unknown"] else ""
    for part in (
        f"Usage {least}{dollars(total)}, as priced by Apify",
        f"{dollars(total)} of $150.50 ({percent(total, Decimal('150.5'))})",
        f"{dollars(bought)} of $1.25 ({percent(bought, Decimal('1.25'))}): OVER BUDGET",
        f"In-house {groups_line(report, 'In-house')}",
    ):
        checks.that(f"{name}: the summary says {part!r}", part in summary, summary)
    return report


def groups_line(report, group):
    """The beginning of a group's line: its runs, usage and share."""
    row = next(row for row in report["cost_by_group"] if row["group"] == group)
    usage = Decimal(row["usage_total_usd"])
    return f"{row['runs']:,} {dollars(usage)} {percent(usage, Decimal(report['totals']['usage_total_usd']))}"


def check_august(month):
    """The first month, in a folder that is looked at with desktops."""
    checks, out = month.checks, month.books / AUGUST
    month.export("August", AUGUST, out, separator=";")
    report = check_figures(checks, "August", out)
    for name in LEFTOVERS:
        (out / name).write_bytes(b"left")
    (month.books / ".DS_Store").write_bytes(b"left")
    done = month.step("August with leftovers: verify", "verify", out)
    total = report["totals"]["usage_total_usd"]
    checks.that("verify says runs and dollars", f"{report['totals']['runs']:,} runs, ${total}; all files match the manifest" in done.stdout, done.stdout)
    checks.that("verify names every leftover", all(name in done.stdout for name in LEFTOVERS), done.stdout)
    month.export("August once more, with commas", AUGUST, out)
    left = [name for name in LEFTOVERS if (out / name).exists()]
    checks.equal("leftovers went with what was replaced", left, [])
    again = read_json(out / "report.json")
    checks.equal("files with commas and with semicolons give the same figures", figures(again), figures(report))
    return again


def figures(report):
    """Tables and totals of a report.json."""
    return {name: value for name, value in report.items() if name == "totals" or isinstance(value, list)}


def check_saved_workbook(month, report):
    """The workbook of a published month is saved by somebody: one byte differs."""
    checks, out = month.checks, month.books / AUGUST
    workbook = out / "report.xlsx"
    as_it_was = workbook.read_bytes()
    saved = bytearray(as_it_was)
    saved[-1] ^= 1
    workbook.write_bytes(saved)
    month.step("saved workbook: verify", "verify", out, code=5, says=["report.xlsx", "does not match its manifest"])
    warning = ["report.xlsx: ", "runs and manifest are unchanged"]
    done = month.step("saved workbook: report", "report", out, "--format", "json", says=warning)
    checks.equal("saved workbook: the same figures", figures(json.loads(done.stdout))["totals"], report["totals"])
    month.step("saved workbook: diff", "diff", out, out, says=warning)
    (out / "notes.txt").write_text("for the audit", encoding="utf-8")
    month.export("a file of somebody's own: export", AUGUST, out, code=6, says=["notes.txt"])
    checks.that("a file of somebody's own is still there", (out / "notes.txt").exists())
    checks.equal("the saved workbook too", workbook.read_bytes(), bytes(saved))
    (out / "notes.txt").unlink()
    month.export("saved workbook: export once more", AUGUST, out)
    checks.equal("saved workbook: it is as it was", workbook.read_bytes(), as_it_was)
    month.step("saved workbook, replaced: verify", "verify", out)


def check_september(month, august):
    """The second month beside the first: as an export, and fetched anew."""
    checks = month.checks
    out, fetched = month.books / SEPTEMBER, month.scratch / "fetched"
    month.export("September, compared with the export", SEPTEMBER, out, "--compare", month.books / AUGUST)
    month.export("September, compared with the month before", SEPTEMBER, fetched, "--compare", "previous")
    report, other = check_figures(checks, "September", out), read_json(fetched / "report.json")
    changes = [name for name in report if name.startswith("change_")]
    checks.equal("both comparisons have the same tables", changes, [name for name in other if name.startswith("change_")])
    for name in changes:
        checks.equal(f"both comparisons say the same of {name}", report[name], other[name])
    now, before = (Decimal(of["totals"]["usage_total_usd"]) for of in (report, august))
    row = report["change_of_totals"][0]
    expected = (plain(before), plain(now), plain(now - before), august["totals"]["runs"], report["totals"]["runs"])
    found = tuple(row[key] for key in ("usage_before_usd", "usage_total_usd", "change_usd", "runs_before", "runs"))
    checks.equal("the change of totals is that of the two exports", found, expected)
    for table, key in (("change_by_actor", "act_id"), ("change_by_group", "group")):
        old, new = ({line[key]: line for line in of[f"cost_by_{table[10:]}"]} for of in (august, report))
        wrong = []
        for line in report[table]:
            sides = [of.get(line[key], {}).get("usage_total_usd") for of in (old, new)]
            amounts = [money(side) if side is not None or line[key] in of else Decimal(0) for side, of in zip(sides, (old, new))]
            moved = None if None in amounts else plain(amounts[1] - amounts[0])
            if [line["usage_before_usd"], line["usage_total_usd"], line["change_usd"]] != [*sides, moved]:
                wrong.append((line, sides, moved))
        checks.that(f"{table}: each line is that of the two exports", not wrong, wrong[:1])
    summary = words((out / "summary.txt").read_text(encoding="utf-8"))
    direction = "up" if now > before else "down"
    part = f"Previous {dollars(before)}; {direction} "
    checks.that(f"the summary says {part!r} and by how much", part in summary and dollars(abs(now - before)) in summary, summary)
    return report


def check_reports(month, report):
    """Every format of a report, printed or written, has the total."""
    checks, out = month.checks, month.books / SEPTEMBER
    total = Decimal(report["totals"]["usage_total_usd"])
    for form, file in REPORTS.items():
        into = month.scratch / f"as-{form}"
        target = ["--out", into] if file else []
        done = month.step(f"report as {form}", "report", out, "--format", form, *target, silent=form != "focus")
        if not file:
            shown = words(re.sub(r"\\(.)", r"\1", done.stdout))
            wanted = plain(total) if form == "json" else dollars(total)
            checks.that(f"report as {form} has {wanted}", wanted in shown, shown[:300])
        elif form in ("csv", "focus"):
            column = "usage_total_usd" if form == "csv" else "BilledCost"
            rows = [row for row in rows_of(into / file) if row.get("x_RowKind", "run") != "not-attributed"]
            # FOCUS has no charge without an end: runs that have not finished are in a file of their own.
            ended = [row for row in rows_of(out / "runs.csv") if form == "csv" or row["finished_at"]]
            wanted = plain(exact_sum(money(row["usage_total_usd"]) for row in ended))
            checks.equal(f"report as {form} comes to the runs", plain(exact_sum(money(row[column]) for row in rows)), wanted)
        else:
            checks.that(f"report as {form} is a workbook", (into / file).read_bytes()[:2] == b"PK")
    done = month.step("report as json, compared", "report", out, "--compare", month.books / AUGUST, "--format", "json")
    compared = json.loads(done.stdout)
    checks.equal("compared offline, the same changes", compared["change_by_actor"], report["change_by_actor"])


def check_reconcile(month, report):
    """A cycle against Apify's count, asked for and kept; the month's export does not cover it, and says so."""
    checks = month.checks
    asked = ["--cycle", "2025-09-15", "--api-url", month.url, "--rate", "0", "--detail-rate", "0", "--json"]
    done = json.loads(month.step("reconcile", "reconcile", *asked).stdout)
    cycle = month.scratch / "cycle"
    of_cycle = ["--cycle", "2025-09-15", "--api-url", month.url, "--rate", "0", "--quiet", "--out", cycle]
    month.step("the cycle's export", "export", *of_cycle)
    kept = json.loads(month.step("reconcile the export", "reconcile", cycle, "--json").stdout)
    runs = exact_sum(money(row["usage_total_usd"]) for row in rows_of(cycle / "runs.csv"))
    for name, found in (("asked", done), ("kept", kept)):
        checks.equal(f"reconcile, {name}: the runs are those of the cycle's export", found["runs"]["usage_total_usd"], plain(runs))
        explained = found["usage_explained"]
        parts = [explained["runs"]["usage_usd"], explained["builds"]["usage_usd"], explained["storage_usd"], explained["not_attributed_usd"]]
        checks.equal(f"reconcile, {name}: parts come to what Apify counts", plain(exact_sum(map(Decimal, parts))), plain(Decimal(explained["counted_usd"])))
    checks.equal("reconcile: both have one verdict", kept["verdict"], done["verdict"])
    month.step("reconcile the month's export", "reconcile", month.books / SEPTEMBER, *asked, says=["does not cover the cycle"])
    explained = report["usage_explained"]
    line = f"runs with a known cost, by their start {dollars(Decimal(explained['runs']['usage_usd']))}"
    summary = words((month.books / SEPTEMBER / "summary.txt").read_text(encoding="utf-8"))
    checks.that(f"the month's summary says {line!r}", line in summary, summary)


def check_diff(month):
    """Two exports of one month are the same; those of two months are not."""
    checks = month.checks
    old, new = month.books / SEPTEMBER, month.scratch / "fetched"
    done = month.step("diff of two exports of one month", "diff", old, new)
    checks.that("it says that they are the same", "are the same" in done.stdout, done.stdout)
    found = json.loads(month.step("diff as JSON", "diff", old, new, "--json").stdout)
    moved = {name: value for name, value in found["changes"].items() if name != "runs_unchanged" and value not in (0, "0")}
    checks.equal("it has no run, and nothing moved", (found["runs"], moved), ([], {}))
    same = [(old / name).read_bytes() == (new / name).read_bytes() for name in ("runs.parquet", "runs.csv")]
    checks.equal("their rows are the same bytes", same, [True, True])


def check_killed(month, report):
    """An export is killed while it reads; what was there stays, and the next one is whole."""
    checks, out = month.checks, month.books / SEPTEMBER
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with server(month.binary, "--from", "2025-08-01", "--to", "2025-10-01", "--runs", str(RUNS), "--actors", "40", "--latency", "300ms") as slow:
        arguments = ["export", "--month", SEPTEMBER, "--out", out, "--groups", "groups.csv", "--api-url", slow, "--rate", "0", "-v"]
        command = [month.binary, *map(str, arguments)]
        process = child(command, cwd=month.scratch, env=environment(month.scratch), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        staged = False
        for _ in process.stderr:
            staged = any(path.name.startswith(f".{SEPTEMBER}") for path in month.books.iterdir())
            if staged:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    checks.that("killed: it had begun to stage its files", staged)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    checks.that("killed: the month is as it was, file by file", after == before, sorted(after.keys() ^ before.keys()))
    month.step("killed: verify", "verify", out)
    month.export("after the kill: export", SEPTEMBER, out, "--compare", month.books / AUGUST)
    checks.equal("after the kill: the same figures", figures(read_json(out / "report.json")), figures(report))
    hidden = [path.name for path in month.books.iterdir() if path.name.startswith(f".{SEPTEMBER}") and path.is_dir()]
    checks.equal("after the kill: nothing staged is left", hidden, [])


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with (
        tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder,
        server(binary, "--from", "2025-08-01", "--to", "2025-10-01", "--runs", str(RUNS), "--actors", "40") as url,
    ):
        month = Month(checks, binary, url, Path(folder).resolve())
        august = check_august(month)
        check_saved_workbook(month, august)
        september = check_september(month, august)
        check_reports(month, september)
        check_reconcile(month, september)
        check_diff(month)
        check_killed(month, september)
    checks.close()


if __name__ == "__main__":
    main()
