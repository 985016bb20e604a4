# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "the unit tests with mutants of what money and completeness rest on, as cargo-mutants makes them"
# needs = ["git"]
# binary = false
# minutes = 60
# megabytes = 2500
#
# [tool.check.options]
# "--module NAME" = { help = "only this module; may be repeated: period, runs, fetch, lake, output, archive, report", action = "append", choices = ["period", "runs", "fetch", "lake", "output", "archive", "report"] }
# "--sample N" = { default = 100, help = "how many viable mutants of a module that is only sampled; 0: all" }
# "--seed N" = { default = 1, help = "which mutants are sampled" }
# "--update" = "write the figures into the table of docs/how-it-works.md"
# ///
"""Mutants of the code that counts: a test has to fail for each. cargo-mutants lists them; it would build the crate once for each, a
quarter of a minute every time. Here all mutants of a module are built at once, each as another arm of its function's body, and the
environment says which arm is taken: minutes a module on two cores. What doesn't compile is taken out by the lines that rustc names.

A mutant is run against its own module's unit tests first, then against all of them, and what is left, where end-to-end tests are the
ones that reach a module, against these. A survivor is missed, unless mutation/mutants.toml lists it with the reason why no test can
tell it. 95 of 100 have to be caught in each module. A function that is `const` is left out: it can't ask which mutant is active."""

import os
import random
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from checks.mutation.arms import Instrumented
from checks.mutation.builds import ROOT, CrateCopy
from checks.support.account import Checks
from checks.support.environments import command_line, scratch_folder

@dataclass(frozen=True)
class Module:
    """What is mutated, and by which tests."""

    files: list
    # Whether all of its mutants are tried; of others, a sample.
    is_whole: bool
    # The names of unit tests that are likely to tell, and of end-to-end tests for what these don't reach.
    units: list
    ends: list
    options: tuple = ("--features", "lake")


MODULES = {
    "period": Module(["src/period.rs", "src/period/**"], True, ["period::"], []),
    "runs": Module(["src/runs/merge.rs", "src/runs/cost_state.rs", "src/runs/dedup.rs", "src/runs/complete.rs", "src/runs/pairing.rs"], True, ["runs::"], []),
    "fetch": Module(["src/fetch/**", "src/retry.rs", "src/api/pacing.rs"], True, ["fetch::", "retry::", "api::pacing"], ["export::"]),
    "lake": Module(["src/lake/merge.rs", "src/lake/month_merge.rs", "src/lake/row_merge.rs", "src/lake/commit*.rs", "src/lake/state.rs", "src/lake/repair.rs"], False, ["lake::"], ["lake::"]),
    "output": Module(["src/output/swap.rs", "src/output/publish.rs", "src/output/output_path.rs", "src/archive/existing.rs"], False, ["output::", "archive::"], ["export::publishing", "export::files", "lake::read"]),
    "archive": Module(["src/archive/export/**", "src/archive/row_check.rs", "src/archive/findings.rs", "src/archive/lake/**"], False, ["archive::"], ["archive::", "lake::read", "lake::truth"]),
    "report": Module(["src/report/summary.rs", "src/report/summary/**", "src/report/measures.rs", "src/report/figures/**", "src/report/comparison.rs", "src/report/comparison/**", "src/report/usage_explained.rs"], False, ["report::"], ["archive::reports", "archive::report::", "archive::reconcile"]),
}
LEAST = 0.95
TABLE = ROOT / "docs" / "how-it-works.md"
ACCEPTED = Path(__file__).with_name("mutation") / "mutants.toml"
BEGIN, END = "<!-- mutants -->", "<!-- end of mutants -->"
WORKERS = os.cpu_count() or 2


def main():
    asked = command_line(__file__)
    checks = Checks()
    reasons = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", {})
    figures = {}
    with scratch_folder() as scratch:
        copy = CrateCopy(scratch / "crate")
        for name in asked.module or MODULES:
            figures[name] = try_module(checks, copy, name, asked, reasons)
    if asked.update:
        write_table(figures)
    checks.close()


def try_module(checks, copy, name, asked, reasons):
    """The figures of a module: viable, caught, missed, timed out, listed with a reason."""
    module = MODULES[name]
    copy.restore()
    mutants = copy.listed(module.files)
    made = len(mutants)
    sample = 0 if module.is_whole else asked.sample
    if sample:
        # Some of them won't compile.
        mutants = random.Random(asked.seed).sample(mutants, min(len(mutants), sample * 2))
    began = time.monotonic()
    programs = copy.build(Instrumented(mutants), module.options, module.ends)
    viable = programs.mutants[:sample] if sample else programs.mutants
    print(f"        {name}: {made} mutants, {len(mutants)} tried, {len(programs.mutants)} compile; {len(viable)} run; built in {time.monotonic() - began:.0f} s", flush=True)
    seconds = programs.baseline(module.units, module.ends)
    began = time.monotonic()
    fates = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for fate in pool.map(lambda mutant: programs.fate(mutant, module.units, seconds), viable):
            fates.append(fate)
            if len(fates) % 50 == 0:
                print(f"        {name}: {len(fates)} of {len(viable)}, {fates.count('missed')} left; {time.monotonic() - began:.0f} s", flush=True)
    print(f"        {name}: {fates.count('missed')} left by unit tests after {time.monotonic() - began:.0f} s", flush=True)
    if module.ends:
        fates = [fate if fate != "missed" or mutant.key in reasons else programs.fate_by_ends(mutant, module.ends, seconds[2]) for mutant, fate in zip(viable, fates)]
    print(f"        {name}: run in {time.monotonic() - began:.0f} s", flush=True)
    missed = [mutant for mutant, fate in zip(viable, fates) if fate == "missed"]
    listed_ones = [mutant for mutant in missed if mutant.key in reasons]
    for mutant in missed:
        print(f"        {'listed' if mutant in listed_ones else 'MISSED'} {mutant.name}", flush=True)
    counts = {fate: fates.count(fate) for fate in ("caught", "timed out", "missed")}
    caught = counts["caught"] + counts["timed out"] + len(listed_ones)
    share = caught / max(len(viable), 1)
    checks.that(f"{name}: {caught} of {len(viable)} viable mutants are caught or listed ({share:.1%})", share >= LEAST, "")
    return [made, len(viable), counts["caught"], len(missed) - len(listed_ones), counts["timed out"], len(listed_ones), asked.seed if sample else "all"]


def write_table(figures):
    """Puts the figures of modules into the table; those of others stay."""
    text = TABLE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    old, after = rest.split(END, 1)
    rows = {line.split("|")[1].strip(" `"): line for line in old.splitlines() if line.startswith("| `")}
    rows |= {name: f"| `{name}` | " + " | ".join(str(cell) for cell in cells) + " |" for name, cells in figures.items()}
    head = ["| module | mutants | viable, tried | caught | missed | timed out | listed | seed |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines = [*head, *(rows[name] for name in MODULES if name in rows)]
    TABLE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
