"""Times whole processes that get every run of the made-up account's month into Parquet: the export, and what else there is for
it (Apify's own JavaScript, Python and Rust clients, each with a usual Parquet writer, and dlt), each written as its
documentation shows and as fast as an hour of work makes it. What each peer wrote is compared with what the server has,
apart from what is timed. Needs Node.js 20 with npm, Rust, and their package indexes; all traffic of what is measured is to
loopback. Asserts nothing: a peer that lacks runs, or fails, is a line too."""

import json
import os
import platform
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
from checks.support.account import Account, exact_sum, must_run, plain, rounded, server
from checks.support.environments import SCRIPTS, TARGET, Parser, npm_packages, program, python_with, rust_program

PEERS = Path(__file__).resolve().parent / "peers"
IN_FLIGHT = 8


@dataclass
class Peer:
    """What is timed: its command, given the server's URL and a new folder, and which files in there hold the runs. `wall`: how many
    times as long as ours it was to take at 0 ms."""

    name: str
    command: object
    files: str = "runs.parquet"
    wall: int | None = None
    processes: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    failure: str | None = None

    def median(self, measure):
        return statistics.median(measure(process) for process in self.processes)


def peers(tools):
    """All that is timed, in the order of the table; the first is what the others are compared with."""
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

    at_once = f"{IN_FLIGHT} at once"
    return [
        Peer("apify-runs, runs.parquet alone", export("--format", "parquet", "--details", "none", "--no-names"), "export/runs.parquet"),
        Peer("apify-runs, all it does by default", export("--detail-rate", "0"), "export/runs.parquet"),
        Peer("JS client, @dsnp/parquetjs", javascript("parquetjs", 1), wall=8),
        Peer(f"JS client, DuckDB, {at_once}", javascript("duckdb", IN_FLIGHT), wall=8),
        Peer("Python client 2, pyarrow", python(tools.python2, 1), wall=10),
        Peer(f"Python client 2, pyarrow, {at_once}", python(tools.python2, IN_FLIGHT), wall=10),
        Peer("Python client 3, pyarrow", python(tools.python3, 1), wall=10),
        Peer("Rust client, arrow and parquet", rust(1), wall=2),
        Peer(f"Rust client, arrow and parquet, {at_once}", rust(IN_FLIGHT), wall=2),
        Peer("dlt, rest_api to filesystem", dlt, "loaded/*/runs/*.parquet", wall=20),
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


def time_one(peer, url, reader, scratch):
    out = Path(tempfile.mkdtemp(prefix="out-", dir=scratch))
    try:
        peer.processes.append(Process(peer.command(url, out), scratch))
        peer.verdicts.append(reader.verdict(out.glob(peer.files)))
    except SystemExit as failed:
        # A peer that can't is a result. What it said ends with why.
        lines = [line.strip() for line in str(failed).splitlines() if line.strip() and "further information" not in line]
        peer.failure = " · ".join(lines[-2:])
    shutil.rmtree(out)


def measured(tools, all_peers, runs, times, latency, scratch):
    """Every peer so many times, in turn; who begins changes from round to round. A peer that has failed isn't asked again."""
    with server(tools.binary, "--runs", runs, "--latency", f"{latency}ms") as url:
        reader = Reader(tools.python2, url)
        for round in range(times):
            first = round % len(all_peers)
            for peer in all_peers[first:] + all_peers[:first]:
                if peer.failure is None:
                    print(f"{latency} ms, {round + 1} of {times}: {peer.name}", file=sys.stderr)
                    time_one(peer, url, reader, scratch)
        reader.close()
    return reader.truth


def times_ours(value, ours):
    return f"{value / ours:.1f}"


def row(peer, base, aims):
    if not peer.processes:
        return [peer.name, "fails", *[""] * 9]
    verdict = peer.verdicts[-1]
    wall, cpu, peak = (lambda p: p.wall_seconds), (lambda p: p.cpu_seconds), (lambda p: p.peak_bytes)
    return [
        peer.name,
        f"{peer.median(wall):.2f}",
        times_ours(peer.median(wall), base.median(wall)),
        f"{peer.wall}" if aims and peer.wall else "",
        f"{peer.median(cpu):.2f}",
        times_ours(peer.median(cpu), base.median(cpu)),
        f"{peer.median(peak) / MEBIBYTE:.0f}",
        times_ours(peer.median(peak), base.median(peak)),
        "4" if aims and peer.wall else "",
        f"{verdict['rows']:,}",
        verdict["sum"],
    ]


HEAD = ["", "seconds", "× ours", "aim", "CPU s", "× ours", "MiB at peak", "× ours", "aim", "rows", "sum of usageTotalUsd"]


def print_table(rows):
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    last = len(HEAD) - 1
    for cells in [HEAD, ["-" * (width - 1) + (":" if 0 < at < last else "-") for at, width in enumerate(widths)], *rows]:
        aligned = [cell.rjust(width) if 0 < at < last else cell.ljust(width) for at, (cell, width) in enumerate(zip(cells, widths))]
        print(f"| {' | '.join(aligned)} |")


def remarks(peer, truth):
    """What a peer's files lack or have otherwise, in whichever round; of each its worst."""
    if peer.failure:
        yield f"fails: {peer.failure}"
        return
    for name in ["lacks", "not the server's", "repeated", "costs that the list lacks", "costs that aren't nearest to the server's"]:
        worst = max(verdict[name] for verdict in peer.verdicts)
        if worst:
            yield f"{name}: {worst:,}"
    verdict = peer.verdicts[-1]
    if verdict["without a cost"] != truth["without a cost"]:
        yield f"{verdict['without a cost']:,} runs without a cost"
    if len(verdict["cost columns"]) > 1:
        yield f"costs in {len(verdict['cost columns'])} columns: {', '.join(verdict['cost columns'])}"
    if verdict["files"] > 1:
        yield f"{verdict['files']} files"
    walls = [process.wall_seconds for process in peer.processes]
    yield f"{verdict['bytes'] / max(verdict['rows'], 1):.0f} bytes a run; {min(walls):.2f} to {max(walls):.2f} s"


UNEQUAL = """What isn't equal work:
- The export counts each window by the API before it reads it, holds what it read against that, walks by start instead of offset, keeps
  one row an ID, sorts, works out cost_state, keeps fields it doesn't know, and writes hashes and a manifest. The peers page one list by
  offset and check nothing.
- The export keeps costs as Decimal(38,18) from the JSON text on and adds them up exactly; the peers have doubles.
- `all it does by default` also asks for names and the details of runs that the list has no cost of (hence fewer are without), and
  writes the CSV, every report, the page and the workbook.
- The export always has up to 8 requests in flight; peers `8 at once` likewise, the others one, as their documentation has it. dlt's
  paginator has no other way.
- The server runs on the same cores, and packs its answers as each client asks: zstd for the export and the Python client, gzip
  for the JS client and dlt, nothing for the Rust client. A full page is 522 kB, by zstd 100 kB; loopback makes no difference of it.
- CPU is the process's with all its children's; peak memory is the largest single process's, never below some 20 MiB that Python
  hands down."""


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
        must_run(tools.binary, "--version", cwd=scratch).stdout.strip(),
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
    parser.add_argument("--times", type=int, default=3, metavar="N", help="rounds (3); half as many, rounded up, with a latency")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 100], metavar="MS", help="how long each answer takes at least (0 100)")
    parser.add_argument("--only", metavar="TEXT", help="besides ours, only peers whose name holds this")
    tools = parser.parse_args(arguments)
    if not tools.binary.is_file():
        parser.error(f"{tools.binary}: there is no program (cargo build --release)")
    # @dsnp/parquetjs 1.9.3, the newest, was published without its code.
    tools.modules = npm_packages("apify-client@2.25.0", "@dsnp/parquetjs@1.8.9", "@duckdb/node-api@1.5.6-r.1")
    tools.python2, tools.python3 = (python_with(f"apify-client=={version}", "pyarrow==26.0.1") for version in ("2.5.1", "3.4.0"))
    tools.dlt = python_with("dlt==1.31.0", "pyarrow==26.0.1")
    tools.rust = rust_program("peer", "--features", "peer", "--release")

    with tempfile.TemporaryDirectory(prefix="apify-runs-peers-") as folder:
        scratch = Path(folder).resolve()
        print(machine(), *versions(tools, scratch), sep="\n")
        for latency in tools.latency:
            runs, times = (tools.runs, tools.times) if latency == 0 else (tools.runs // 2, (tools.times + 1) // 2)
            chosen = [peer for at, peer in enumerate(peers(tools)) if at < 2 or not tools.only or tools.only in peer.name]
            truth = measured(tools, chosen, runs, times, latency, scratch)
            print(f"\n{truth['runs']:,} runs, {latency} ms latency, medians of {times}")
            print(f"the server has {truth['sum']}, and {truth['without a cost']:,} runs without a cost\n")
            print_table([row(peer, chosen[0], aims=latency == 0) for peer in chosen])
            print()
            for peer in chosen:
                print(f"{peer.name}: {'; '.join(remarks(peer, truth))}")
    print(f"\n{UNEQUAL}")


if __name__ == "__main__":
    main(sys.argv[1:])
