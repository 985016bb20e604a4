# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "every reader of something from outside with another reader, by inputs that libFuzzer makes"
# needs = ["C++ compiler"]
# binary = false
# minutes = 40
# megabytes = 900
#
# [tool.check.options]
# "--minutes N" = { default = 3, help = "how long each target runs; two run at a time [3]" }
# "--target NAME" = { help = "only this target; may be repeated", action = "append", default = [] }
# "--without-lake" = "leave out what only a lake needs: the build takes half as long"
# ///
"""Each target feeds one reader what libFuzzer makes of the seeds in fuzz/corpus: a page, an item, a detail, usage, headers, configuration,
groups, budgets, periods, filters, manifests, a lake's state, rows from CSV and Parquet, questions to `serve`, `--faults`. What each target
asserts is in src/fuzzing: what is written is read back, money is what integers of any length make of it, a refusal names its place.

The stable compiler will do: without a sanitizer, since the code has no unsafe. Inputs that reach something new are kept in
target/checks/fuzz/corpus for the next time, and findings in target/checks/fuzz/findings."""

import os
import re
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks.support.account import Checks
from checks.support.environments import ROOT, TARGET, command_line, program_of_cargo, refuse, run

CARGO_FUZZ = "0.13.2"
FUZZ = ROOT / "fuzz"
KEPT = TARGET / "checks" / "fuzz"
AT_ONCE = 2
MOST_MEBIBYTES, MOST_SECONDS = 2048, 25
# Inputs that fail a target. libFuzzer also keeps slow ones, which don't.
FAILURES = ("crash-", "leak-", "oom-", "timeout-")


def main():
    asked = command_line(__file__)
    checks = Checks()
    manifest = tomllib.loads((FUZZ / "Cargo.toml").read_text(encoding="utf-8"))
    there = [target["name"] for target in manifest["bin"] if not (asked.without_lake and target.get("required-features"))]
    for name in asked.target:
        if name not in there:
            refuse(__file__, f"--target {name}: expected one of {', '.join(there)}")
    folder = build([] if asked.without_lake else ["--features", "lake"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        figures = list(pool.map(lambda name: fuzz(checks, folder / name, asked.minutes * 60), asked.target or there))
    print(f"\n{'target':16}{'inputs':>12}{'a second':>10}{'edges':>8}{'features':>10}{'findings':>10}")
    for name, inputs, speed, edges, features, findings in figures:
        print(f"{name:16}{inputs:>12,}{speed:>10,}{edges:>8,}{features:>10,}{findings:>10}")
    checks.close()


def build(features):
    """The folder with the programs of all targets."""
    programs = program_of_cargo("cargo-fuzz", CARGO_FUZZ).parent
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    run("cargo", "fuzz", "build", "--fuzz-dir", FUZZ, "--sanitizer", "none", "--target-dir", KEPT / "build", *features, cwd=ROOT)
    return next((KEPT / "build").glob("*/release/question")).parent


def fuzz(checks, program, seconds):
    """Runs a target; its name, inputs, inputs a second, edges covered, features, and findings."""
    name = program.name
    corpus, findings = KEPT / "corpus" / name, KEPT / "findings" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    # A fault that is found again has the same file: its name is the hash of the input.
    before = files_of(findings)
    options = [f"-max_total_time={seconds}", f"-rss_limit_mb={MOST_MEBIBYTES}", f"-timeout={MOST_SECONDS}", "-print_final_stats=1", f"-artifact_prefix={findings}/"]
    words = [program, corpus, FUZZ / "corpus" / name, *options]
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    found = sorted(path for path, _ in files_of(findings) - before)
    numbers = lambda pattern: [int(number) for number in re.findall(pattern, done.stderr)] or [0]
    last = [line for line in done.stderr.splitlines() if "panicked" in line or "ERROR" in line]
    repeat = f"to repeat: {Path(program).relative_to(ROOT) if program.is_relative_to(ROOT) else program} {' '.join(map(str, found))}"
    checks.that(f"{name} holds", done.returncode == 0, f"exit {done.returncode}; {' '.join(last[:2])}; {repeat}\n{done.stderr[-1500:]}")
    inputs, speed = numbers(r"number_of_executed_units:\s*(\d+)")[-1], numbers(r"average_exec_per_sec:\s*(\d+)")[-1]
    return name, inputs, speed, numbers(r" cov: (\d+)")[-1], numbers(r" ft: (\d+)")[-1], len(found)


def files_of(findings):
    """The inputs that failed, each with the time when it was written."""
    return {(path, path.stat().st_mtime_ns) for path in findings.iterdir() if path.name.startswith(FAILURES)}


if __name__ == "__main__":
    main()
