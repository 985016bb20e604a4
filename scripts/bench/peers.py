"""Times whole processes that get every run of the made-up account's month into Parquet: the export, and what else there is for
it (Apify's own JavaScript, Python and Rust clients, each with a usual Parquet writer, and dlt), each written as its
documentation shows and as fast as an hour of work makes it. Rounds in turns: a ratio is the median of those of the rounds, to ours
with as many requests at once. What each peer wrote is compared with what the server has, apart from what is timed. Needs Node.js 20
with npm, Rust, and their package indexes; all traffic of what is measured is to loopback. Asserts nothing: a peer that lacks runs, or
fails, is a line too. With --update, the tables of README.md and docs/benchmarks.md are what was measured."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bench.measuring import MEBIBYTE, Process
from checks.support.account import ROOT, Account, exact_sum, must_run, plain, rounded
from checks.support.environments import SCRIPTS, TARGET, Parser, npm_packages, program, python_with, rust_program
from checks.support.processes import serving

PEERS = Path(__file__).resolve().parent / "peers"
IN_FLIGHT, MORE_IN_FLIGHT = 8, (16, 32)
OURS, JS, PYTHON = "apify-runs, Parquet only", "JS client, parquetjs", "Python client 2, pyarrow"
RUST = "Rust client, arrow and parquet"


@dataclass
class Peer:
    """What is timed: its command, given the server's URL and a new folder, and which files in there hold the runs; ours with which it
    is compared."""

    name: str
    command: object
    files: str = "runs.parquet"
    ours: object = None
    processes: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    failure: str | None = None

    def median(self, measure):
        return statistics.median(measure(process) for process in self.processes)

    def to_ours(self, measure):
        """The median of the ratios of the rounds: a machine's speed drifts, and what is measured in turns drifts with it."""
        pairs = zip(self.processes, (self.ours or self).processes)
        return statistics.median(measure(process) / measure(ours) for process, ours in pairs)


def peers(tools):
    """All that is timed, in the order of the table."""
    node = shutil.which("node")

    def export(*options):
        period = ["export", "--month", "2025-09", "--quiet", "--rate", "0"]
        return lambda url, out: [tools.binary, *period, "--api-url", url, "--out", out / "export", *options]

    def javascript(writer, in_flight):
        return lambda url, out: [node, PEERS / "javascript.js", tools.modules, url, out / "runs.parquet", writer, in_flight]

    def python(interpreter, in_flight):
        return lambda url, out: [interpreter, PEERS / "python.py", url, out / "runs.parquet", in_flight]

    def rust(in_flight):
        return lambda url, out: [tools.rust, url, out / "runs.parquet", in_flight]

    def dlt(url, out):
        return [tools.dlt, PEERS / "python.py", url, out]

    parquet = ["--format", "parquet", "--details", "none", "--no-names"]
    ours = {
        at_once: Peer(
            OURS if at_once == IN_FLIGHT else f"{OURS}, {at_once} at once",
            export(*parquet, "--concurrency", str(at_once)),
            "export/runs.parquet",
        )
        for at_once in (IN_FLIGHT, *MORE_IN_FLIGHT)
    }
    first, at_once = ours[IN_FLIGHT], f"{IN_FLIGHT} at once"
    return [
        *ours.values(),
        Peer("apify-runs, all it does by default", export("--detail-rate", "0"), "export/runs.parquet", first),
        Peer(JS, javascript("parquetjs", 1), ours=first),
        Peer(f"JS client, DuckDB, {at_once}", javascript("duckdb", IN_FLIGHT), ours=first),
        Peer(PYTHON, python(tools.python2, 1), ours=first),
        Peer(f"Python client 2, pyarrow, {at_once}", python(tools.python2, IN_FLIGHT), ours=first),
        Peer("Python client 3, pyarrow", python(tools.python3, 1), ours=first),
        Peer(RUST, rust(1), ours=first),
        *(Peer(f"{RUST}, {at_once} at once", rust(at_once), ours=ours[at_once]) for at_once in ours),
        Peer("dlt, rest_api to filesystem", dlt, "loaded/*/runs/*.parquet", first),
    ]


class Reader:
    """Reads what was written and what the server has, in a process of its own: the memory of those that are timed begins with
    what this one has."""

    def __init__(self, python, url):
        command = [python, "-P", "-m", "bench.peers", "--read", url]
        environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.truth = json.loads(self.process.stdout.readline())

    def verdict(self, files):
        self.process.stdin.write(json.dumps(sorted(map(str, files))) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def time_one(peer, server, reader, scratch):
    out = Path(tempfile.mkdtemp(prefix="out-", dir=scratch))
    before = len(server.requests())
    try:
        peer.processes.append(Process(peer.command(server.url, out), scratch))
        peer.requests.append(len(server.requests()) - before)
        peer.verdicts.append(reader.verdict(out.glob(peer.files)))
    except SystemExit as failed:
        # A peer that can't is a result. What it said ends with why.
        lines = [line.strip() for line in str(failed).splitlines() if line.strip() and "further information" not in line]
        peer.failure = " · ".join(lines[-2:])
    shutil.rmtree(out)


def measured(tools, all_peers, runs, times, latency, scratch):
    """Every peer so many times, in turn; who begins changes from round to round. A peer that has failed isn't asked again."""
    with serving(tools.binary, "--demo", "--runs", str(runs), "--latency", f"{latency}ms") as server:
        reader = Reader(tools.python2, server.url)
        for round in range(times):
            first = round % len(all_peers)
            for peer in all_peers[first:] + all_peers[:first]:
                if peer.failure is None:
                    print(f"{latency} ms, {round + 1} of {times}: {peer.name}", file=sys.stderr)
                    time_one(peer, server, reader, scratch)
        reader.close()
    return reader.truth


def wall(process):
    return process.wall_seconds


def cpu(process):
    return process.cpu_seconds


def peak(process):
    return process.peak_bytes


HEAD = ["", "requests", "seconds", "to ours", "CPU s", "to ours", "peak MiB", "to ours"]


def row(peer):
    if not peer.processes:
        return [peer.name, "fails", *[""] * 6]
    ratio = lambda measure: f"{peer.to_ours(measure):.2f}" if peer.ours else "1"
    return [
        peer.name,
        f"{statistics.median(peer.requests):,.0f}",
        f"{peer.median(wall):.2f}",
        ratio(wall),
        f"{peer.median(cpu):.2f}",
        ratio(cpu),
        f"{peer.median(peak) / MEBIBYTE:.0f}",
        ratio(peak),
    ]


def table(rows):
    """Rows of cells as lines of Markdown; all columns but the first are numbers."""
    widths = [max(len(cells[column]) for cells in [HEAD, *rows]) for column in range(len(HEAD))]
    line = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = lambda cells: [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))]
    return [f"| {' | '.join(padded(cells))} |" for cells in [HEAD, line, *rows]]


def remarks(peer, truth):
    """What a peer's files lack or have otherwise, in whichever round; of each its worst."""
    if peer.failure:
        yield f"fails: {peer.failure}"
        return
    verdict = peer.verdicts[-1]
    yield f"{verdict['rows']:,} rows, sum {verdict['sum']}"
    for name in ["lacks", "not the server's", "repeated", "costs that the list lacks", "costs that aren't nearest to the server's"]:
        worst = max(verdict[name] for verdict in peer.verdicts)
        if worst:
            yield f"{name}: {worst:,}"
    if verdict["without a cost"] != truth["without a cost"]:
        yield f"{verdict['without a cost']:,} runs without a cost"
    if len(verdict["cost columns"]) > 1:
        yield f"costs in {len(verdict['cost columns'])} columns: {', '.join(verdict['cost columns'])}"
    if verdict["files"] > 1:
        yield f"{verdict['files']} files"
    walls = [process.wall_seconds for process in peer.processes]
    yield f"{verdict['bytes'] / max(verdict['rows'], 1):.0f} bytes a run; {min(walls):.2f} to {max(walls):.2f} s"


UNEQUAL = """What is not equal:

- The export does more: it counts each window before it reads it, walks by start, keeps one row per ID in order, computes `cost_state`,
  keeps fields that it does not know, adds up exactly, reports, and hashes. The peers page through one list by offset and check nothing.
- The export has decimals from the JSON text on; the peers have doubles.
- "All it does by default" also asks for names and for the details of runs without a cost, and writes the CSV, every report, the page
  and the workbook.
- The first line of each client has one request in flight, as its documentation shows; dlt has no other way. The export has up to 8.
- The server runs on the same cores, and packs as each client asks: zstd for apify-runs and Python, gzip for JS and dlt, nothing for
  the Rust client.
- CPU is a process's with its children's. Peak memory is the largest single process's, and never below some 20 MiB of Python's."""


def machine():
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), model)
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.machine()}"


def version(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.strip()


def versions(tools, scratch):
    """Of everything that is timed."""
    packages = "import importlib.metadata as m, sys; print(*(f'{p} {m.version(p)}' for p in sys.argv[1:]), sep=', ')"
    npm = [
        f"{name} {json.loads((tools.modules / 'node_modules' / name / 'package.json').read_text())['version'].lstrip('v')}"
        for name in ["apify-client", "@dsnp/parquetjs", "@duckdb/node-api"]
    ]
    lock = (SCRIPTS / "checks" / "clients" / "rust" / "Cargo.lock").read_text().splitlines()

    def crate(name):
        return f"{name} {lock[lock.index(f'name = {json.dumps(name)}') + 1].split()[-1].strip(chr(34))}"

    return [
        ", ".join(must_run(tools.binary, "--version", cwd=scratch).stdout.split("\n")[:2]),
        f"Node.js {version(shutil.which('node'), '--version').lstrip('v')}: {', '.join(npm)}",
        f"Python {version(tools.python2, '-c', 'import platform; print(platform.python_version())')}: "
        f"{version(tools.python2, '-c', packages, 'apify-client', 'pyarrow')}; "
        f"{version(tools.python3, '-c', packages, 'apify-client')}; {version(tools.dlt, '-c', packages, 'dlt')}",
        f"{version('rustc', '--version').split(' (')[0]}: {', '.join(map(crate, ['apify-client', 'arrow-array', 'parquet']))}",
    ]


# What peers wrote, compared with what the server has: a line of JSON on stdin for each peer's files, and a line of JSON on stdout
# for each. Prints first what the server has. pyarrow is only in the environment of this process.

PERIOD = "2025-09-01T00:00:00.000Z", "2025-09-30T23:59:59.999Z"
COST = "usage_total_usd"


def costs_of(table):
    """Each row's cost, and the sum as an engine adds the column up. dlt makes a column for each type that it met."""
    import pyarrow.compute as pc

    columns = [table[name] for name in table.column_names if name == COST or name.startswith(f"{COST}__v_")]
    column = pc.coalesce(*columns) if len(columns) > 1 else columns[0]
    return column.to_pylist(), pc.sum(column).as_py()


def same(cost, true):
    """Whether a cost is the server's, as well as its type can say."""
    if cost is None or true is None:
        return cost is true
    return cost == (rounded(true) if isinstance(cost, Decimal) else float(true))


def verdict(files, truth):
    """What the files of a peer hold."""
    import pyarrow.parquet

    ids, costs, total = [], [], 0
    columns = set()
    for file in files:
        table = pyarrow.parquet.read_table(file)
        some, subtotal = costs_of(table)
        ids += table["id"].to_pylist()
        costs += some
        total += subtotal or 0
        columns |= {name for name in table.column_names if name.startswith(COST)}
    times = Counter(ids)
    others = [id for id, cost in zip(ids, costs) if id in truth and not same(cost, truth[id])]
    return {
        "rows": len(ids),
        "lacks": len(truth.keys() - times.keys()),
        "not the server's": len(times.keys() - truth.keys()),
        "repeated": len(ids) - len(times),
        "without a cost": sum(cost is None for cost in costs),
        "costs that the list lacks": sum(not truth[id] for id in others),
        "costs that aren't nearest to the server's": sum(bool(truth[id]) for id in others),
        "cost columns": sorted(columns),
        "sum": plain(total) if isinstance(total, Decimal) else repr(total),
        "files": len(files),
        "bytes": sum(Path(file).stat().st_size for file in files),
    }


def read_along(url):
    """Compares what peers wrote with what the server has, in a process of its own."""
    truth = {run["id"]: run.get("usageTotalUsd") for run in Account(url).runs(*PERIOD)}
    known = [cost for cost in truth.values() if cost is not None]
    print(json.dumps({"runs": len(truth), "sum": plain(exact_sum(known)), "without a cost": len(truth) - len(known)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(verdict(json.loads(line), truth)), flush=True)


def main(arguments):
    if arguments[:1] == ["--read"]:
        return read_along(arguments[1])
    parser = Parser(prog="scripts/bench/bench peers", description=__doc__)
    parser.add_argument("--binary", type=program, metavar="BINARY", default=TARGET / "release" / "apify-runs")
    parser.add_argument("--runs", type=int, default=200_000, metavar="N", help="runs of the month (200000), half as many with a latency")
    parser.add_argument("--times", type=int, default=3, metavar="N", help="rounds (3); with a latency half as many, rounded up")
    parser.add_argument("--latency", type=int, nargs="+", default=LATENCIES, metavar="MS", help="how long each answer takes at least (0 20 100)")
    parser.add_argument("--only", metavar="TEXT", help="besides ours, only peers whose name holds this")
    parser.add_argument("--update", action="store_true", help="write the tables of README.md and docs/benchmarks.md")
    tools = parser.parse_args(arguments)
    if not tools.binary.is_file():
        parser.error(f"{tools.binary}: there is no program (cargo build --release)")
    if tools.update and (tools.only or tools.latency != LATENCIES):
        parser.error("--update is for all peers and latencies")
    # @dsnp/parquetjs 1.9.3, the newest, was published without its code.
    tools.modules = npm_packages("apify-client@2.25.0", "@dsnp/parquetjs@1.8.9", "@duckdb/node-api@1.5.6-r.1")
    tools.python2, tools.python3 = (python_with(f"apify-client=={version}", "pyarrow==26.0.1") for version in ("2.5.1", "3.4.0"))
    tools.dlt = python_with("dlt==1.31.0", "pyarrow==26.0.1")
    tools.rust = rust_program("peer", "--features", "peer", "--release")

    report, by_latency = [], {}
    with tempfile.TemporaryDirectory(prefix="apify-runs-peers-") as folder:
        scratch = Path(folder).resolve()
        report += [f"Measured on {machine()}, with:", "", *(f"- {line}" for line in versions(tools, scratch))]
        for latency in tools.latency:
            runs, times = (tools.runs, tools.times) if latency == 0 else (tools.runs // 2, (tools.times + 1) // 2)
            chosen = [peer for peer in peers(tools) if peer.name.startswith("apify-runs") or not tools.only or tools.only in peer.name]
            truth = measured(tools, chosen, runs, times, latency, scratch)
            by_latency[latency] = {peer.name: peer for peer in chosen}
            title = f"{truth['runs']:,} runs, {latency} ms latency, medians of {times}; the server has {truth['sum']}:"
            report += ["", title, "", *table([row(peer) for peer in chosen]), ""]
            report += [f"- {peer.name}: {'; '.join(remarks(peer, truth))}." for peer in chosen]
    print("\n".join([*report, "", UNEQUAL]))
    if tools.update:
        replace_block(ROOT / "docs/benchmarks.md", [*report, "", UNEQUAL])
        replace_block(ROOT / "README.md", summary(by_latency))


LATENCIES = [0, 20, 100]


def summary(by_latency):
    """The table of README.md."""
    near, far = by_latency[0], by_latency[100]
    seconds = lambda found, name: f"{found[name].median(wall):.2f} s"

    def line(shown, *cells, name=None):
        times = [seconds(near, name), seconds(far, name)] if name else ["-", "-"]
        return f"| {' | '.join([shown, *cells, *times])} |"

    at_once = f"{RUST}, {IN_FLIGHT} at once"
    return [
        "| | run by run | complete by a count | exact money | 200,000 runs, 0 ms away | 100,000 runs, 100 ms away |",
        "|---|---|---|---|---:|---:|",
        line("apify-runs, Parquet only", "yes", "yes", "decimals", name=OURS),
        line("Apify Console, Usage by Actors", "no", "-", "-"),
        line("official JS client, with parquetjs", "yes", "no", "floats", name=JS),
        line("official Python client, with pyarrow", "yes", "no", "floats", name=PYTHON),
        line("official Rust client, 8 requests at once by hand", "yes", "no", "floats", name=at_once),
        line("`apify runs ls` (official CLI)", "ten runs of one Actor", "no", "floats"),
    ]


def replace_block(path, lines):
    """Puts lines between a document's two comments about peers."""
    text = path.read_text(encoding="utf-8")
    block = re.compile(r"(<!-- scripts/bench/bench peers --update -->\n).*?(<!-- end -->)", re.DOTALL)
    made, count = block.subn(lambda found: f"{found[1]}{chr(10).join(lines)}\n{found[2]}", text)
    if count != 1:
        sys.exit(f"{path}: expected one block of `scripts/bench/bench peers --update`, found {count}")
    path.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
