# /// script
# requires-python = ">=3.11"
# dependencies = ["deltalake==1.6.6", "pyarrow==26.0.1"]
#
# [tool.check]
# compares = "an export, a sync and a server of a large account in a cgroup of bounded memory with pyarrow and deltalake"
# needs = ["Linux", "root"]
# minutes = 15
# megabytes = 145
#
# [tool.check.options]
# "--runs N" = { default = 10000000, help = "how many runs the account has [10000000]" }
# "--mebibytes N" = { default = 256, help = "memory of the group, files in the page cache included [256]" }
# ///
"""The kernel kills what needs more memory than its container has. Each command of the main job runs in a cgroup of its own whose
memory is bounded: an export in all formats, a first sync, both verified, and a server over each that is asked for its page, a table and
lists. Nothing may be killed, and all runs have to be there. The account is made up by a server outside of the group."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal
from pathlib import Path

import pyarrow.compute
import pyarrow.dataset
from deltalake import DeltaTable

from checks.support.account import Checks, environment, plain, read_json, server
from checks.support.environments import command_line, scratch_folder
from checks.support.processes import child, end, listening

MEBIBYTE = 1024 * 1024
MONTH = "2025-09"
LISTS = ["/v2/actor-runs?limit=1000", "/v2/actor-runs?limit=1000&desc=1&offset=5000", "/v2/actor-runs?limit=1000&status=FAILED"]


class MemoryGroup:
    """A cgroup of bounded memory, of either version of cgroups."""

    def __init__(self, name, mebibytes):
        lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        mounts = [(line[4], line[line.index("-") + 1], line[-1].split(",")) for line in lines]
        first = next((Path(place) for place, kind, options in mounts if kind == "cgroup" and "memory" in options), None)
        second = next((Path(place) for place, kind, _ in mounts if kind == "cgroup2"), None)
        parent = first or second
        limit, self.peak = ("memory.limit_in_bytes", "memory.max_usage_in_bytes") if first else ("memory.max", "memory.peak")
        if parent is None:
            sys.exit("no cgroups are mounted")
        self.folder = parent / f"apify-runs-check-{os.getpid()}-{name}"
        try:
            if not first:
                (parent / "cgroup.subtree_control").write_text("+memory")
            self.folder.mkdir()
            (self.folder / limit).write_text(str(mebibytes * MEBIBYTE))
        except OSError as error:
            sys.exit(f"memory can not be bounded in {parent}: {error}")
        swap = self.folder / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")

    def command(self, words):
        """A command that runs in the group."""
        return ["bash", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', self.folder, *words]

    def peak_bytes(self):
        """The most memory that the group had, page cache included, which is given back before anything is killed."""
        return int((self.folder / self.peak).read_text())

    def remove(self):
        """Once no process is in it any more."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                self.folder.rmdir()
                return
            time.sleep(0.05)


class Bounded:
    """The binary in groups of bounded memory."""

    def __init__(self, binary, folder, mebibytes, checks):
        self.binary, self.folder, self.mebibytes, self.checks = binary, folder, mebibytes, checks
        (folder / "tmp").mkdir()
        self.environment = environment(folder) | {"TMPDIR": str(folder / "tmp")}

    @contextlib.contextmanager
    def group(self, name):
        group = MemoryGroup(name, self.mebibytes)
        try:
            yield group
        finally:
            group.remove()

    def run(self, name, *words):
        """A command to its end, which has to be good."""
        with self.group(name) as group:
            began = time.monotonic()
            process = child(group.command([self.binary, *words]), cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            _, own = peak_of(process)
            errors = process.stderr.read()
            seconds = time.monotonic() - began
            print(f"        {name}: {seconds:.0f} s; its own memory {own / MEBIBYTE:.0f} MiB at most, the group's {group.peak_bytes() / MEBIBYTE:.0f} MiB", flush=True)
            self.checks.that(f"{name} ends well within {self.mebibytes} MiB", process.returncode == 0, f"exit {process.returncode}: {errors[-500:]}")

    def serve(self, name, path, table):
        """A server, asked for its page, a table and lists, twice."""
        with self.group(name) as group:
            process = child(group.command([self.binary, "serve", path]), cwd=self.folder, env={name: value for name, value in self.environment.items() if name != "APIFY_TOKEN"}, stdout=subprocess.PIPE, text=True)
            try:
                url = listening(process, f"apify-runs serve {path}")
                for question in [f"/?month={MONTH}", table, *LISTS] * 2:
                    began = time.monotonic()
                    with urllib.request.urlopen(url + question, timeout=300) as answer:
                        size = len(answer.read())
                    print(f"        {name}: {question}: {size:,} bytes in {time.monotonic() - began:.2f} s", flush=True)
                is_there = process.poll() is None
                own = status_peak(process.pid)
            except (OSError, http.client.HTTPException) as error:
                is_there, own = False, 0
                print(f"        {name}: {error}", flush=True)
            finally:
                end(process)
                process.stdout.close()
            print(f"        {name}: its own memory {own / MEBIBYTE:.0f} MiB at most, the group's {group.peak_bytes() / MEBIBYTE:.0f} MiB", flush=True)
            self.checks.that(f"{name} answers all within {self.mebibytes} MiB", is_there, f"exit {process.returncode}")


def status_peak(process):
    """The most memory that a process had resident, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def peak_of(process):
    """Waits for a process's end; its exit code, and the most memory that it had resident, in bytes."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024


def main():
    asked = command_line(__file__)
    checks = Checks()
    with scratch_folder() as folder:
        bounded = Bounded(asked.binary, folder, asked.mebibytes, checks)
        with server(asked.binary, "--runs", str(asked.runs), "--retention-days", "36500") as url:
            count = counted(url)
            source = ["--api-url", url, "--rate", "0", "--quiet"]
            bounded.run("export", "export", "--month", MONTH, "--out", "out", *source)
            bounded.run("sync", "sync", "--lake", "lake", "--since", "2025-09-01", *source)
        bounded.run("verify the export", "verify", "out", "--quiet")
        bounded.run("verify the lake", "verify", "lake", "--quiet")
        bounded.serve("serve the export", "out", "/report/cost_by_actor.csv")
        bounded.serve("serve the lake", "lake", f"/report/cost_by_actor.csv?month={MONTH}")
        # Last: what a process starts as counts to the memory that it had.
        check_rows(checks, folder, count)
    checks.close()


def counted(url):
    """How many runs the API counts in the month."""
    question = "/v2/actor-runs?limit=1&startedAfter=2025-09-01T00:00:00Z&startedBefore=2025-09-30T23:59:59.999Z"
    request = urllib.request.Request(url + question, headers={"Authorization": "Bearer demo"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]["total"]


def check_rows(checks, folder, count):
    """All runs, each once, with the dollars that the reports have."""
    totals = read_json(folder / "out" / "report.json")["totals"]
    exported = pyarrow.dataset.dataset(folder / "out" / "runs.parquet").to_table(columns=["id", "usage_total_usd"])
    # The account has some of the days after, too.
    held = DeltaTable(str(folder / "lake")).to_pyarrow_table(columns=["id", "usage_total_usd"], filters=[("started_month", "=", MONTH)])
    for name, table in [("the export", exported), ("the lake", held)]:
        ids = pyarrow.compute.count_distinct(table["id"]).as_py()
        checks.equal(f"{name} has the runs that the API counts, each once", (table.num_rows, ids), (count, count))
        total = pyarrow.compute.sum(table["usage_total_usd"]).as_py() or Decimal(0)
        checks.equal(f"{name} adds up to report.json", plain(total), totals["usage_total_usd"])


if __name__ == "__main__":
    main()
