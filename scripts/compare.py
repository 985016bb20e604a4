"""Times whole processes that fetch every run of the made-up account's month: the export (with all its files and reports),
and the official JS and Python clients, which list them page by page as their documentation shows and add up the costs.
The Python client is the last 2.x: 3.4.0 refuses a page with a run that has no cost. Called by compare, which brings the
clients."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo import environment, read_json, server

RUNS = 200_000
TIMES = 3

PYTHON = """
import sys
from apify_client import ApifyClient
client = ApifyClient("demo", api_url=sys.argv[1])
offset, total, without = 0, 0.0, 0
while True:
    page = client.runs().list(
        limit=1000, offset=offset, started_after="2025-09-01T00:00:00.000Z", started_before="2025-09-30T23:59:59.999Z"
    )
    for run in page.items:
        cost = run.get("usageTotalUsd")
        without += cost is None
        total += cost or 0
    offset += len(page.items)
    if not page.items or offset >= page.total:
        break
print(offset, repr(total), without)
"""

JAVASCRIPT = """
const { ApifyClient } = require("apify-client");
(async () => {
    const client = new ApifyClient({ token: "demo", baseUrl: process.argv[1] });
    let offset = 0, total = 0, without = 0;
    for (;;) {
        const page = await client.runs().list({
            limit: 1000, offset, startedAfter: "2025-09-01T00:00:00.000Z", startedBefore: "2025-09-30T23:59:59.999Z",
        });
        for (const run of page.items) {
            without += run.usageTotalUsd == null ? 1 : 0;
            total += run.usageTotalUsd ?? 0;
        }
        offset += page.items.length;
        if (page.items.length === 0 || offset >= page.total) break;
    }
    console.log(offset, total, without);
})();
"""


def timed(command, scratch, **more):
    started = time.monotonic()
    done = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True, **more)
    return time.monotonic() - started, done.stdout.strip()


def main():
    binary = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="apify-runs-compare-") as folder, server(binary, "--runs", RUNS) as url:
        scratch = Path(folder).resolve()
        out = scratch / "out"
        export = [binary, "export", "--month", "2025-09", "--rate", "0", "--quiet", "--out", out, "--api-url", url]
        # The clients are given the list alone too.
        export += ["--details", "none"]
        node = {**os.environ, "APIFY_TOKEN": "demo"}
        commands = {
            "apify-runs export, every file": (export, {"env": environment(scratch)}),
            "apify-client 2.25.0 (JS), the sum": (["node", "-e", JAVASCRIPT, url], {"env": node}),
            "apify-client 2.5.1 (Python), the sum": ([sys.executable, "-c", PYTHON, url], {}),
        }
        times = {name: [] for name in commands}
        said = {}
        for _ in range(TIMES):
            for name, (command, more) in commands.items():
                seconds, said[name] = timed(list(map(str, command)), scratch, **more)
                times[name].append(seconds)
        base = statistics.median(times["apify-runs export, every file"])
        print(f"{RUNS:,} runs, medians of {TIMES}; the server is a process of its own on the same machine")
        print(f"{'':40} {'seconds':>8} {'ratio':>7}  runs, sum, without a cost")
        for name, seconds in times.items():
            median = statistics.median(seconds)
            print(f"{name:40} {median:8.2f} {median / base:7.1f}  {said[name]}".rstrip())
        totals = read_json(out / "manifest.json")["totals"]
        print(f"exact: {totals['runs']} runs, {totals['usage_total_usd']}, {totals['runs_cost_unknown']} without a cost")


if __name__ == "__main__":
    main()
