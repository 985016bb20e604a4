"""The page as `serve` shows it, in the browser and behind its password: its links to tables answer what `report` prints, byte for byte; its
months and dates lead to the page of that period, whose figures are those of `report`; an Actor's most expensive runs lead to their pages;
and the browser's own Back leads to where one was. Nothing logged, and no request but to the server."""

import base64
import http.client
import json
import re
from decimal import Decimal

from checks.browsing.filters import ask, encoded
from checks.browsing.manners import AXE
from checks.support.account import must_run, read_table
from checks.support.processes import serving

# Where a page's links to tables lead, by section, those that follow its filter and those that do not.
WAYS = """Object.fromEntries(['[data-query]', ':not([data-query])'].map(kind => [
  kind,
  Object.fromEntries([...document.querySelectorAll('main > section')].flatMap(section => {
    const ways = [...section.querySelectorAll(`.ways a${kind}`)].map(way => way.pathname + way.search);
    return ways.length ? [[section.id, ways]] : [];
  })),
]))"""
# What a page says of its period: its total, its runs, the two dates, and the month that it takes itself to be.
PERIOD = """(() => {
  const dates = document.getElementById('dates');
  return {
    usd: document.getElementById('usage').dataset.usd,
    runs: document.getElementById('runs').dataset.runs,
    from: dates.from.value,
    to: dates.to.value,
    month: document.querySelector('#periods [aria-current]')?.textContent ?? null,
    told: document.getElementById('filter-told').textContent,
    ignored: document.getElementById('filter-ignored').textContent,
  };
})()"""
SUBMIT = """(() => {
  const dates = document.getElementById('dates');
  [dates.from.value, dates.to.value] = %s;
  dates.querySelector('button').click();
})()"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TEXT = "document.body.innerText"
WHOLE, WEEK, TWO_DAYS, OUTSIDE = ("2025-09-01", "2025-10-01"), ("2025-09-08", "2025-09-15"), ("2025-09-20", "2025-09-22"), ("2025-10-05", "2025-10-09")
KINDS = ["csv", "json"]
# Which are compared, in which format.
TABLES = [("cost_by_actor", "csv"), ("cost_by_group", "csv"), ("cost_by_day", "json"), ("unsuccessful_by_actor", "csv")]


class Site:
    """A server's pages in a tab. After each step, nothing was logged, and nobody but the server was asked."""

    def __init__(self, checks, tab, url, password):
        self.checks, self.tab, self.url, self.password = checks, tab, url, password

    def sign_in(self):
        """Gives the browser the password, which it keeps from then on."""
        self.tab.load("Page.navigate", url=self.url.replace("//", f"//anyone:{self.password}@"))

    def visit(self, path):
        """Opens a page by its address, by way of an empty one: another fragment alone would load nothing."""
        self.tab.load("Page.navigate", url="about:blank")
        self.tab.load("Page.navigate", url=self.url + path)
        self.check_manners(path)

    def follow(self, script):
        """Does what leads to another page."""
        self.tab.load("Runtime.evaluate", expression=script, userGesture=True)
        self.check_manners(f"after {script.split('(')[-1][:40].strip()!r}")

    def back(self):
        """The browser's own Back, to another page."""
        history = self.tab.ask("Page.getNavigationHistory")
        self.tab.load("Page.navigateToHistoryEntry", entryId=history["entries"][history["currentIndex"] - 1]["id"])
        self.check_manners("after Back")

    def check_manners(self, step):
        """Nothing logged, nothing refused, and requests to this server alone."""
        self.checks.equal(f"served, {step}: nothing logged, nothing refused, nobody else asked", self.tab.complaints(re.escape(self.url)), [])

    def address(self):
        """Where the tab is on the server."""
        return self.tab.evaluate("location.href.slice(location.origin.length)")

    def answer(self, target):
        """What the server answers, with no browser between."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        basic = base64.b64encode(f"anyone:{self.password}".encode()).decode()
        connection.request("GET", target, headers={"Authorization": f"Basic {basic}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body


def check_served(checks, tab, binary, export, scratch, pictures, axe):
    """Of the made-up account's September, whose groups have names that need encoding, and of the account itself, which has more months."""
    tab.look(1280, 900, "light")
    with serving(binary, export) as served:
        site = Site(checks, tab, served.url, served.token)
        site.sign_in()
        check_ways(site, binary, export)
        check_dates(site, binary, export)
        check_runs(site, export)
        check_looks(site, pictures, axe)
    edges = ["--from", "2025-08-25T06:00:00Z", "--to", "2025-09-03"]
    must_run(binary, "export", "--demo", *edges, "--out", "two-months", "--quiet", cwd=scratch)
    with serving(binary, scratch / "two-months") as served:
        site = Site(checks, tab, served.url, served.token)
        site.sign_in()
        check_months(site, binary, scratch / "two-months")


def shown_period(report, days, month=None, told="No filter: all runs."):
    """What a page says of a period whose report this is."""
    totals = report["totals"]
    period = {"usd": totals["usage_total_usd"] or "", "runs": str(totals["runs"]), "from": days[0], "to": days[1], "month": month}
    return {**period, "told": told, "ignored": ""}


def report_of_days(binary, export, days, *where):
    """`report --format json` of some days."""
    return json.loads(must_run(binary, "report", export, "--from", days[0], "--to", days[1], *where, "--format", "json", cwd=export.parent).stdout)


def check_ways(site, binary, export):
    """Links to tables follow the filter where their tables do, and answer what `report` prints."""
    checks, tab = site.checks, site.tab
    site.visit("/")
    data = json.loads(tab.evaluate("document.getElementById('cube').textContent"))
    odd = [name for name in data["groups"] if re.search(r"[,&%<]", name)]
    checks.that("served: groups have names that need encoding", len(odd) >= 3, data["groups"])
    filters = [(None, {}), (WEEK, {"status": ["FAILED", "TIMED-OUT"]}), (WEEK, {"group": odd}), (None, {"actor": [data["actors"][1][0]], "group": odd[:1]})]
    for days, lists in filters:
        where = "&".join(f"{key}={','.join(encoded(value) for value in data_order(data, key, values))}" for key, values in lists.items())
        fragment = "&".join(filter(None, [f"from={days[0]}&to={days[1]}" if days else "", where]))
        at = f"at #{fragment[:50]}"
        checks.equal(f"served, {at}: the page knows the filter", ask(tab, fragment)["ignored"], "")
        ways = tab.evaluate(WAYS)
        sections = tab.evaluate("[...document.querySelectorAll('section[data-columns]')].map(section => section.id)")
        targets = lambda names, query: {name: [f"/report/{name}.{kind}{query}" for kind in KINDS] for name in names}
        checks.equal(f"served, {at}: tables that follow the filter have links that do", ways["[data-query]"], targets(sections, fragment and f"?{fragment}"))
        others = ways[":not([data-query])"]
        checks.equal(f"served, {at}: the other tables have links to all runs", others, targets(others, ""))
        options = [*(["--from", days[0], "--to", days[1]] if days else []), *(["--where", where] if where else [])]
        for name, kind in TABLES:
            printed = must_run(binary, "report", export, *options, "--format", kind, "--only", name, cwd=export.parent).stdout.encode()
            status, body = site.answer(ways["[data-query]"][name][KINDS.index(kind)])
            checks.that(f"served, {at}: {name}.{kind} is what report prints", (status, body) == (200, printed), f"{status} {body[:300]!r}, expected {printed[:300]!r}")
    site.check_manners("filtered")


def data_order(data, key, values):
    """Values as the address has them: in the order of the page's data."""
    order = {"actor": [actor for actor, _ in data["actors"]], "status": data["statuses"], "group": data["groups"]}[key]
    return sorted(values, key=order.index)


def check_dates(site, binary, export):
    """Two dates lead to the page of their period, and Back to the one before; other days are refused in words."""
    checks, tab = site.checks, site.tab
    whole, week = [report_of_days(binary, export, days) for days in [WHOLE, WEEK]]
    site.visit("/")
    checks.equal("served: the page of an export is of its period", tab.evaluate(PERIOD), shown_period(whole, WHOLE, "2025-09"))
    site.follow(SUBMIT % json.dumps(WEEK))
    checks.equal("served: two dates lead to their period", tab.evaluate(PERIOD), shown_period(week, WEEK))
    checks.equal("served: by its address", site.address(), "/?from=2025-09-08&to=2025-09-15")
    site.back()
    checks.equal("served: Back leads to the period before, also in the fields", tab.evaluate(PERIOD), shown_period(whole, WHOLE, "2025-09"))
    where = ["--where", "status=FAILED"]
    site.visit("/?timezone=Europe/Prague#from=2025-09-10&status=FAILED")
    site.follow(SUBMIT % json.dumps(TWO_DAYS))
    checks.equal("served: the filter goes along but for its days, and so does the time zone", site.address(), "/?from=2025-09-20&to=2025-09-22&timezone=Europe%2FPrague#status=FAILED")
    failed = report_of_days(binary, export, TWO_DAYS, "--timezone", "Europe/Prague", *where)
    shown = tab.evaluate(PERIOD)
    checks.equal("served: the figures are those of that period and filter", shown, shown_period(failed, TWO_DAYS, told=shown["told"]))
    checks.that("served: and the page says so", shown["told"].startswith("Filter: Statuses: FAILED."), shown["told"])
    site.visit("/#status=FAILED")
    site.follow("document.querySelector('#periods a[href*=from]').click()")
    failed, shown = report_of_days(binary, export, WHOLE, *where), tab.evaluate(PERIOD)
    checks.equal("served: all that there is, of the same filter", shown, shown_period(failed, WHOLE, "2025-09", told=shown["told"]))
    address = site.address()
    tab.evaluate(SUBMIT % json.dumps(OUTSIDE))
    checks.equal("served: the fields take no day that is not there", [site.address(), tab.evaluate("document.getElementById('dates').checkValidity()")], [address, False])
    tab.load("Page.navigate", url=f"{site.url}/?from={OUTSIDE[0]}&to={OUTSIDE[1]}")
    text = tab.evaluate(TEXT)
    checks.that("served: an address of other days is refused with the days that are there", "does not cover 5–8 October 2025" in text and "it holds 1–30 September 2025" in text, text)
    logged = [event["params"].get("entry", {}).get("text", event["method"]) for event in tab.complaints(re.escape(site.url))]
    checks.that("served: and the browser notes its status alone", len(logged) == 1 and "400" in logged[0], logged)


def check_runs(site, export):
    """From an opened Actor to its most expensive run, and back."""
    checks, tab = site.checks, site.tab
    site.visit("/#status=SUCCEEDED,FAILED")
    told = tab.evaluate("document.getElementById('filter-told').textContent")
    actor = tab.evaluate("document.querySelector('#cost_by_actor tr[data-key]').dataset.key")
    tab.evaluate("document.querySelector('#cost_by_actor .opens').click()")
    run = max((row for row in read_table(export / "runs.csv")[1] if row["act_id"] == actor), key=lambda row: Decimal(row["usage_total_usd"] or 0))
    site.follow("document.querySelector('.detail a[href^=\"/runs/\"]').click()")
    checks.equal("served: an Actor's first run is its most expensive one", site.address(), f"/runs/{run['id']}")
    cells = tab.evaluate("Object.fromEntries([...document.querySelectorAll('#run tbody tr')].map(row => [...row.cells].map(cell => cell.textContent)))")
    expected = {column: value.removeprefix("'") or "none" for column, value in run.items()}
    checks.equal("served: its page has every column of it", cells, expected)
    site.back()
    checks.equal("served: Back leads to the filtered page", [site.address(), tab.evaluate("document.getElementById('filter-told').textContent")], ["/#status=SUCCEEDED,FAILED", told])


def check_looks(site, pictures, axe):
    """A period's page and a run's, in two widths and schemes."""
    checks, tab = site.checks, site.tab
    site.visit("/")
    run = tab.evaluate("document.querySelector('#dearest_runs a[href^=\"/runs/\"]').getAttribute('href')")
    for name, path in {"period": "/#status=FAILED", "run": run}.items():
        for width in [390, 1280]:
            for scheme in ["light", "dark"]:
                where = f"served, the {name}, {width} wide, {scheme}"
                tab.look(width, 900, scheme)
                site.visit(path)
                pictures.joinpath(f"served-{name}-{width}-{scheme}.png").write_bytes(tab.picture())
                tab.evaluate("document.querySelectorAll('details').forEach(details => details.open = true); document.querySelector('.opens')?.click()")
                checks.that(f"{where}: no scrolling sideways", tab.evaluate(WIDER) <= 0, tab.evaluate(WIDER))
                tab.evaluate(axe)
                checks.equal(f"{where}: axe-core finds nothing", tab.evaluate(AXE), [])
    tab.look(1280, 900, "light")


def check_months(site, binary, export):
    """Of an export that begins within a day and ends within a month: its months lead to what it has of them."""
    checks, tab = site.checks, site.tab
    site.visit("/")
    months = "[...document.querySelectorAll('#periods a')].map(link => link.textContent)"
    checks.equal("served: the months, the latest first", tab.evaluate(months), ["2025-09", "2025-08", "all"])
    checks.equal("served: the first day to choose is a whole one", tab.evaluate("document.getElementById('dates').from.min"), "2025-08-26")
    for text, days, dates, month in [
        ("2025-08", ("2025-08-25T06:00:00Z", "2025-09-01"), ("2025-08-25", "2025-09-01"), "2025-08"),
        ("2025-09", ("2025-09-01", "2025-09-03"), ("2025-09-01", "2025-09-03"), "2025-09"),
        ("all", ("2025-08-25T06:00:00Z", "2025-09-03"), ("2025-08-25", "2025-09-03"), None),
    ]:
        site.follow(f"[...document.querySelectorAll('#periods a')].find(link => link.textContent === '{text}').click()")
        checks.equal(f"served: the link to {text} leads there", tab.evaluate(PERIOD), shown_period(report_of_days(binary, export, days), dates, month))
    site.back()
    checks.equal("served: and Back to the one before", tab.evaluate(PERIOD)["month"], "2025-09")
