#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "moto[s3,server]==5.2.5",
#     "deltalake==1.6.6",
#     "pyarrow==26.0.1",
# ]
# ///
"""Faults at every point of every command that writes: nothing may be lost, doubled, torn or hidden. A system call fails or the
process is killed there, a store answers wrongly, files and logs are damaged, clocks are wrong, exports are replaced while they
are read, an account changes between syncs; what is there afterwards is held against a model by deltalake and pyarrow.

Every point is one attempt: the command with the fault, a look at what it left, the command again without. `old` and `new` count
what the first attempt left, `healed` where the second ended as a faultless run does, `told` where --changes of both together
named every change. Points are drawn by the seed; another seed tries others."""

import argparse
import contextlib
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from support.tallies import Tallies  # noqa: E402 (the paths above come first)
from support.tool import ROOT, TARGET, Tool, scratch_folder  # noqa: E402
from sweeping import clocks, damage, histories, interrupted, replaced, stores  # noqa: E402

PARTS = {
    "calls": (interrupted.sweep, "system calls that fail, and kills, in sync, close, optimize, vacuum, repair and export"),
    "store": (stores.sweep, "an S3 server that answers wrongly"),
    "damage": (damage.sweep, "turned bits and damaged logs of a lake"),
    "history": (histories.sweep, "syncs of an account that changes, some of them killed, against a model"),
    "clocks": (clocks.sweep, "the server's Date and this machine's clock, ahead and behind"),
    "replaced": (replaced.sweep, "verify, report, diff and reconcile beside exports that replace what they read"),
}


def options():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/check sweeps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="parts:\n" + "\n".join(f"  {name:9} {what}" for name, (_, what) in PARTS.items()),
    )
    parser.add_argument("--binary", metavar="PATH", help="apify-runs, built with --features lake [default: it is built]")
    parser.add_argument("--seed", metavar="N", type=int, help="which account and which points [default: drawn]")
    parser.add_argument("--quick", action="store_true", help="fewer points: some 3 minutes rather than 20")
    parser.add_argument("--part", metavar="NAME", action="append", choices=list(PARTS), help="only this part; may be repeated")
    parser.add_argument("--only", metavar="TEXT", default="", help="only what has this in its name, such as 'lake close'")
    parser.add_argument("--kind", metavar="FAULT", help="only this kind of fault")
    parser.add_argument("--point", metavar="N", type=int, help="only this point of that kind")
    parser.add_argument("--verbose", action="store_true", help="show where in a script a sweep ended")
    found = parser.parse_args()
    if found.binary and not os.access(found.binary, os.X_OK):
        parser.exit(2, f"scripts/check sweeps: {found.binary}: no program is there\n")
    if found.point is not None and not found.kind:
        parser.exit(2, "scripts/check sweeps: --point needs --kind\n")
    if found.seed is None:
        found.seed = int.from_bytes(os.urandom(3), "big")
    return found


def built(path):
    """The binary that was named, or one that is built."""
    if path:
        return Path(path).resolve()
    command = ["cargo", "build", "--release", "--quiet", "--features", "lake"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit("scripts/check sweeps: the binary could not be built")
    return TARGET / "release" / "apify-runs"


def main():
    asked = options()
    binary = built(asked.binary)
    print(f"seed {asked.seed}, {binary}", flush=True)
    tallies = Tallies(asked.seed)
    with scratch_folder() as scratch:
        for name, (sweep, what) in PARTS.items():
            if asked.part and name not in asked.part:
                continue
            started, tallies.part = time.monotonic(), name
            print(f"\n{name}: {what}", flush=True)
            folder = scratch / name
            folder.mkdir()
            try:
                sweep(Tool(binary, folder), tallies, folder, asked)
            except Exception as error:  # what one part can't do doesn't keep the others from theirs
                tallies.fault(name, "none", 0, f"the sweep itself ended: {type(error).__name__}: {error}")
                if asked.verbose:
                    traceback.print_exc()
            print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return 0 if tallies.show() else 1


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            sys.exit(main())
        except KeyboardInterrupt:
            sys.exit(130)
