# /// script
# requires-python = ">=3.11"
# dependencies = ["openpyxl==3.1.5", "pypdf==7.1.1"]
#
# [tool.check]
# compares = "report.xlsx with openpyxl, and with LibreOffice, which calculates, saves and prints it"
# needs = ["LibreOffice"]
# minutes = 2
# megabytes = 2
# ///
"""Opens the made-up account's report.xlsx with openpyxl; then LibreOffice calculates all of it again and prints it. Every cell
and total is compared with report.json. A workbook with groups, budgets, a comparison and all runs is opened in LibreOffice, saved there and
opened again: every sheet has the same cells, and nothing is printed as ###."""

import datetime
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
from pypdf import PdfReader

from checks.support.account import Checks, must_run, read_json, server
from checks.support.environments import command_line

# Sheets and columns by their names in report.json: written out here, not read from the tool.
SHEETS = {
    "cost_by_actor": "By Actor",
    "status_summary": "By status",
    "cost_by_day": "By day",
    "cost_by_week": "By week",
    "cost_by_month": "By month",
    "cost_by_task": "By task",
    "cost_by_schedule": "By schedule",
    "cost_by_origin": "By origin",
    "cost_by_build": "By build",
    "cost_by_user": "By user",
    "unsuccessful_by_actor": "Unsuccessful",
    "dearest_runs": "Most expensive runs",
    "unsettled_by_actor": "Unknown or provisional",
    "usage_by_service": "Usage by service",
    "usage_by_day": "Usage by day",
    "builds_by_actor": "Builds by Actor",
    "builds": "Builds",
}
# Lists of report.json that are no tables, and the sheet of what is an object there.
NO_TABLES, EXPLAINED = {"caveat_details"}, "Usage explained"
HEADS = {
    "runs_succeeded": "succeeded",
    "runs_failed": "failed",
    "runs_timed_out": "timed out",
    "runs_aborted": "aborted",
    "runs_other": "other",
    "usage_total_usd": "usage, $",
    "mean_usd": "mean, $",
    "runs_cost_unknown": "cost unknown",
    "runs_unsuccessful_cost_unknown": "cost unknown",
    "runs_provisional": "provisional",
    "usage_failed_usd": "usage of failed, $",
    "usage_timed_out_usd": "usage of timed out, $",
    "usage_aborted_usd": "usage of aborted, $",
    "usage_unsuccessful_usd": "usage of unsuccessful, $",
    "usage_provisional_usd": "provisional, $",
    "share_of_actor_usage": "share of its usage",
    "act_name": "Actor",
    "actor_task_name": "task",
    "meta_schedule_name": "schedule",
    "build_number": "build",
    "id": "run",
    "started_at": "started, UTC",
    "finished_at": "finished, UTC",
    "meta_origin": "origin",
    "cost_state": "cost state",
}
# A report's own key is headed by its name, also where the same column has another heading in others.
OF_SERVICES = {"service": "key", "service_name": "service", "usage_usd": "usage, $", "usage_after_discount_usd": "after discount, $"}
OWN_KEYS = {
    "cost_by_origin": {"meta_origin": "meta_origin"},
    "usage_by_service": OF_SERVICES,
    "usage_by_day": OF_SERVICES,
    "builds": {"id": "build"},
    "builds_by_actor": {
        "builds_succeeded": "succeeded",
        "builds_other": "other",
        "builds_cost_unknown": "cost unknown",
        "builds_provisional": "provisional",
    },
}
# Columns whose rows are of some Actors, so that their sum is not the account's: they have no total.
WITHOUT_TOTAL = {"unsuccessful_by_actor": {"runs"}, "unsettled_by_actor": {"runs"}}
WORDS_FOR_NONE = {"no task", "no schedule", "unknown"}
DATES = {"day", "week", "month"}
INSTANTS = {"started_at", "finished_at"}
FORMATS = {
    "usage, $": {"$#,##0.00", "$#,##0.000000", '"<$0.000001"'},
    "mean, $": {"$#,##0.000000", '"<$0.000001"'},
    "share": {"0.0%"},
    "runs": {"#,##0"},
    "day": {"yyyy-mm-dd"},
    "started, UTC": {"yyyy-mm-dd hh:mm:ss.000"},
}
TOTALS_ROW, HEADS_ROW, FIRST_ROW = 3, 4, 5


# What steers a reader: shown as an escape by every format for people.
STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def same_sum(found, exact, terms):
    """Whether a sum of doubles is that exact sum. Each of its terms and additions may be off by half a unit in the last of 53
    bits, no more; and LibreOffice writes what it has worked out with 15 digits, half a unit of the last of which is 5e-15."""
    return abs(Decimal(found) - exact) <= abs(exact) * (Decimal(2 * terms + 2) / 2**53 + Decimal("5e-15"))


def is_number(name):
    """Whether a column of report.json holds decimals as text."""
    return name.endswith("_usd") or name.startswith("share") or name == "quantity"


def expected_cell(name, value):
    """What a cell has to hold for a value of report.json: the nearest double, a date, or the text."""
    if value is None:
        return None
    if name in DATES and len(value) == len("2025-09-01"):
        return datetime.datetime.fromisoformat(value)
    if name in INSTANTS:
        return datetime.datetime.fromisoformat(value.replace("Z", ""))
    if is_number(name):
        return float(value)
    return STEERS.sub(lambda c: f"\\u{{{ord(c[0]):x}}}", value) if isinstance(value, str) else value


def found_cell(name, value):
    """A cell's value as it is compared; a word for none is none."""
    if isinstance(value, datetime.datetime) and name in INSTANTS:
        # openpyxl takes an instant from a double of days, which a millisecond survives.
        microseconds = round(value.microsecond, -3)
        return value.replace(microsecond=0) + datetime.timedelta(microseconds=microseconds)
    return None if isinstance(value, str) and value in WORDS_FOR_NONE else value


def heads_of(sheet):
    """A sheet's heads with their columns' numbers."""
    return [(cell.value, cell.column) for cell in sheet[HEADS_ROW] if cell.value is not None]


def check_rows(checks, report, name, sheet):
    """Every cell of a report."""
    rows = report[name]
    heads = dict(heads_of(sheet))
    filled = sheet.max_row - HEADS_ROW if sheet.max_row >= FIRST_ROW else 0
    checks.equal(f"{sheet.title}: as many rows as in report.json", filled, len(rows))
    own = {**HEADS, **OWN_KEYS.get(name, {})}
    wrong = []
    for at, row in enumerate(rows):
        for key, value in row.items():
            head = own.get(key, key)
            if head not in heads:
                wrong.append(f"no column {head!r}")
                continue
            shown = sheet.cell(FIRST_ROW + at, heads[head]).value
            found, expected = found_cell(key, shown), expected_cell(key, value)
            if expected not in (found, shown):
                wrong.append(f"row {FIRST_ROW + at}, {head}: {found!r}, expected {value!r}")
    checks.equal(f"{sheet.title}: every cell is report.json's", wrong[:3], [])


def totals_of(report, name):
    """What the columns of a report have to come to, from report.json's rows: counts and dollars."""
    sums = {}
    for row in report[name]:
        for key, value in row.items():
            if isinstance(value, (int, Decimal)) or (value is not None and key.endswith("_usd") and key != "mean_usd"):
                sums[key] = sums.get(key, Decimal(0)) + Decimal(value)
    return sums


def check_totals(checks, report, name, sheet, label):
    """The row of totals, as cached or as worked out anew."""
    heads = dict(heads_of(sheet))
    own = {**HEADS, **OWN_KEYS.get(name, {})}
    wrong = []
    for key, total in totals_of(report, name).items():
        found = sheet.cell(TOTALS_ROW, heads[own.get(key, key)]).value
        if key in WITHOUT_TOTAL.get(name, ()):
            if found is not None:
                wrong.append(f"{key}: {found!r}, expected no total")
        elif found is None or not same_sum(found, total, len(report[name])):
            wrong.append(f"{key}: {found!r}, expected {total}")
    if "share" in heads:
        found = sheet.cell(TOTALS_ROW, heads["share"]).value
        if found is None or abs(found - 1) > 1e-12:
            wrong.append(f"share: {found!r}, expected 1")
    checks.equal(f"{sheet.title}: totals, {label}", wrong, [])


def check_shape(checks, sheet):
    """What a reader sees and can do."""
    checks.equal(f"{sheet.title}: heads and first column stay in sight", sheet.freeze_panes, "B5")
    last = openpyxl.utils.get_column_letter(len(heads_of(sheet)))
    if sheet.max_row >= FIRST_ROW:
        checks.equal(f"{sheet.title}: filter", sheet.auto_filter.ref, f"A{HEADS_ROW}:{last}{sheet.max_row}")
    formulas = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    elsewhere = [place for place in formulas if int(re.sub("[A-Z]", "", place)) != TOTALS_ROW]
    checks.equal(f"{sheet.title}: no formula but totals", elsewhere, [])
    links = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    checks.equal(f"{sheet.title}: no link", links, [])
    wrong = []
    for head, column in heads_of(sheet):
        cells = (sheet.cell(row, column) for row in range(FIRST_ROW, sheet.max_row + 1))
        formats = {cell.number_format for cell in cells if cell.value is not None}
        if head in FORMATS and not formats <= FORMATS[head]:
            wrong.append((head, formats))
    checks.equal(f"{sheet.title}: number formats", wrong, [])


def convert(scratch, workbook, to):
    """What LibreOffice makes of a workbook, with a profile of its own that works out every formula when it loads one."""
    profile = scratch / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry">'
        '<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">'
        "<value>0</value></prop></item></oor:items>",
        encoding="utf-8",
    )
    out = scratch / f"as-{to}"
    done = subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--convert-to",
            to,
            "--outdir",
            str(out),
            str(workbook),
        ],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    made = out / f"{workbook.stem}.{to}"
    if not made.exists():
        sys.exit(f"soffice --convert-to {to}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return made


def without_results(workbook, to):
    """A copy in which no formula has a result yet, so that whoever shows one has worked it out."""
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                text = re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", text)
            new.writestr(name, text)
    return to


def cells_of(checks, path, label, is_ours=False):
    """Every sheet's cells as a reader sees them; whatever openpyxl warns of is a failure, but for charts as LibreOffice writes them."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        workbook = openpyxl.load_workbook(path, data_only=True)
    checks.equal(f"{label}: opened without a warning", [text for text in map(str, (warning.message for warning in said)) if is_ours or "Unable to read chart" not in text], [])
    return {sheet.title: {cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row if cell.value not in (None, "")} for sheet in workbook}


def same_cell(one, other, is_rounded):
    """Numbers within the 15 digits that a spreadsheet keeps, instants to the millisecond; all else as it is. What is rounded
    in our file, to six places, has all places where it is worked out anew."""
    if isinstance(one, datetime.datetime) and isinstance(other, datetime.datetime):
        return abs(one - other) < datetime.timedelta(milliseconds=1)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= max(1e-14 * abs(one), 5.1e-7 if is_rounded else 0)
    return one == other


def check_round_trip(checks, binary, scratch):
    """LibreOffice opens a workbook with all that one may have, saves it, and opens what it saved."""
    (scratch / "groups.csv").write_text("actor,group\nmade-up-account/*,In-house\nsomebody/*,Bought in\n", encoding="utf-8")
    out, written = scratch / "small", scratch / "with-runs"
    with server(binary, "--runs", "2000", "--actors", "40") as url:
        month = ["--month", "2025-09", "--api-url", url, "--rate", "0", "--groups", "groups.csv", "--compare", "previous", "--budget", "500"]
        must_run(binary, "export", *month, "--quiet", "--out", out, cwd=scratch)
    more = ["--compare", out, "--budget", "500", "--with-runs", "--quiet"]
    must_run(binary, "report", out, "--format", "xlsx", *more, "--out", written, cwd=scratch)
    for label, path in (("of the export", out / "report.xlsx"), ("with all runs", written / "report.xlsx")):
        ours = cells_of(checks, path, f"workbook {label}", is_ours=True)
        heads = {sheet.title: [(cell.column, cell.value) for cell in sheet[HEADS_ROW]] for sheet in openpyxl.load_workbook(path)}
        place = scratch / label.replace(" ", "-")
        saved = convert(place, path, "xlsx")
        again = convert(place / "again", saved, "xlsx")
        for word, copy in (("saved by LibreOffice", saved), ("opened and saved once more", again)):
            theirs = cells_of(checks, copy, f"workbook {label}, {word}")
            checks.equal(f"workbook {label}, {word}: the same sheets", list(theirs), list(ours))
            wrong = []
            for name, cells in ours.items():
                found = theirs.get(name, {})
                places = cells.keys() | found.keys()
                means = {f"{openpyxl.utils.get_column_letter(column)}{TOTALS_ROW}" for column, head in heads[name] if head in ("share", "mean, $")}
                pairs = [(at, cells.get(at), found.get(at)) for at in sorted(places)]
                wrong += [(name, *pair) for pair in pairs if not same_cell(*pair[1:], is_rounded=pair[0] in means)]
            checks.equal(f"workbook {label}, {word}: the same {sum(map(len, ours.values())):,} cells", wrong[:3], [])
        text = "\n".join(page.extract_text() for page in PdfReader(convert(place, path, "pdf")).pages)
        checks.that(f"workbook {label}: every column is wide enough to print", "###" not in text and "500.00" in text, text[:200])


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder:
        scratch = Path(folder).resolve()
        out = scratch / "demo"
        must_run(binary, "export", "--demo", "--quiet", "--out", out, cwd=scratch)
        report, path = read_json(out / "report.json"), out / "report.xlsx"
        formulas, values = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)

        tables = [name for name, rows in report.items() if isinstance(rows, list) and name in SHEETS]
        unknown = [name for name, rows in report.items() if rows and isinstance(rows, list) and isinstance(rows[0], dict)]
        checks.equal("every report of report.json has a sheet", [name for name in unknown if name not in SHEETS and name not in NO_TABLES], [])
        expected = ["About", "Charts", "Chart data", EXPLAINED] + [SHEETS[name] for name in tables]
        checks.equal("sheets", sorted(formulas.sheetnames), sorted(expected))
        checks.equal("the first sheets", formulas.sheetnames[:2], ["About", "Charts"])
        first = [cell.value for row in values["About"].iter_rows() for cell in row if cell.value is not None]
        checks.that("About says that the account is made up", any("MADE-UP ACCOUNT" in text for text in first), first[:3])
        missing = [caveat for caveat in report["caveats"] if caveat not in first]
        checks.equal("About has every caveat", missing, [])
        linked = [cell.hyperlink for row in formulas["About"].iter_rows() for cell in row if cell.hyperlink]
        targets = [link.location for link in linked]
        checks.equal("About links every sheet", targets, [f"'{name}'!A1" for name in formulas.sheetnames[1:]])
        created = formulas.properties.created.replace(microsecond=0).isoformat()
        checks.that("the workbook's date is the export's", report["queried_at"].startswith(created), created)
        checks.equal("charts", len(formulas["Charts"]._charts), 2)

        for name in tables:
            sheet = values[SHEETS[name]]
            check_rows(checks, report, name, sheet)
            check_shape(checks, formulas[SHEETS[name]])
            if formulas[SHEETS[name]].cell(TOTALS_ROW, 1).value == "Total":
                check_totals(checks, report, name, sheet, "as written")
        usage = dict(heads_of(values["By Actor"]))["usage, $"]
        checks.equal(
            "the total is report.json's, as the nearest double",
            values["By Actor"].cell(TOTALS_ROW, usage).value,
            float(report["totals"]["usage_total_usd"]),
        )

        bare = without_results(path, scratch / "bare.xlsx")
        with warnings.catch_warnings():
            # openpyxl doesn't read the charts as LibreOffice writes them; only the cells are looked at.
            warnings.simplefilter("ignore")
            again = openpyxl.load_workbook(convert(scratch, bare, "xlsx"), data_only=True)
        for name in tables:
            sheet = again[SHEETS[name]]
            if sheet.cell(TOTALS_ROW, 1).value == "Total":
                check_totals(checks, report, name, sheet, "as LibreOffice works them out")
        pdf = convert(scratch, path, "pdf").read_bytes()
        pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
        checks.that(f"LibreOffice prints it, {pages} pages", pages >= len(formulas.sheetnames), pages)
        check_round_trip(checks, binary, scratch)
    checks.close()


if __name__ == "__main__":
    main()
