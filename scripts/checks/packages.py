# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "maturin==1.16.0",
#     "pipx==1.18.4",
#     "trove-classifiers==2026.9.21.13",
#     "twine==7.0.0",
#     "uv==0.13.9",
# ]
#
# [tool.check]
# compares = "the crate and the wheel with cargo, pip, pipx and uvx, which install them"
# minutes = 10
# megabytes = 40
# ///
"""The crate and the wheel, as people get them who install them. The files of `cargo package` alone compile, tests too; the
wheel, built from the source package's files alone, is what PyPI accepts, and pip, pipx and uvx run the tool from it. Built
with the release profile, on what was compiled before, where a published wheel has `dist`."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from trove_classifiers import classifiers

from checks.support.account import ROOT, Checks
from checks.support.environments import command_line

TOOLS = Path(sys.executable).parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
# A place of its own for what is made here, always the same, so that cargo knows what it has compiled there before; it compiles
# other packages where everybody does.
PLACE = TARGET / "check-packages"
CARGO = {**os.environ, "CARGO_BUILD_BUILD_DIR": str(TARGET), "CARGO_TARGET_DIR": str(PLACE / "target")}
# What may be in the crate, at its top: what it is built of and tested with, and what is to be read.
TOP = {
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "docs",
    "examples",
    "reports",
    "src",
    "tests",
}
MUST_HAVE = ["CHANGELOG.md", "Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "reports/report.html", "src/main.rs", "tests/it/main.rs"]
CRATE_BYTES, FILE_BYTES, WHEEL_BYTES = 1_000_000, 200_000, 30_000_000
LICENCES = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENCES.txt"]
SECONDS = 1800


def command(*words, cwd, environment, seconds=SECONDS):
    """A command to its end, with all that it says as one text."""
    words = list(map(str, words))
    return subprocess.run(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)


def said(done):
    """What a command said last."""
    return f"exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"


def must(done, what):
    """Ends the script where nothing can be checked any more."""
    if done.returncode != 0:
        sys.exit(f"{what}: {said(done)}")
    return done


def unpacked(archive, folder):
    """An archive's one folder, and its files' names and sizes in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        sizes = {entry.name.partition("/")[2]: entry.size for entry in tar.getmembers() if entry.isfile()}
        tar.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    # They come with the times of long ago, by which cargo would take them for what it knows from the last time.
    for path in inside.rglob("*"):
        os.utime(path)
    return inside, sizes


def check_crate(checks):
    """The tarball of `cargo package`: what is in it, and that it is enough. What isn't committed yet counts, too."""
    must(command("cargo", "package", "--no-verify", "--allow-dirty", "--locked", "--quiet", cwd=ROOT, environment=CARGO), "cargo package")
    (archive,) = (PLACE / "target/package").glob("apify-runs-*.crate")
    crate, sizes = unpacked(archive, PLACE / "crate")
    others = sorted(name for name in sizes if name.split("/")[0] not in TOP)
    checks.equal(f"the crate holds nothing but what belongs in it ({len(sizes)} files)", others, [])
    checks.equal("and all of that", [name for name in MUST_HAVE if name not in sizes], [])
    # Cargo.lock is as long as it is.
    large = {name: size for name, size in sizes.items() if size > FILE_BYTES and name != "Cargo.lock"}
    checks.equal(f"no file of it is larger than {FILE_BYTES:,} bytes", large, {})
    packed = archive.stat().st_size
    checks.that(f"packed it is no larger than {CRATE_BYTES:,} bytes", packed <= CRATE_BYTES, f"{packed:,}")
    manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
    lacking = [key for key in ("categories", "description", "keywords", "license", "readme", "rust-version") if not re.search(rf"^{key} = ", manifest, re.MULTILINE)]
    checks.equal("its manifest says what crates.io shows", lacking, [])
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", (crate / "README.md").read_text(encoding="utf-8"))
    checks.equal("what its README links to is there", [link for link in links if not (crate / link).exists()], [])

    lean = command("cargo", "check", "--release", "--offline", "--locked", "--all-targets", cwd=crate, environment=CARGO)
    checks.that("its files alone compile, tests too", lean.returncode == 0, said(lean))
    # A check that compiles something else would pass whatever is missing.
    (crate / "reports/report.html").rename(crate / "reports/elsewhere.html")
    broken = command("cargo", "check", "--release", "--offline", "--locked", "--lib", cwd=crate, environment=CARGO)
    checks.that("without one of them they don't", broken.returncode != 0 and "report.html" in broken.stderr, said(broken))
    shutil.rmtree(crate)


def build_wheel(checks):
    """The wheel, from the source package's files and nothing else, with the third parties' licences as releases have them."""
    maturin = TOOLS / "maturin"
    sources = PLACE / "sdist"
    shutil.rmtree(sources, ignore_errors=True)
    must(command(maturin, "sdist", "--out", sources, cwd=ROOT, environment=CARGO), "maturin sdist")
    (archive,) = sources.glob("apify_runs-*.tar.gz")
    package, sizes = unpacked(archive, PLACE / "source")
    others = sorted(name for name in sizes if name.split("/")[0] not in TOP | {"PKG-INFO", "THIRD-PARTY-LICENCES.txt", "pyproject.toml"})
    checks.equal("the source package holds nothing but the crate's files and what describes it", others, [])
    subprocess.run([ROOT / "scripts/release/make", "licences", "--out", package], check=True, stdout=subprocess.DEVNULL)
    wheels = PLACE / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    must(command(maturin, "build", "--offline", "--profile", "release", "--out", wheels, cwd=package, environment=CARGO), "maturin build")
    (wheel,) = wheels.glob("*.whl")
    shutil.rmtree(package)
    return archive, wheel


def check_wheel(checks, archive, wheel, version):
    """What is in the wheel, and what it says of itself."""
    checks.that(f"{wheel.name}: any Python 3, a platform that PyPI takes", re.search(r"-py3-none-(manylinux_2_\d+_\w+\.)*(manylinux_2_\d+|macosx_\d+_\d+)_\w+\.whl$", wheel.name), wheel.name)
    with zipfile.ZipFile(wheel) as zipped:
        entries = {entry.filename: entry for entry in zipped.infolist()}
        about = next(name for name in entries if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(zipped.read(about).decode())
        folder = about.removesuffix("/METADATA")
        licences = {name: zipped.read(f"{folder}/licenses/{name}").decode() for name in LICENCES if f"{folder}/licenses/{name}" in entries}
    data = f"{folder.removesuffix('.dist-info')}.data"
    files = sorted(name for name in entries if not name.startswith(f"{folder}/"))
    checks.equal("it holds the binary and no Python", files, [f"{data}/scripts/apify-runs"])
    checks.that("which may be run", entries[files[0]].external_attr >> 16 & 0o111 == 0o111, oct(entries[files[0]].external_attr >> 16))
    checks.equal("all licences", list(licences), LICENCES)
    third = licences.get(LICENCES[-1], "")
    checks.that("third parties' too", all(name in third for name in ("\nring 0.", "\narrow-array 5", "\ndeltalake-core 1", "\noption-ext 0.", "Rust's standard library")), third[:300])
    checks.that("a list of what it is made of", any(re.search(r"/sboms/.*\.json$", name) for name in entries), sorted(entries))
    checks.that(f"no more than {WHEEL_BYTES:,} bytes", wheel.stat().st_size <= WHEEL_BYTES, f"{wheel.stat().st_size:,}")
    found = {key: metadata[key] for key in ("Name", "Version", "License-Expression", "Requires-Python")}
    checks.equal("its name, version, licence and Python", found, {"Name": "apify-runs", "Version": version, "License-Expression": "MIT OR Apache-2.0", "Requires-Python": ">=3.8"})
    checks.that("its summary", "Apify" in (metadata["Summary"] or ""), metadata["Summary"])
    checks.equal("its classifiers are PyPI's", sorted(set(metadata.get_all("Classifier", [])) - set(classifiers)), [])
    strict = command(TOOLS / "twine", "--no-color", "check", "--strict", archive, wheel, cwd=PLACE, environment=os.environ)
    checks.that("twine check --strict", strict.returncode == 0 and strict.stdout.count("PASSED") == 2, said(strict))


def check_installed(checks, wheel, binary, scratch):
    """pip, pipx and uvx, in folders of their own; nothing but the tool is run in them."""
    version = must(command(binary, "--version", cwd=scratch, environment={}), "--version").stdout
    home = {"HOME": str(scratch), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PATH": "/usr/bin:/bin"}

    venv = scratch / "venv"
    must(command(sys.executable, "-m", "venv", venv, cwd=scratch, environment=os.environ), "venv")
    pip = [venv / "bin/python", "-m", "pip", "--disable-pip-version-check"]
    installed = command(*pip, "install", "--no-index", "--no-cache-dir", wheel, cwd=scratch, environment=home)
    checks.that("pip installs it, and nothing else", installed.returncode == 0 and "Successfully installed apify-runs-" in installed.stdout, said(installed))
    tool = venv / "bin/apify-runs"
    tool_version = command(tool, "--version", cwd=scratch, environment=home)
    checks.equal("its version", tool_version.stdout, version)
    demo = command(tool, "export", "--demo", "--quiet", cwd=scratch, environment=home)
    checks.that("export --demo", demo.returncode == 0 and demo.stdout == "" and demo.stderr == "", said(demo))
    checked = command(tool, "verify", "apify-runs-demo-2025-09", cwd=scratch, environment=home)
    checks.that("verify", checked.returncode == 0, said(checked))
    lake = command(tool, "sync", "--demo", "--lake", "lake", "--quiet", cwd=scratch, environment=home)
    checks.that("the lake is in it", lake.returncode == 0 and (scratch / "lake/_delta_log").is_dir(), said(lake))
    wrong = command(tool, "export", "--never-heard-of", cwd=scratch, environment=home)
    checks.that("wrong usage is exit 2", wrong.returncode == 2 and "--never-heard-of" in wrong.stderr, said(wrong))
    without = command(tool, "export", "--last-month", cwd=scratch, environment=home)
    checks.that("no token is exit 3", without.returncode == 3, said(without))
    gone = command(*pip, "uninstall", "--yes", "apify-runs", cwd=scratch, environment=home)
    left = sorted(str(path) for path in venv.rglob("*apify*"))
    checks.that("pip takes it away again", gone.returncode == 0 and left == [], f"{left} {said(gone)}")

    uv = {**home, "UV_CACHE_DIR": str(scratch / "uv"), "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
    run = command(TOOLS / "uvx", "--no-config", "--no-index", "--from", wheel, "apify-runs", "--version", cwd=scratch, environment=uv)
    checks.equal("uvx --from WHEEL apify-runs --version", (run.returncode, run.stdout), (0, version))
    run = command(TOOLS / "uvx", "--no-config", "--no-index", "--from", wheel, "apify-runs", "report", "nowhere", cwd=scratch, environment=uv)
    checks.equal("and its exit code comes through", run.returncode, 2)

    # pipx brings its own pip along, from the index.
    pipx = {**os.environ, "PIPX_HOME": str(scratch / "pipx"), "PIPX_BIN_DIR": str(scratch / "bin"), "PIPX_DEFAULT_PYTHON": sys.executable, "USE_EMOJI": "0"}
    run = command(TOOLS / "pipx", "run", "--spec", wheel, "apify-runs", "--version", cwd=scratch, environment=pipx)
    checks.equal("pipx run --spec WHEEL apify-runs --version", (run.returncode, run.stdout), (0, version))
    run = command(TOOLS / "pipx", "install", wheel, cwd=scratch, environment=pipx)
    checks.that("pipx install WHEEL", run.returncode == 0 and (scratch / "bin/apify-runs").exists(), said(run))
    run = command(scratch / "bin/apify-runs", "--version", cwd=scratch, environment=home)
    checks.equal("and what it has put in PATH", (run.returncode, run.stdout), (0, version))


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    PLACE.mkdir(parents=True, exist_ok=True)
    check_crate(checks)
    archive, wheel = build_wheel(checks)
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    check_wheel(checks, archive, wheel, version)
    with tempfile.TemporaryDirectory(prefix="apify-runs-packages-") as folder:
        check_installed(checks, wheel, binary, Path(folder).resolve())
    checks.close()


if __name__ == "__main__":
    main()
