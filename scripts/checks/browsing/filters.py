"""Random filters of report.html, asked of the page and of `report --where … --from … --to …`: the total, the counts and every table that
follows a filter, to the last digit. The page says its exact values in attributes; rounded texts are rounded again here, from report.json."""

import concurrent.futures
import json
import os
import random
import urllib.parse
from decimal import ROUND_HALF_EVEN, Decimal

from checks.support.account import EXACT, exact_sum, must_run, plain, read_json

TABLES = [
    "cost_by_group",
    "cost_by_day",
    "cost_by_actor",
    "status_summary",
    "cost_by_week",
    "cost_by_month",
    "unsuccessful_by_actor",
    "unsettled_by_actor",
]
SHARES = {"share": 1, "share_of_actor_usage": 6}

# What the page says of its runs: the total, the count, and of each table that follows a filter the cells of its rows by column, as text and,
# of amounts, exactly.
SHOWN = """(() => {
  const cells = (heads, row) => Object.fromEntries([...row.cells].map((cell, at) => [heads[at], { text: cell.textContent.trim(), usd: cell.dataset.usd ?? null }]));
  const table = section => {
    const element = section.querySelector('table'), heads = [...element.tHead.rows[0].cells].map(head => head.dataset.column);
    const rows = kind => [...element.tBodies[0].rows].filter(row => row.className === kind);
    const all = kind => rows(kind).map(row => ({ key: row.dataset.key ?? null, ...cells(heads, row) }));
    return { rows: all(''), rest: all('rest'), total: all('total') };
  };
  const sections = [...document.querySelectorAll('section[data-columns]')];
  return {
    usd: document.getElementById('usage').dataset.usd,
    runs: document.getElementById('runs').dataset.runs,
    text: document.getElementById('usage').textContent,
    told: document.getElementById('filter-told').textContent,
    ignored: document.getElementById('filter-ignored').textContent,
    tables: Object.fromEntries(sections.map(section => [section.id, table(section)])),
  };
})()"""

SHOW_ALL = "document.querySelectorAll('.tools button').forEach(button => !button.hidden && button.textContent.startsWith('Show all') && button.click())"


def data_of(page):
    """The data that a page holds."""
    return json.loads(page.read_text(encoding="utf-8").split('id="cube">', 1)[1].split("</script>", 1)[0])


def encoded(value):
    """A value as the address has it."""
    return urllib.parse.quote(value, safe="!()*-._~")


def random_filter(data, choice):
    """The address's fragment, in the page's own order, and the report's options."""
    first, last = data["from"], data["to"]
    filters, options = {}, []
    days = data["days"]
    if choice.random() < 0.6:
        low, high = sorted(choice.sample(range(len(days) + 1), 2)) if len(days) > 1 else (0, 1)
        start = days[low]
        stop = days[high] if high < len(days) else last
        if start != first:
            filters["from"] = start
        if stop != last:
            filters["to"] = stop
        options += ["--from", start, "--to", stop]
    lists = {"actor": [actor for actor, _ in data["actors"]], "status": data["statuses"], "group": data["groups"]}
    where = []
    for key, values in lists.items():
        values = [value for value in values if value]
        if values and choice.random() < 0.5:
            count = min(len(values), choice.choice([1, 1, 2, 3, 20] if key == "actor" else [1, 2, 3]))
            chosen = sorted(choice.sample(range(len(values)), count))
            filters[key] = ",".join(encoded(values[at]) for at in chosen)
            where.append(f"{key}={filters[key]}")
    if where:
        options += ["--where", "&".join(where)]
    return "&".join(f"{key}={value}" for key, value in filters.items()), options


def report_of(binary, export, groups, options, name, scratch, formats="json"):
    """The folder of the report of an export's runs that a filter leaves."""
    folder = scratch / name
    given = ["--groups", groups] if groups else []
    tables = TABLES if groups else TABLES[1:]
    must_run(binary, "report", export, *given, *options, "--only", ",".join(tables), "--format", formats, "--out", folder, "--quiet", cwd=scratch)
    return folder


def check_filters(checks, name, tab, page, export, binary, groups, scratch, seed, count):
    """As many random filters; the reports are made meanwhile, as many at once as there are processors."""
    data = data_of(page)
    choice = random.Random(seed)
    filters = [random_filter(data, choice) for _ in range(count)]
    print(f"        {name}: {page.stat().st_size:,} bytes; {count} filters of seed {seed}; {len(data['runs']):,} cells, {len(data['actors'])} Actors and {data['others']} others")
    tab.open(page)
    tab.evaluate(SHOW_ALL)
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [pool.submit(report_of, binary, export, groups, options, f"{name}-{at}", scratch) for at, (_, options) in enumerate(filters)]
        for (fragment, _), future in zip(filters, made):
            shown = ask(tab, fragment)
            report = read_json(future.result() / "report.json")
            wrong += [f"#{fragment}: {what}" for what in differences(shown, report, data)]
    checks.equal(f"{name}: {count} random filters show what report --where does", wrong[:20], [])
    checks.equal(f"{name}: nothing logged, nothing refused, nothing asked for", tab.complaints(), [])


def ask(tab, fragment):
    """What the page shows at a fragment."""
    tab.evaluate(f"new Promise(done => {{ location.hash = {json.dumps(fragment)}; setTimeout(done, 0); }})")
    tab.evaluate(SHOW_ALL)
    return tab.evaluate(SHOWN)


def differences(shown, report, data):
    """In sentences, what the page says otherwise than the report."""
    totals, found = report["totals"], []
    if shown["ignored"]:
        found.append(f"said {shown['ignored']!r}")
    pairs = [("the total", shown["usd"], totals["usage_total_usd"] or ""), ("the runs", shown["runs"], str(totals["runs"]))]
    at_least = totals["usage_total_usd"] is not None and (totals["runs_cost_unknown"] + totals["runs_provisional"] > 0 or data["lacks_runs"])
    pairs.append(("'at least'", "at least" in shown["text"], at_least))
    own = {actor for actor, _ in data["actors"]}
    for name, table in shown["tables"].items():
        rows = report.get(name, [])
        by_actor = "act_id" in (rows[0] if rows else {})
        mine = [row for row in rows if not by_actor or not data["others"] or row["act_id"] in own]
        others = [row for row in rows if by_actor and data["others"] and row["act_id"] not in own]
        lines = [line for line in table["rows"] if name != "cost_by_day" or line["runs"]["text"] != "0"]
        key = next(iter(rows[0]), "") if rows else ""
        pairs.append((f"the keys of {name}", [line["key"] for line in lines], [row[key] or "" for row in mine]))
        for line, row in zip(lines, mine):
            pairs += cells(f"{name}, {row[key]}", line, row, totals)
        sums = {column: exact_sum(Decimal(row[column]) for row in others if row[column] is not None) for column in ["usage_total_usd", "runs"] if others and column in others[0]}
        for column, expected in sums.items():
            rest = table["rest"][0][column] if table["rest"] else {"usd": None, "text": "no row"}
            is_count = column == "runs"
            if is_count and name in ("unsuccessful_by_actor", "unsettled_by_actor"):
                expected = None
            pairs.append((f"the others of {name}, {column}", rest["text"].replace(",", "") if is_count else rest["usd"], "" if expected is None else plain(expected) or ""))
        pairs.append((f"whether {name} has a row of others", bool(table["rest"]), bool(others)))
    return found + [f"{what} is {one!r}, not {other!r}" for what, one, other in pairs if one != other]


def cells(where, line, row, totals):
    """Of each column that a report has, what the page shows and what it should."""
    pairs = []
    for column, cell in line.items():
        if column in ["key", None] or column not in row or not isinstance(cell, dict) or (column == next(iter(row))):
            continue
        value = row[column]
        if column == "act_name":
            continue
        if column.endswith("_usd") and column != "mean_usd":
            pairs.append((f"{where}: {column}", cell["usd"], value or ""))
        elif column == "mean_usd":
            pairs.append((f"{where}: {column}", cell["text"], "" if value is None else f"${value}"))
        elif column in SHARES:
            pairs.append((f"{where}: {column}", cell["text"], percent(column, row, totals)))
        else:
            pairs.append((f"{where}: {column}", cell["text"].replace(",", ""), str(value)))
    return pairs


def percent(column, row, totals):
    """A share for people: of the amounts themselves, or of the six places that files have."""
    if row[column] is None:
        return ""
    share = Decimal(row[column])
    if column == "share":
        share = EXACT.divide(Decimal(row["usage_total_usd"]), Decimal(totals["usage_total_usd"]))
    return f"{EXACT.multiply(share, Decimal(100)).quantize(Decimal('0.1'), ROUND_HALF_EVEN, EXACT)}%"


def check_csv(checks, name, tab, page, export, binary, groups, scratch, seed):
    """What 'Copy as CSV' copies, byte for byte the report's files; with no clipboard, the same text stands there, chosen."""
    choice = random.Random(seed)
    data = data_of(page)
    if data["others"]:
        return
    tab.open(page)
    tab.evaluate("navigator.clipboard.writeText = async text => { window.copied = text; }")
    for at in range(4):
        fragment, options = random_filter(data, choice) if at else ("", [])
        folder = report_of(binary, export, groups, options, f"{name}-csv-{at}", scratch, "csv")
        ask(tab, fragment)
        for table in [section for section in TABLES if tab.evaluate(f"!!document.querySelector('#{section}[data-columns] .tools')")]:
            copied = tab.evaluate(f"(async () => {{ document.querySelector('#{table} .tools button').click(); await null; await null; return window.copied; }})()")
            expected = (folder / f"{table}.csv").read_bytes().decode()
            checks.that(f"{name}: {table} as CSV at #{fragment[:40]}", copied == expected, f"{copied[:300]!r}, expected {expected[:300]!r}")
    tab.evaluate("navigator.clipboard.writeText = async () => { throw new Error('refused'); }")
    chosen = """(async () => {
      document.querySelector('#status_summary .tools button').click();
      await null; await null; await null;
      const area = document.activeElement;
      return area.tagName === 'TEXTAREA' ? [area.value, area.selectionEnd - area.selectionStart] : null;
    })()"""
    expected = (folder / "status_summary.csv").read_bytes().decode()
    checks.equal(f"{name}: without a clipboard, the CSV is there to be copied", tab.evaluate(chosen), [expected, len(expected)])
