# /// script
# requires-python = ">=3.11"
# dependencies = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "deltalake==1.6.6", "pyarrow==26.0.1"]
#
# [tool.check]
# compares = "faults at every point of every command that writes, with a model, by deltalake and pyarrow"
# needs = ["Linux", "C compiler"]
# minutes = 20
# megabytes = 145
#
# [tool.check.options]
# "--seed N" = "which account and which points [drawn]"
# "--quick" = "fewer points: some 3 minutes rather than 20"
# "--minutes N" = { help = "random rounds until so many minutes have passed: each a part with a seed of its own and points drawn by it", default = 0 }
# "--part NAME" = { help = "only this part; may be repeated: calls, store, damage, history, clocks, replaced", action = "append", choices = ["calls", "store", "damage", "history", "clocks", "replaced"] }
# "--only TEXT" = { help = "only what has this in its name, such as 'lake close'", default = "" }
# "--kind FAULT" = "only this kind of fault"
# "--point N" = "only this point of that kind"
# "--verbose" = "show where in a script a sweep ended"
# ///
"""Faults at every point of every command that writes: nothing may be lost, doubled, torn or hidden. A system call fails or the
process is killed there, a store answers wrongly, files and logs are damaged, clocks are wrong, exports are replaced while they
are read, an account changes between syncs; what is there afterwards is held against a model by deltalake and pyarrow.

Every point is one attempt: the command with the fault, a look at what it left, the command again without. `old` and `new` count
what the first attempt left, `healed` where the second ended as a faultless run does, `told` where --changes of both together
named every change. Points are drawn by the seed; another seed tries others. A point that fails is named with the command that
repeats it."""

import copy
import os
import random
import shutil
import sys
import time
import traceback

from checks.support.environments import command_line, refuse, scratch_folder
from checks.sweeping.attempts import Tallies, Tool
from checks.sweeping.damage import sweep_damage, sweep_replaced
from checks.sweeping.faults import sweep_calls, sweep_store
from checks.sweeping.histories import sweep_clocks, sweep_histories

PARTS = {
    "calls": (sweep_calls, "system calls that fail, and kills, in sync, close, optimize, vacuum, repair and export"),
    "store": (sweep_store, "an S3 server that answers wrongly"),
    "damage": (sweep_damage, "turned bits and damaged logs of a lake"),
    "history": (sweep_histories, "syncs of an account that changes, some of them killed, against a model"),
    "clocks": (sweep_clocks, "the server's Date and this machine's clock, ahead and behind"),
    "replaced": (sweep_replaced, "verify, report, diff and reconcile beside exports that replace what they read"),
}


def main():
    asked = command_line(__file__)
    if asked.point is not None and not asked.kind:
        refuse(__file__, "--point needs --kind")
    if asked.seed is None:
        asked.seed = int.from_bytes(os.urandom(3), "big")
    print(f"seed {asked.seed}, {asked.binary}", flush=True)
    tallies = Tallies()
    with scratch_folder() as scratch:
        for number, options in enumerate(random_rounds(asked) if asked.minutes else rounds(asked)):
            started, name = time.monotonic(), options.part
            sweep, what = PARTS[name]
            tallies.part, tallies.seed = name, options.seed
            print(f"\n{name}: {what}" + (f"; seed {options.seed}" if asked.minutes else ""), flush=True)
            folder = scratch / f"{name}-{number}"
            folder.mkdir()
            try:
                sweep(Tool(asked.binary, folder), tallies, folder, options)
            except Exception as error:  # what one part can't do doesn't keep the others from theirs
                tallies.fault(name, "none", 0, f"the sweep itself ended: {type(error).__name__}: {error}")
                if asked.verbose:
                    traceback.print_exc()
            shutil.rmtree(folder, ignore_errors=True)
            print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return 0 if tallies.show() else 1


def rounds(asked):
    """The options of each part, once."""
    for name in PARTS:
        if not asked.part or name in asked.part:
            options = copy.copy(asked)
            options.part = name
            yield options


def random_rounds(asked):
    """The options of parts in a random order, again and again until the minutes are over, each with a seed of its own."""
    draw, end = random.Random(asked.seed), time.monotonic() + asked.minutes * 60
    while True:
        parts = list(rounds(asked))
        draw.shuffle(parts)
        for options in parts:
            if time.monotonic() >= end:
                return
            options.seed, options.quick = draw.randrange(1 << 24), True
            yield options


if __name__ == "__main__":
    sys.exit(main())
