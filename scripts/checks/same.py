#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Two binaries, old and new, side by side: every command, format and error over the made-up account and a stand-in of the API, and
every file, exit code and line of stdout and stderr the same. What differs between any two runs of one binary is made equal first
(comparing/sides.py lists it with reasons); what a new binary changes on purpose stands in ON_PURPOSE below."""

import argparse
import contextlib
import difflib
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import demo  # noqa: E402 (the paths above come first)
from comparing.scenarios import SCENARIOS  # noqa: E402
from comparing.sides import Side  # noqa: E402

# What may differ: commands, outputs (`stdout`, `stderr`, `exit code` or a file's name), a pattern of what is taken out of both
# sides before they are compared, and the reason. All are regular expressions.
CAVEATS = "caveats have codes: documents say them beside the sentences, and hashes and sizes of these documents follow"
ON_PURPOSE = [
    ("", r"\.json|stdout", r'(?s)\n( *)"caveat_details": \[(?:\]|.*?\n\1\]),?', CAVEATS),
    ("", r"\.json|stdout", r'"caveat_details":\[.*?\],(?="requests")', CAVEATS),
    ("", r"manifest\.json", r'"path": "report\.(?:json|html|xlsx)",\s*"sha256": "[0-9a-f]{64}",\s*"bytes": \d+', CAVEATS),
    ("", r"report\.html|stdout", r"<tr><th scope=\"row\"><code>report\.(?:json|xlsx|html)</code>.*?</tr>", CAVEATS),
    ("", r"\.xlsx", r"<t[^>]*>[\d,]+ bytes, SHA-256 [0-9a-f]{64}</t>", CAVEATS),
    ("", r"_delta_log|head\.json", r'manifest_sha256[\\"]*: ?[\\"]*[0-9a-f]{64}', CAVEATS),
    ("", r"focus\.parquet", "(?s).+", "one writer for all columns: pages are cut elsewhere; check-focus compares schema and values"),
    ("", r"outcome\.json", r'"path":"report\.(?:json|html|xlsx)","bytes":\d+', CAVEATS),
    ("", "stderr", r"report\.(?:json|html|xlsx): \d+ bytes, the manifest says \d+", CAVEATS),
    ("", "stderr", r"at line \d+ column \d+", CAVEATS),
    ("", "stderr", r"(?<=no manifest of apify-runs: )[a-z_.]+: ", "a manifest that cannot be read is refused by its field"),
    ("^lake close", "stdout", r"SHA-256\s+[0-9a-f]{64}", CAVEATS),
]
MOST_SHOWN = 12


def options():
    """The command line."""
    names = [scenario.__name__ for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="scripts/check same", description=__doc__, epilog="scenarios: " + ", ".join(names))
    parser.add_argument("old", metavar="OLD", help="apify-runs, built with --features lake")
    parser.add_argument("new", metavar="NEW", help="the one that must do the same")
    parser.add_argument("--only", metavar="SCENARIO", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--all", action="store_true", help="show every difference, not the first of each command")
    parser.add_argument("--keep", metavar="DIR", help="keep both sides' folders below DIR")
    found = parser.parse_args()
    for binary in (found.old, found.new):
        if not os.access(binary, os.X_OK):
            parser.exit(2, f"scripts/check same: {binary}: no program is there\n")
    return found


def allowed(command, name, data):
    """An output without what may differ."""
    for commands, outputs, pattern, _ in ON_PURPOSE:
        if re.search(commands, command) and re.search(outputs, name):
            data = re.sub(pattern.encode(), b"", data)
    return data


def shown(one, other):
    """The first lines in which two outputs differ, or the first byte."""
    try:
        lines = [data.decode().splitlines() for data in (one, other)]
    except UnicodeDecodeError:
        at = next((at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1]), min(len(one), len(other)))
        return [f"    {len(one)} and {len(other)} bytes, the first to differ is number {at}"]
    found = [line for line in difflib.unified_diff(*lines, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    # Of long lines, from shortly before where they part.
    begins = len(os.path.commonprefix([line[1:] for line in found[:2]])) if len(found) == 2 else 0
    begins = max(0, begins - 80)
    cut = [line[0] + ("…" if begins else "") + line[1 + begins :][:300] for line in found[:MOST_SHOWN] if line]
    return [f"    {line}" for line in cut] + ([f"    … {len(found) - MOST_SHOWN} lines more"] if len(found) > MOST_SHOWN else [])


def compared(name, old, new, is_all):
    """What differs between two sides' records, as lines."""
    found = []
    if [entry.name for entry in old] != [entry.name for entry in new]:
        found.append(f"{name}: other commands were run: {len(old)} and {len(new)}")
    for number, (one, other) in enumerate(zip(old, new)):
        differing = []
        for output in sorted(one.outputs.keys() | other.outputs.keys()):
            datas = [side.outputs.get(output) for side in (one, other)]
            if None in datas:
                differing.append((output, [f"    only the {'new' if datas[0] is None else 'old'} one has it"]))
                continue
            before, after = (allowed(one.name, output, data) for data in datas)
            if before != after:
                differing.append((output, shown(before, after)))
        if differing:
            found.append(f"{name}, command {number + 1}: apify-runs {one.name}")
        for output, lines in differing if is_all else differing[:3]:
            found += [f"  {output} differs", *lines]
        if not is_all and len(differing) > 3:
            found.append(f"  and {len(differing) - 3} outputs more: {', '.join(output for output, _ in differing[3:])[:300]}")
    return found


def played(scenario, asked, scratch, url):
    """A scenario with both binaries, one after the other at the same path: what differs, and counts of commands, files, lines."""
    sides, shared, name = [], {"ends": contextlib.ExitStack()}, scenario.__name__
    folder = scratch / name
    with shared["ends"]:
        for label, binary in (("old", asked.old), ("new", asked.new)):
            side = Side(Path(binary).resolve(), folder, shared, url)
            started = time.monotonic()
            scenario(side)
            print(f"{name:18} {label} {len(side.recorded):4} commands {time.monotonic() - started:6.1f} s", file=sys.stderr)
            sides.append(side.recorded)
            if asked.keep:
                shutil.copytree(side.work, Path(asked.keep) / name / label, symlinks=True)
            shutil.rmtree(side.work)
    counts = [len(sides[0]), sum(entry.files for entry in sides[0]), sum(entry.lines for entry in sides[0])]
    return compared(name, *sides, asked.all), counts


def main():
    asked = options()
    wanted = [scenario for scenario in SCENARIOS if not asked.only or scenario.__name__ in asked.only]
    lock, totals, differences = threading.Lock(), [0, 0, 0], 0
    # The account that is asked is the old binary's for both; each serves its own with --demo.
    served = demo.server(Path(asked.old).resolve(), "--runs", 3000, "--actors", 60)
    scratch = Path(tempfile.mkdtemp(prefix="apify-runs-same-"))
    try:
        with served as url, ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:

            def play(scenario):
                nonlocal differences
                try:
                    found, counts = played(scenario, asked, scratch, url)
                except Exception as error:  # what one scenario can't do doesn't keep the others from theirs
                    found, counts = [f"{scenario.__name__}: {type(error).__name__}: {error}"], [0, 0, 0]
                    if asked.all:
                        raise
                with lock:
                    for at, count in enumerate(counts):
                        totals[at] += count
                    differences += sum(not line.startswith(" ") for line in found)
                    print("\n".join(found), end="\n" if found else "", flush=True)

            list(pool.map(play, wanted))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    commands, files, lines = (f"{count:,}" for count in totals)
    verdict = "no difference" if not differences else f"{differences:,} differ"
    print(f"{commands} commands, {files} files, {lines} lines compared: {verdict}")
    return 1 if differences else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            sys.exit(main())
        except KeyboardInterrupt:
            sys.exit(130)
