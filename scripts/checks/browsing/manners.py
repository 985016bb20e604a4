"""How report.html behaves with its script and without: clicks, keys, drags, the browser's history, a shared address, paper, axe-core's rules,
and how long things take."""

import io
import json
import statistics

from pypdf import PdfReader

from checks.browsing.filters import ask, data_of

ADDRESS = "location.hash"
TOLD = "document.getElementById('filter-told').textContent"
# The text of what is there, by section, whether or not a script has made it.
TEXTS = """Object.fromEntries([...document.querySelectorAll('main > section')].map(section => [
  section.id,
  [...section.querySelectorAll('.legend li, tbody tr')].map(row => row.innerText.replace(/\\s+/g, ' ').trim()),
]))"""
# From the change of the address to the next frame that shows it.
CHANGE = """new Promise(done => {
  const start = performance.now();
  addEventListener('hashchange', () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))), { once: true });
  location.hash = %s;
})"""
PAINT = "new Promise(done => setTimeout(() => done(performance.getEntriesByName('first-contentful-paint')[0]?.startTime), 200))"
AXE = "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(rule => `${rule.id}: ${rule.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(' ')}`))"


def check_without_script(checks, name, tab, page):
    """The page without scripts is complete, has no controls, and shows what it shows with them while nothing is chosen."""
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(page)
    without = tab.evaluate(TEXTS)
    hidden = tab.evaluate("[...document.querySelectorAll('#filters, .why')].filter(part => part.getClientRects().length).length")
    tab.ask("Emulation.setScriptExecutionDisabled", value=False)
    tab.open(page)
    checks.equal(f"{name}: without scripts there are no controls", hidden, 0)
    checks.equal(f"{name}: with scripts, the filters are there", tab.evaluate("document.getElementById('filters').hidden"), False)
    checks.equal(f"{name}: the data is there once", tab.evaluate("document.querySelectorAll('#cube').length"), 1)
    for section, rows in tab.evaluate(TEXTS).items():
        checks.equal(f"{name}: {section} has the same rows without scripts", without[section], rows)


def press(tab, key, code):
    """A key, pressed and let go."""
    for kind in ["keyDown", "keyUp"]:
        tab.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text="\r" if key == "Enter" and kind == "keyDown" else "")


def drag(tab, start, end):
    """The mouse from one place to another, pressed; a click where they are one."""
    for kind, (x, y), pressed in [("mouseMoved", start, 0), ("mousePressed", start, 1), ("mouseMoved", end, 1), ("mouseReleased", end, 0)]:
        tab.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" and not pressed else "left", buttons=pressed, clickCount=1)


def day_at(tab, at):
    """Where the place of a bar is on the screen."""
    box = tab.evaluate("(() => { const plot = document.querySelector('.plot'); plot.scrollIntoView({ block: 'center' }); const { left, top, width } = plot.getBoundingClientRect(); return [left, top, width]; })()")
    days = tab.evaluate("document.querySelectorAll('#cost_by_day tbody tr[data-key]').length")
    return box[0] + (at + 0.5) * box[2] / days, box[1] + 200


def back(tab, by=-1):
    """One step in the history, as the browser's own buttons go."""
    tab.evaluate(f"new Promise(done => {{ addEventListener('popstate', () => setTimeout(done, 30), {{ once: true }}); history.go({by}); }})")


def check_manners(checks, tab, page):
    """Of the made-up account: its period is September 2025."""
    data = data_of(page)
    first, second = data["actors"][0][0], data["actors"][1][0]
    tab.look(1280, 900, "light")
    tab.open(page)
    told = lambda what, expected: checks.equal(what, tab.evaluate(ADDRESS), expected)
    place = day_at(tab, 7)
    drag(tab, place, place)
    told("a click on a bar narrows to its day", "#from=2025-09-08&to=2025-09-09")
    back(tab)
    told("back shows all again", "")
    checks.that("and says so", tab.evaluate(TOLD).startswith("No filter"))
    drag(tab, day_at(tab, 7), day_at(tab, 13))
    told("dragging over days narrows to them", "#from=2025-09-08&to=2025-09-15")
    tab.evaluate(f"document.querySelector('#cost_by_actor tr[data-key=\"{first}\"] .to').focus()")
    press(tab, "Enter", 13)
    told("Enter on an Actor's name adds it", f"#from=2025-09-08&to=2025-09-15&actor={first}")
    checks.equal("the focus stays on the name", tab.evaluate("document.activeElement.closest('tr')?.dataset.key"), first)
    tab.evaluate("document.querySelector('#status_summary tr[data-key=FAILED] .to').click()")
    told("a status is added behind it", f"#from=2025-09-08&to=2025-09-15&actor={first}&status=FAILED")
    back(tab)
    back(tab)
    told("twice back", "#from=2025-09-08&to=2025-09-15")
    back(tab, 2)
    told("twice forward", f"#from=2025-09-08&to=2025-09-15&actor={first}&status=FAILED")
    filtered = tab.evaluate(TOLD)
    tab.evaluate("location.hash = 'cost_by_actor'; new Promise(done => setTimeout(done, 50))")
    checks.equal("the anchor of a section leaves the filter as it is", tab.evaluate(TOLD), filtered)
    checks.that("and scrolls", tab.evaluate("Math.abs(document.getElementById('cost_by_actor').getBoundingClientRect().top)") < 120)
    tab.evaluate("document.getElementById('filter-reset').click()")
    checks.that("Reset shows all", tab.evaluate(TOLD).startswith("No filter"))
    back(tab)
    checks.equal("back from Reset", tab.evaluate(TOLD), filtered)
    tab.open(page, f"#to=2025-09-15&actor={first},{second}")
    checks.equal("a shared address opens filtered", tab.evaluate("[...document.querySelectorAll('#cost_by_actor tbody tr[data-key]')].map(row => row.dataset.key).sort()"), sorted([first, second]))
    ask(tab, "from=2025-02-31&actor=nobody&status=%ff&__proto__=1&=&from=2025-09-20&to=2025-09-10")
    ignored = tab.evaluate("document.getElementById('filter-ignored').innerText")
    checks.that("nonsense in the address is ignored with a sentence", all(part in ignored for part in ["2025-02-31", "nobody", "%ff", "from and to"]), ignored)
    checks.that("and all runs are shown", tab.evaluate(TOLD).startswith("No filter"))
    check_table(checks, tab, first)
    check_lists(checks, tab, first)


def check_table(checks, tab, first):
    """Sorting by a head, and what an Actor opens to."""
    column = "[...document.querySelectorAll('#cost_by_actor tbody tr[data-key]')].map(row => Number(row.cells[%d].textContent.replaceAll(',', '')))"
    tab.evaluate("document.querySelector('#cost_by_actor th[data-column=runs] .sort').click()")
    runs = tab.evaluate(column % 3)
    checks.equal("a click on a head sorts, largest first", runs, sorted(runs, reverse=True))
    checks.equal("and says so", tab.evaluate("document.querySelector('#cost_by_actor th[data-column=runs]').getAttribute('aria-sort')"), "descending")
    tab.evaluate("document.querySelector('#cost_by_actor th[data-column=runs] .sort').click()")
    runs = tab.evaluate(column % 3)
    checks.equal("a second click turns it around", runs, sorted(runs))
    tab.evaluate(f"location.hash = 'actor={first}'; new Promise(done => setTimeout(done, 50))")
    tab.evaluate(f"document.querySelector('#cost_by_actor tr[data-key=\"{first}\"] .opens').click()")
    opened = tab.evaluate("[document.querySelector('.opens').getAttribute('aria-expanded'), [...document.querySelectorAll('.detail caption')].map(part => part.textContent), [...document.querySelectorAll('.detail table')].map(part => part.tBodies[0].rows.length)]")
    checks.equal("an Actor opens to its days, statuses and most expensive runs", [opened[0], len(opened[1]), all(opened[2])], ["true", 3, True])


def check_lists(checks, tab, first):
    """The lists of Actors and statuses, and the dates."""
    tab.evaluate("document.getElementById('filter-reset').click()")
    tab.evaluate("document.querySelector('#filter-actor summary').click(); new Promise(done => setTimeout(done, 50))")
    tab.evaluate(f"(() => {{ const search = document.querySelector('#filter-actor [type=search]'); search.value = '{first.lower()}'; search.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()")
    boxes = "[...document.querySelectorAll('#filter-actor li')].filter(item => !item.hidden)"
    checks.equal("the search finds an Actor by its ID", tab.evaluate(f"{boxes}.length"), 1)
    tab.evaluate(f"{boxes}[0].querySelector('input').click()")
    checks.equal("and its box narrows to it", tab.evaluate(ADDRESS), f"#actor={first}")
    press(tab, "Escape", 27)
    tab.evaluate("(() => { const from = document.getElementById('filter-from'); from.value = '2025-09-20'; from.dispatchEvent(new Event('change')); })()")
    checks.equal("a date is in the address", tab.evaluate(ADDRESS), f"#from=2025-09-20&actor={first}")
    tab.evaluate("(() => { const to = document.getElementById('filter-to'); to.value = '2025-09-20'; to.dispatchEvent(new Event('change')); })()")
    checks.that("dates that leave no day are refused with a sentence", "Choose two days" in tab.evaluate("document.getElementById('filter-ignored').textContent"))
    checks.equal("and change nothing", tab.evaluate(ADDRESS), f"#from=2025-09-20&actor={first}")


def check_looks(checks, name, tab, page, pictures, axe):
    """A filtered page in every width and scheme, on paper, and by axe-core's rules."""
    fragment = "from=2025-09-03&to=2025-09-06&status=FAILED"
    for width in [390, 768, 1280]:
        for scheme in ["light", "dark"]:
            tab.look(width, 900, scheme)
            tab.open(page, f"#{fragment}")
            pictures.joinpath(f"{name}-filtered-{width}-{scheme}.png").write_bytes(tab.picture())
            checks.that(f"{name}, filtered, {width} wide, {scheme}: no scrolling sideways", tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0)
            tab.evaluate("document.querySelector('.opens')?.click()")
            tab.evaluate(axe)
            checks.equal(f"{name}, filtered, {width} wide, {scheme}: axe-core finds nothing", tab.evaluate(AXE), [])
    tab.look(1280, 900, "light")
    tab.open(page)
    tab.evaluate(axe)
    checks.equal(f"{name}: axe-core finds nothing", tab.evaluate(AXE), [])
    tab.ask("Emulation.setEmulatedMedia", media="", features=[{"name": "forced-colors", "value": "active"}])
    tab.open(page, f"#{fragment}")
    pictures.joinpath(f"{name}-forced-colours.png").write_bytes(tab.picture())
    checks.equal(f"{name}: forced colours are in force", tab.evaluate("matchMedia('(forced-colors: active)').matches"), True)
    pdf = tab.printed(8.27, 11.69)
    pictures.joinpath(f"{name}-filtered.pdf").write_bytes(pdf)
    text = " ".join("".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages).split())
    checks.that(f"{name}: the filter is on the paper", "Filter: from 2025-09-03; before 2025-09-06; Statuses: FAILED" in text, text[:400])
    checks.equal(f"{name}: controls are not", [word for word in ["Copy as CSV", "Reset", "Show all"] if word in text], [])


def measure(tab, page):
    """Prints how long the first paint and changes of the filter take."""
    paints = []
    for _ in range(5):
        tab.open(page)
        paints.append(tab.evaluate(PAINT))
    fragments = ["status=FAILED", "from=2025-09-08&to=2025-09-15", "", "status=SUCCEEDED", f"actor={data_of(page)['actors'][0][0]}"] * 4
    changes = [tab.evaluate(CHANGE % json.dumps(fragment)) for fragment in fragments]
    scripts = tab.evaluate("[1, 2, 3, 4, 5, 6, 7, 8, 9].map(at => { const start = performance.now(); apply({ ...NONE, status: at % 2 ? [0] : [] }); return performance.now() - start; })")
    medians = [statistics.median(times) for times in [paints, changes, scripts]]
    print("        medians: first paint {:.0f} ms; a change of the filter to its frame {:.0f} ms, of which script {:.0f} ms".format(*medians))
