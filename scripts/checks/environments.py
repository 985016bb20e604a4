# /// script
# requires-python = ">=3.11"
# dependencies = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "duckdb==2.0.0", "pytz==2026.6"]
#
# [tool.check]
# compares = "what a job does in environments that lack or break something, with what it promises"
# needs = ["openssl"]
# uses = ["Linux", "C compiler", "root", "util-linux", "mkfs.vfat"]
# minutes = 4
# megabytes = 160
# without-binary = ["--list"]
#
# [tool.check.options]
# "--group NAME" = { help = "only this group; may be repeated: network, answers, tokens, files, leftovers, shared, readers, stores, cron", action = "append", choices = ["network", "answers", "tokens", "files", "leftovers", "shared", "readers", "stores", "cron"] }
# "--only TEXT" = { help = "only cases that have this in their name", default = "" }
# "--list" = "list the cases"
# ///
"""Environments that lack or break something: names that are not found, wrong certificates, proxies, portals, servers that hang or drip,
answers of the wrong shape, tokens that can't be one, file systems without locks, space or exchange, what desktops leave, umasks, time zones,
object stores. Also that the proxy and the certificates which variables name are used. Each case says what was injected, the exit code, the
seconds until the first word on stderr and until the end, and what is left: nothing, what was there before, or an export that `verify`
passes; never a part of one, nor files of the tool's own.

All servers are on loopback. Mounts are in a namespace of their own, and need root; a case that needs what this machine hasn't is
`not run`, which is no failure."""

import sys
import time

from checks.breaking import files, network, systems
from checks.breaking.bench import PERIOD, TOKEN, Bench, line, run_cases
from checks.breaking.servers import NOW, api
from checks.support.account import environment
from checks.support.environments import command_line, scratch_folder
from checks.support.processes import child

GROUPS = [network.NETWORK, network.ANSWERS, network.TOKENS, files.FILES, files.LEFTOVERS, files.SHARED, systems.READERS, systems.STORES, systems.CRON]


def make_whole(bench):
    """The export that nothing is wrong with."""
    with api() as standin:
        command = [bench.binary, "export", *PERIOD, "--out", bench.whole, "--api-url", standin.url, "--rate", "0", "--quiet"]
        code = child(command, env={**environment(bench.folder), "APIFY_RUNS_NOW": NOW, "APIFY_TOKEN": TOKEN}).wait()
    if code != 0:
        sys.exit(f"an export without a fault ended with exit {code}")


def main():
    options = command_line(__file__)
    cases = [case for group in GROUPS for case in group if (not options.group or case.group in options.group) and options.only in case.name]
    if options.list:
        print("\n".join(f"{case.group:11}  {case.name}" for case in cases))
        return 0
    began = time.monotonic()
    with scratch_folder() as folder:
        folder.chmod(0o755)
        bench = Bench(options.binary, folder)
        make_whole(bench)
        rows = []
        for row in run_cases(bench, cases):
            rows.append(row)
            print(line(row), flush=True)
            for text in row.wrong:
                print(f"         {text.replace(str(folder), '')}", flush=True)
            if row.skipped:
                print(f"         needs {row.skipped}", flush=True)
    width = max((len(row.case.name) for row in rows), default=0)
    print(f"\n{'':7}  {'group':11}  {'injected':{width}}  {'exit':>6}  {'word s':>6}  {'end s':>7}  left")
    for row in rows:
        print(line(row, width))
    failed, skipped = sum(bool(row.wrong) for row in rows), sum(bool(row.skipped) for row in rows)
    print(f"\n{skipped} not run; {time.monotonic() - began:.0f} s")
    print(f"{len(rows) - failed - skipped} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
