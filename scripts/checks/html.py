# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==13.0.0", "pypdf==7.1.1", "websocket-client==1.9.2"]
#
# [tool.check]
# compares = "report.html with Chromium: light and dark, desktop, phone and paper"
# needs = ["Chromium", "npm"]
# minutes = 8
# megabytes = 12
#
# [tool.check.options]
# "--filters N" = { default = 200, help = "how many random filters are tried of each account" }
# "--seed N" = { default = 1, help = "which random filters" }
# "--pictures DIR" = "keep the screenshots and PDF files in DIR"
# "--update" = "write README's pictures, docs/images, rather than check anything"
# ///
"""Looks at report.html with headless Chromium over its DevTools protocol, and asks it questions: random filters show what `report --where`
does, to the last digit. Nothing logged, nothing that breaks the page's policy, no scrolling
sideways, letters that can be read in light and dark, figures that are report.json's, and pages of paper. An account of ordinary size, and
one whose names want to break out; and the page as `serve` shows it, with its ways to other periods, tables and runs. Whether it looks good is for people to say. No browser is installed here, and none but the one that was
started is ended.

`--update` keeps the first part of the made-up account's page as docs/images/report-light.png and report-dark.png, with few colours, so that
each is small: for when the page has changed."""

import base64
import contextlib
import gzip
import http.client
import http.server
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import websocket
from PIL import Image
from pypdf import PdfReader

from checks.browsing.filters import ask, check_csv, check_filters, data_of, differences, report_of
from checks.browsing.manners import check_looks, check_manners, check_without_script, measure
from checks.browsing.served import check_served
from checks.support.account import ROOT, Checks, must_run, read_json, server
from checks.support.environments import command_line, npm_packages
from checks.support.processes import child

SIZES = [(1280, 900), (390, 844), (360, 740)]
SHEETS = {"A4": (8.27, 11.69), "Letter": (8.5, 11)}
LEAST_CONTRAST = 4.5
# README's pictures: their size, how many colours they have, and of how many bytes they may be.
PICTURE, COLOURS, MOST_BYTES = (1100, 1160), 256, 120_000
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]
SECONDS = 120
OWN_FILES = r"file:[^?]*/(report|broken)\.html"
# A page that is mailed: its bytes, and as they are packed.
MOST_PAGE, MOST_PACKED = 900_000, 250_000
# Rules of --groups whose names want to break out, too.
GROUPS = """actor;task;user;group
*/leads?importer;;;"Leads, all"
;*-daily-*;;=Daily
;web-*;;"</script><script>alert(1)</script>"
;*-hourly*;;"${1+1} \u2028 & 100%"
"""

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></bdi><b style=color:red>bold",
    "=HYPERLINK(1) {{ 7*7 }} {% raw %}",
    "javascript:alert(1)",
    "back\u202ewards \u2066and\u2069 on",
    "no\u200bwidth\u200b\ufeff",
    "x" * 10_000,
    "wide 日本語の長い名前" * 500,
    "a\u0300" * 5_000,
    "two\nlines\tand\u0007 bells\u001b[31m",
    "&amp; &lt;i&gt; ' \" `",
    "\u200d",
]

# Every text's contrast with what lies behind it, the worst of all (https://www.w3.org/TR/WCAG21/#contrast-minimum).
CONTRAST = """(() => {
  const rgb = text => (text.match(/[0-9.]+/g) || []).map(Number);
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length && (colour[3] === undefined || colour[3] === 1)) return colour;
    }
    return [255, 255, 255];
  };
  let worst = { ratio: 99, text: '', texts: 0 };
  document.querySelectorAll('details').forEach(details => details.open = true);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    if (!text || element.closest('title, desc') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), drawn = element.closest('svg') && element.tagName === 'text';
    const [one, other] = [light(rgb(drawn ? style.fill : style.color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    worst.texts += 1;
    if (ratio < worst.ratio) worst = { ...worst, ratio, text: text.slice(0, 60) };
  }
  return worst;
})()"""

# How far the page is wider than its window, which cells' texts are wider than they are, and which texts of the charts lie upon each other or leave the window.
LAYOUT = """(() => {
  const root = document.documentElement;
  document.querySelectorAll('details').forEach(details => details.open = true);
  const texts = [...document.querySelectorAll('.chart text')].filter(text => text.getClientRects().length);
  const boxes = texts.map(text => text.getBoundingClientRect());
  const upon = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => upon(a, b)));
  const out = boxes.filter(box => box.left < 0 || box.right > root.clientWidth);
  const range = document.createRange();
  const cells = [...document.querySelectorAll('th, td, dd')].filter(cell => cell.getClientRects().length && cell.textContent);
  const spilling = cells.filter(cell => {
    range.selectNodeContents(cell);
    const text = range.getBoundingClientRect(), box = cell.getBoundingClientRect();
    return text.left < box.left - 1 || text.right > box.right + 1;
  });
  return { spilling: spilling.map(cell => cell.textContent.slice(0, 60)), beyond: root.scrollWidth - root.clientWidth, overlapping: pairs.length, outside: out.length, labels: texts.length };
})()"""

# What the page says in figures: the exact sum, each report's amounts row by row, and what would run if it could.
FIGURES = """(() => ({
  exact: document.querySelector('.exact span')?.textContent ?? null,
  tables: Object.fromEntries([...document.querySelectorAll('section')].map(section => [
    section.id,
    [...section.querySelectorAll(':scope > .scroll tbody tr')].map(row => ({
      kind: row.className,
      exact: [...row.querySelectorAll('td[title]')].map(cell => cell.title),
      texts: [...row.children].map(cell => cell.textContent),
    })),
  ])),
  headings: [...document.querySelectorAll('h1, h2, h3, h4')].map(heading => Number(heading.tagName[1])),
  running: document.querySelectorAll('script, img, iframe, object, embed, link, form, base, [style], [onerror]').length,
  links: [...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href')).filter(href => href[0] !== '#'),
  text: document.body.innerText,
}))()"""


class Tab:
    """One page. Keeps what the browser complained of."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.events = []
        for domain in ["Page", "Runtime", "Log", "Audits", "Network"]:
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """Sends a command and waits for its answer; events that come meanwhile are kept."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def open(self, path, fragment=""):
        """Loads a file anew and waits until it has."""
        # With a query of its own each time: another fragment alone would load nothing.
        self.load("Page.navigate", url=f"{Path(path).resolve().as_uri()}?{self.number}{fragment}")

    def load(self, method, **parameters):
        """Sends a command that leads to another page and waits until that is there."""
        self.events.clear()
        self.ask(method, **parameters)
        # A page that the browser kept for Back is not loaded anew.
        is_there = lambda event: event["method"] == "Page.loadEventFired" or event["params"].get("type") == "BackForwardCacheRestore"
        while not any(map(is_there, self.events)):
            self.events.append(json.loads(self.socket.recv()))

    def complaints(self, own=OWN_FILES):
        """What was logged, thrown, or found to break the page's policy; requests but for its own addresses."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return [event for event in self.events if is_complaint(event, own)]

    def evaluate(self, script):
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            sys.exit(f"the page's answer to {script[:60]!r}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def look(self, width, height, scheme):
        """The width that the page gets to see, and light or dark."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media="", features=features)

    def picture(self):
        """The whole page as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def printed(self, width, height):
        """The page as PDF on paper of this size in inches."""
        self.ask("Emulation.setEmulatedMedia", media="", features=[])
        sheet = {"paperWidth": width, "paperHeight": height, "preferCSSPageSize": False}
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=False, **sheet)["data"])


def is_complaint(event, own):
    """Whether an event is one: of the requests, those for the page itself and the browser's own picture in a field for dates are not."""
    method = event["method"]
    if method == "Network.requestWillBeSent":
        return not re.match(rf"{own}|data:image/svg", event["params"]["request"]["url"])
    # Entries of the history that nobody clicked for: checks made them.
    if method == "Audits.issueAdded":
        return "NavigationEntryMarkedSkippable" not in json.dumps(event)
    return method in ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]


@contextlib.contextmanager
def tab():
    """A page in a browser of its own, which is ended with the block."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    if binary is None:
        sys.exit(f"no browser: one of {', '.join(BROWSERS)} has to be in PATH (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="apify-runs-chromium-", ignore_cleanup_errors=True) as home:
        command = [binary, *FLAGS, f"--user-data-dir={home}", "about:blank"]
        process = child(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = opened_port(Path(home) / "DevToolsActivePort", process)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            connection.request("GET", "/json/list")
            targets = json.loads(connection.getresponse().read())
            connection.close()
            url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
            socket = websocket.create_connection(url, timeout=SECONDS, suppress_origin=True)
            yield Tab(socket)
            socket.close()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def opened_port(file, process):
    """The port at which the browser is to be talked to, once it has written it down."""
    for _ in range(SECONDS * 10):
        if file.exists() and "\n" in (text := file.read_text(encoding="utf-8")):
            return int(text.split("\n")[0])
        if process.poll() is not None:
            sys.exit(f"the browser ended at once, with {process.returncode}")
        time.sleep(0.1)
    sys.exit("the browser didn't open its port")


class Renaming(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the made-up account, and gives its Actors and tasks names that want to break out."""

    protocol_version = "HTTP/1.1"
    upstream = ""

    def do_GET(self):
        """The same answer, renamed."""
        connection = http.client.HTTPConnection(self.upstream.removeprefix("http://"), timeout=60)
        connection.request("GET", self.path, headers={"Authorization": self.headers["Authorization"]})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200 and re.search(r"actors|acts|actor-tasks", self.path):
            body = json.dumps(renamed(json.loads(body))).encode()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in ["content-type", "date", "retry-after"]:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_response(self, code, message=None):
        """Without a `Date` of its own: the made-up account's clock is handed on."""
        self.send_response_only(code, message)

    def log_message(self, *_):
        """Says nothing."""


def renamed(value):
    """The same JSON, every name in it a hostile one, the same one each time."""
    if isinstance(value, list):
        return [renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: renamed(item) for key, item in value.items()}
    if "id" in value and "name" in value:
        value["name"] = HOSTILE[sum(value["id"].encode()) % len(HOSTILE)]
    return value


@contextlib.contextmanager
def renaming(upstream):
    """A server of it; yields its URL."""
    handler = type("Handler", (Renaming,), {"upstream": upstream})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()


def check_figures(checks, name, page, folder):
    """The page's figures against report.json's."""
    report = read_json(folder / "report.json")
    checks.equal(f"{name}: the exact sum is report.json's", page["exact"], report["totals"]["usage_total_usd"])
    for table in ["cost_by_actor", "cost_by_task", "status_summary", "cost_by_user", "dearest_runs"]:
        rows = [row for row in page["tables"].get(table, []) if row["kind"] == ""]
        shown = [row["exact"][0] if row["exact"] else None for row in rows]
        checks.equal(f"{name}: {table} as in report.json", shown, [row["usage_total_usd"] for row in report[table][: len(shown)]])
        checks.that(f"{name}: {table} shows at most its first 21", 0 < len(shown) <= 21, len(shown))
    total = next(row for row in page["tables"]["cost_by_actor"] if row["kind"] == "total")
    checks.equal(f"{name}: the total row", total["exact"][0], report["totals"]["usage_total_usd"])
    checks.that(f"{name}: the number of runs is told", f"{report['totals']['runs']:,}" in page["text"])
    for caveat in report["caveats"]:
        checks.that(f"{name}: says '{caveat[:40]}…'", caveat in page["text"])
    listed = {row["texts"][0]: row["texts"][3] for row in page["tables"]["files"]}
    manifest = read_json(folder / "manifest.json")
    files = {file["path"]: file["sha256"] for file in manifest["files"] if file["path"] != "report.html"}
    checks.equal(f"{name}: files and hashes as in the manifest", listed, files)


def check_page(checks, name, browser, folder, pictures):
    """One page, in every size, scheme and on paper."""
    path = folder / "report.html"
    size, packed = path.stat().st_size, len(gzip.compress(path.read_bytes()))
    # Names of 10,000 letters are in the data in full.
    checks.that(f"{name}: small enough to mail", (size < MOST_PAGE or name == "hostile") and packed < MOST_PACKED, (size, packed))
    print(f"        {name}: {size:,} bytes, packed {packed:,}")
    for width, height in SIZES:
        for scheme in ["light", "dark"]:
            where = f"{name}, {width} wide, {scheme}"
            browser.look(width, height, scheme)
            browser.open(path)
            pictures.joinpath(f"{name}-{width}-{scheme}.png").write_bytes(browser.picture())
            layout = browser.evaluate(LAYOUT)
            checks.that(f"{where}: no scrolling sideways", layout["beyond"] <= 0, layout["beyond"])
            checks.that(f"{where}: the chart's labels are apart", layout["overlapping"] == 0 and layout["outside"] == 0, layout)
            checks.equal(f"{where}: every text within its cell", layout["spilling"], [])
            contrast = browser.evaluate(CONTRAST)
            checks.that(f"{where}: letters can be read", contrast["texts"] > 100 and contrast["ratio"] >= LEAST_CONTRAST, contrast)
            checks.equal(f"{where}: nothing logged, nothing refused", browser.complaints(), [])
    page = browser.evaluate(FIGURES)
    checks.equal(f"{name}: the data, the script, and nothing else that could run or load", page["running"], 2)
    steps = zip(page["headings"], page["headings"][1:])
    checks.that(f"{name}: headings in order", page["headings"][0] == 1 and all(b <= a + 1 for a, b in steps), page["headings"])
    check_figures(checks, name, page, folder)
    for sheet, size in SHEETS.items():
        browser.open(path)
        pdf = browser.printed(*size)
        pictures.joinpath(f"{name}-{sheet}.pdf").write_bytes(pdf)
        pages = PdfReader(io.BytesIO(pdf)).pages
        text = " ".join("".join(page.extract_text() for page in pages).split())
        report = read_json(folder / "report.json")
        told = [report["totals"]["usage_total_usd"], f"{report['totals']['runs']:,}", report["cost_by_day"][-1]["day"]]
        checks.that(f"{name}, {sheet}: printed on a few pages", 0 < len(pages) < 25, len(pages))
        print(f"        {name}, {sheet}: {len(pages)} pages")
        checks.equal(f"{name}, {sheet}: totals and days are printed", [fact for fact in told if fact not in text], [])
    return page


def check_questions(checks, browser, scratch, groups, pictures, options):
    """What the page answers, of accounts of an ordinary size, of hostile names, and of more Actors than the page has cells for."""
    axe = (npm_packages("axe-core@4.14.1") / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    accounts = {"demo": (options.filters, groups), "hostile": (options.filters, groups), "large": (max(options.filters // 10, 1), None)}
    for name, (count, rules) in accounts.items():
        export = scratch / name
        page = export / "report.html"
        browser.look(1280, 900, "light")
        if name == "large":
            shared = browser_text(browser, page, "#cost_by_actor .folded")
            checks.that("large: says how many Actors share a sum", re.search(r"The [0-9,]+ Actors .* share one row", shared or ""), shared)
        else:
            check_without_script(checks, name, browser, page)
            check_looks(checks, name, browser, page, pictures, axe)
        check_filters(checks, name, browser, page, export, options.binary, rules, scratch, options.seed, count)
        check_csv(checks, name, browser, page, export, options.binary, rules, scratch, options.seed)
    check_part(checks, browser, options.binary, groups, scratch)
    check_served(checks, browser, options.binary, scratch / "demo", scratch, pictures, axe)
    check_manners(checks, browser, scratch / "demo" / "report.html")
    checks.equal("manners: nothing logged, nothing refused, nothing asked for", browser.complaints(), [])
    measure(browser, scratch / "demo" / "report.html")


def check_part(checks, browser, binary, groups, scratch):
    """The page of some runs alone, of which none is unsuccessful: its own filters narrow further."""
    only = ["--where", "status=SUCCEEDED"]
    report_of(binary, scratch / "demo", groups, only, "part", scratch, "html,json")
    page = scratch / "part" / "report.html"
    whole = read_json(scratch / "part" / "report.json")
    browser.open(page)
    checks.equal("part: its total", browser.evaluate("document.getElementById('usage').dataset.usd"), whole["totals"]["usage_total_usd"])
    narrower = read_json(report_of(binary, scratch / "demo", groups, [*only, "--from", "2025-09-01", "--to", "2025-09-05"], "narrower", scratch) / "report.json")
    shown = ask(browser, "to=2025-09-05")
    checks.equal("part: its filter narrows it further", differences(shown, narrower, data_of(page)), [])
    checks.equal("part: nothing logged, nothing refused, nothing asked for", browser.complaints(), [])


def browser_text(browser, page, selector):
    """What is shown at a place of a page; none where there is no such place, or it is hidden."""
    browser.open(page)
    return browser.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText")


def check_that_it_can_fail(checks, browser, page, scratch):
    """What the checks look for is found where it is."""
    broken = scratch / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("<main>", '<main style="color: red"><script>1</script>', 1), encoding="utf-8")
    browser.open(broken)
    checks.that("a style and a script of its own would be refused and noticed", len(browser.complaints()) >= 2)


def update_pictures(binary):
    """README's pictures."""
    with tempfile.TemporaryDirectory(prefix="apify-runs-html-") as scratch:
        must_run(binary, "export", "--demo", "--quiet", "--out", "export", cwd=scratch)
        for scheme in ["light", "dark"]:
            with tab() as browser:
                browser.look(*PICTURE, scheme)
                browser.open(Path(scratch, "export", "report.html"))
                save_picture(browser.picture(), ROOT / "docs" / "images" / f"report-{scheme}.png")


def save_picture(png, path):
    """Writes the upper part of a picture with few colours; too many bytes are an error."""
    whole = Image.open(io.BytesIO(png)).convert("RGB")
    part = whole.crop((0, 0, whole.width, min(PICTURE[1], whole.height)))
    # Colours by how far they are apart: by how often they occur, those of the chart's small parts would be lost.
    part.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size:,} bytes")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES:,} bytes: fewer COLOURS, or a lower PICTURE")


def main():
    """Exports, then looks."""
    options = command_line(__file__)
    binary = options.binary
    if options.update:
        update_pictures(binary)
        return
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-html-") as scratch:
        scratch = Path(scratch)
        pictures = options.pictures or scratch / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        groups = scratch / "groups.csv"
        groups.write_text(GROUPS, encoding="utf-8")
        must_run(binary, "export", "--demo", "--groups", groups, "--out", "demo", cwd=scratch)
        week = ["--from", "2025-09-01", "--to", "2025-09-08", "--rate", "0"]
        with server(binary, "--runs", "20000") as url, renaming(url) as renamed_url:
            must_run(binary, "export", *week, "--groups", groups, "--api-url", renamed_url, "--out", "hostile", cwd=scratch)
        with server(binary, "--runs", "300000", "--actors", "50000") as url:
            must_run(binary, "export", "--month", "2025-09", "--rate", "0", "--api-url", url, "--out", "large", cwd=scratch)
        with tab() as browser:
            page = check_page(checks, "demo", browser, scratch / "demo", pictures)
            checks.equal("demo: no link to what is made up", page["links"], [])
            page = check_page(checks, "hostile", browser, scratch / "hostile", pictures)
            expected = re.compile(r"https://console\.apify\.com/actors/runs/[A-Za-z0-9]+")
            checks.that("hostile: links lead to Apify Console alone", len(page["links"]) == 20, page["links"])
            checks.equal("hostile: other links", [link for link in page["links"] if not expected.fullmatch(link)], [])
            checks.that("hostile: the names are there, as text", "<script>alert(1)</script>" in page["text"])
            check_that_it_can_fail(checks, browser, scratch / "demo" / "report.html", scratch)
            check_questions(checks, browser, scratch, groups, pictures, options)
        if options.pictures:
            print(f"pictures are in {pictures}")
    checks.close()


if __name__ == "__main__":
    main()
