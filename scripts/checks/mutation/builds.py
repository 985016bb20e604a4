"""A copy of the crate in which mutants are built, and the program of its unit tests that runs them one by one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from checks.mutation.arms import ASKING
from checks.support.environments import ROOT, TARGET, program_of_cargo

CARGO_MUTANTS = "27.1.0"
# Kept between checks: only the crate itself is built anew.
BUILD = TARGET / "checks" / "mutants"
# Of the time that tests take without a mutant, until one hangs.
LEAST_SECONDS, TIMES = 15, 4
# Of a property: what a mutant breaks shows in the first ones.
CASES = "32"


@dataclass(frozen=True)
class Mutant:
    """A change of the source, and where it is."""

    number: int
    name: str
    file: str
    replacement: str
    function: dict = field(hash=False)
    span: dict = field(hash=False)

    @property
    def key(self):
        """Its name without the place in the file, which moves."""
        return f"{self.file}: {self.name.split(': ', 1)[1]}"


class CrateCopy:
    """The crate's files elsewhere."""

    def __init__(self, folder):
        self.folder = folder
        # For temporary files of tests that are killed.
        (folder / "tmp").mkdir(parents=True)
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        # As they are now: the tree may change meanwhile.
        self.files = {name: (ROOT / name).read_bytes() for name in tracked.split("\0") if name and (ROOT / name).is_file()}
        self.restore()

    def restore(self):
        """Each file as it was."""
        for name, content in self.files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists() or place.read_bytes() != content:
                place.write_bytes(content)

    def listed(self, globs):
        """The mutants of some files."""
        command = [program_of_cargo("cargo-mutants", CARGO_MUTANTS), "mutants", "--list", "--json"]
        for glob in globs:
            command += ["-f", glob]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"cargo-mutants: {done.stderr}")
        found = [one for one in json.loads(done.stdout) if one["function"]]
        return [Mutant(at + 1, one["name"], one["file"], one["replacement"], one["function"]["span"], one["span"]) for at, one in enumerate(found)]

    def text(self, name):
        """A file's text as it was."""
        return self.files[name].decode("utf-8")

    def build(self, instrumented, options, ends):
        """The programs of the unit tests, and of the end-to-end tests if any are asked for, with all mutants that compile: nothing is
        generated before all do."""
        kinds = ["--lib", *(["--test", "it"] if ends else [])]
        for _ in range(40):
            self.write(instrumented)
            messages, done = self.messages(["test", "--no-run", *kinds], options)
            errors = errors_of(messages)
            if not errors:
                break
            if not instrumented.take_out([place for places in errors for place in places]):
                sys.exit(f"the crate with mutants does not compile: {errors[:3]}")
        found = {message["target"]["name"]: Path(message["executable"]) for message in messages if message.get("executable") and message["profile"]["test"]}
        if len(found) != (2 if ends else 1):
            sys.exit(f"the tests with mutants were not built: {done.stderr[-2000:]}")
        ends_program = found.pop("it", None)
        return MutantPrograms(found.popitem()[1], ends_program, self.folder, instrumented.mutants)

    def write(self, instrumented):
        """Puts the mutants into the files."""
        before = None
        while before != len(instrumented.mutants):
            before = len(instrumented.mutants)
            texts = {name: instrumented.text_of(name, self.text(name)) for name in {mutant.file for mutant in instrumented.mutants}}
        for name in {*texts, *instrumented.lines}:
            (self.folder / name).write_text(texts.get(name) or self.text(name), encoding="utf-8")
        library = "src/lib.rs"
        (self.folder / library).write_text(self.text(library) + ASKING, encoding="utf-8")

    def messages(self, command, options):
        """What cargo says of a command, and how it ended."""
        words = ["cargo", *command, "--offline", "--message-format", "json", "--target-dir", BUILD, *options]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done


def errors_of(messages):
    """Of each error of the compiler, the files and lines that it is about."""
    texts = [message["message"] for message in messages if message["reason"] == "compiler-message"]
    spans = [[(span["file_name"], line) for span in text["spans"] for line in range(span["line_start"], span["line_end"] + 1)] for text in texts if text["level"] == "error"]
    return [places for places in spans if places]


class MutantPrograms:
    """The tests of a module's mutants."""

    def __init__(self, units, ends, folder, mutants):
        self.units, self.ends, self.folder, self.mutants = units, ends, folder, mutants

    def run(self, program, number, tests, seconds, threads):
        """How the tests of some names end with a mutant, up to the first that fails: `passed`, `failed` or `timed out`."""
        own = {"PROPTEST_CASES": CASES, "ACTIVE_MUTANT": str(number), "CARGO_MANIFEST_DIR": str(self.folder), "RUST_BACKTRACE": "0", "TMPDIR": str(self.folder / "tmp")}
        words = [program, "--test-threads", str(threads), *tests]
        # The binary that end-to-end tests run has no environment.
        (self.folder / "active-mutant").write_text(str(number if program == self.ends else 0))
        process = subprocess.Popen(words, cwd=self.folder, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True)
        late = threading.Event()
        end = threading.Timer(seconds, lambda: (late.set(), end_group(process)))
        end.start()
        try:
            for line in process.stdout:
                if line.startswith("test ") and line.rstrip().endswith("FAILED"):
                    end_group(process)
                    return "failed"
            code = process.wait()
        finally:
            end.cancel()
            process.stdout.close()
            end_group(process)
            process.wait()
        return "timed out" if late.is_set() else "passed" if code == 0 else "failed"

    def baseline(self, names, ends):
        """Seconds that each stage takes without a mutant: the module's unit tests, all of them, and the end-to-end tests."""
        taken = []
        stages = [(self.units, names, 1), (self.units, [], 1)] + ([(self.ends, ends, 2)] if ends else [])
        for program, tests, threads in stages:
            start = time.monotonic()
            if self.run(program, 0, tests, 900, threads) != "passed":
                sys.exit(f"tests fail without a mutant: {program.name} {' '.join(tests)}")
            taken.append(time.monotonic() - start)
        return taken

    def fate(self, mutant, names, seconds):
        """`caught`, `timed out` or `missed` by unit tests: the module's, then all."""
        for tests, usual in zip((names, []), seconds):
            end = self.run(self.units, mutant.number, tests, max(LEAST_SECONDS, TIMES * usual), 1)
            if end != "passed":
                return "caught" if end == "failed" else end
        return "missed"

    def fate_by_ends(self, mutant, ends, usual):
        """The same by end-to-end tests. One mutant at a time."""
        end = self.run(self.ends, mutant.number, ends, max(LEAST_SECONDS, TIMES * usual), 2)
        return {"passed": "missed", "failed": "caught"}.get(end, end)


def end_group(process):
    """Ends a program of tests and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
