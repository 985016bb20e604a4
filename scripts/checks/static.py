# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "the static binary with an empty root, where bubblewrap runs it, and with readelf and openssl"
# needs = ["Linux", "bubblewrap", "C compiler", "musl-gcc", "openssl", "cargo-auditable"]
# binary = false
# minutes = 40
# megabytes = 5
# options = { "--static BINARY" = "a static binary with the lake [it is built: scripts/release/make binary]" }
# ///
"""The static binary for Linux in a root that holds this one file and a folder to write to: no libraries, certificates, time zones,
users, /tmp, /proc or network. The demo, a lake, a workbook, and HTTPS with the certificate that SSL_CERT_FILE names must
work there; whatever is missing must be named by the error. Without --static, the binary is built as a release builds it,
which takes half an hour on two cores and needs rustup's standard library for musl."""

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from checks.breaking.servers import HOST, hands_on, listening, make_certificates, tls
from checks.support.account import ROOT, Checks, server
from checks.support.environments import command_line
from checks.support.processes import TOKEN

MAKE = ROOT / "scripts" / "release" / "make"
SECONDS = 600


def built():
    """The binary, as a release builds it."""
    target = f"{platform.machine()}-unknown-linux-musl"
    done = subprocess.run([MAKE, "binary", target], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"scripts/check static: the binary was not built: exit {done.returncode}")
    return Path(done.stdout.strip())


class EmptyRoot:
    """A root that holds the binary and /out, which alone can be written to."""

    def __init__(self, binary, out):
        self.words = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--ro-bind", str(binary), "/apify-runs"]
        self.words += ["--bind", str(out), "/out", "--chdir", "/out", "--remount-ro", "/"]

    def __call__(self, *arguments, network=False, **variables):
        more = ["--share-net"] if network else []
        for name, value in variables.items():
            more += ["--setenv", name, str(value)]
        command = [*self.words, *more, "/apify-runs", *map(str, arguments)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


def said(done):
    """What a command said last."""
    return f"exit {done.returncode}\n{(done.stdout + done.stderr)[-1500:]}"


def check_binary(checks, binary, scratch):
    """What the file is made of."""
    headers = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", binary], check=True, capture_output=True, text=True).stdout
    checks.that("it needs no loader and no library", "INTERP" not in headers and "NEEDED" not in headers, headers[-1500:])
    content = binary.read_bytes()
    home = str(Path.home()).encode()
    places = sorted(set(re.findall(rb"(?:%s|%s)/[\w./+-]*" % (re.escape(str(ROOT).encode()), re.escape(home)), content)))
    checks.equal("no path of the machine is in it", places[:5], [])
    section = scratch / "crates"
    subprocess.run(["objcopy", "--dump-section", f".dep-v0={section}", binary, "/dev/null"], check=False, capture_output=True)
    crates = json.loads(zlib.decompress(section.read_bytes()))["packages"] if section.exists() else []
    names = {crate["name"] for crate in crates}
    checks.that(f"the list of its crates is in it ({len(crates)})", {"apify-runs", "deltalake-core", "ring"} <= names, sorted(names)[:5])
    print(f"        {len(content) / 1e6:.0f} MB")


def check_offline(checks, run, out):
    """The commands that need no network."""
    version = run("--version")
    checks.that("--version", version.returncode == 0 and version.stdout.startswith("apify-runs "), said(version))
    demo = run("export", "--demo", "--out", "demo", "--timezone", "Europe/Prague")
    checks.that("export --demo, in another time zone", demo.returncode == 0 and "MADE-UP ACCOUNT" in demo.stdout, said(demo))
    manifest = json.loads((out / "demo/manifest.json").read_text(encoding="utf-8")) if demo.returncode == 0 else {}
    checks.equal("whose month begins at that zone's midnight", manifest.get("period", {}).get("from"), "2025-08-31T22:00:00.000Z")
    verified = run("verify", "demo")
    checks.that("verify", verified.returncode == 0, said(verified))
    completions = run("completions", "bash")
    checks.that("completions", completions.returncode == 0 and "complete -F" in completions.stdout, said(completions))
    without_token = run("export", "--last-month", "--out", "x")
    checks.that("no token is exit 3", without_token.returncode == 3 and "APIFY_TOKEN" in without_token.stderr, said(without_token))


def check_temporary_files(checks, run, out):
    """What needs a folder for temporary files: without one it says so, with TMPDIR it works."""
    without = run("sync", "--demo", "--lake", "lake")
    checks.that("sync without a folder for temporary files is exit 6, and names TMPDIR", without.returncode == 6 and "TMPDIR" in without.stderr, said(without))
    checks.that("and leaves no lake", not (out / "lake").exists(), said(without))
    (out / "tmp").mkdir()
    lake = run("sync", "--demo", "--lake", "lake", TMPDIR="/out/tmp")
    checks.that("sync with TMPDIR", lake.returncode == 0, said(lake))
    verified = run("verify", "lake", TMPDIR="/out/tmp")
    checks.that("verify of the lake", verified.returncode == 0, said(verified))
    workbook = run("report", "demo", "--format", "xlsx", "--with-runs", "--out", "finance", TMPDIR="/out/tmp")
    checks.that("a workbook with all runs", workbook.returncode == 0, said(workbook))
    checks.equal("the folder for temporary files is left empty", list((out / "tmp").iterdir()), [])


def check_https(checks, run, binary, out, scratch):
    """HTTPS to a server on loopback: with its authority's certificate, with none, and with another's."""
    for name in ("ca", "other"):
        make_certificates(scratch / name)
        shutil.copy(scratch / name / "ca.pem", out / f"{name}.pem")
    with server(binary, "--runs", 5000) as upstream, listening(hands_on(int(upstream.rpartition(":")[2])), tls(scratch / "ca", "good")) as port:
        url = f"https://127.0.0.1:{port}"
        words = ["export", "--month", "2025-09", "--api-url", url, "--rate", "0", "--retries", "0"]
        token = {"network": True, "APIFY_TOKEN": "demo", "APIFY_RUNS_NOW": "2025-10-03T06:00:00Z"}
        known = run(*words, "--out", "https", **token, SSL_CERT_FILE="/out/ca.pem")
        checks.that("HTTPS by a certificate that SSL_CERT_FILE names", known.returncode == 0 and (out / "https/manifest.json").exists(), said(known))
        none = run(*words, "--out", "none", **token)
        checks.that("without certificates the error names SSL_CERT_FILE", none.returncode == 1 and "SSL_CERT_FILE" in none.stderr, said(none))
        unknown = run(*words, "--out", "unknown", **token, SSL_CERT_FILE="/out/other.pem")
        checks.that("a certificate by an unknown authority is exit 4", unknown.returncode == 4 and "certificate" in unknown.stderr, said(unknown))
        checks.equal("and nothing is published", [name for name in ("none", "unknown") if (out / name).exists()], [])
        words[words.index(url)] = f"https://{HOST}"
        nowhere = run(*words, "--out", "nowhere", **{**token, "APIFY_TOKEN": TOKEN}, SSL_CERT_FILE="/out/ca.pem")
        checks.that("a name that can't be resolved is exit 4", nowhere.returncode == 4 and re.search("lookup|was not found", nowhere.stderr), said(nowhere))


def main():
    binary = command_line(__file__).static or built()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-static-") as folder:
        scratch = Path(folder).resolve()
        out = scratch / "out"
        out.mkdir()
        run = EmptyRoot(binary, out)
        check_binary(checks, binary, scratch)
        check_offline(checks, run, out)
        check_temporary_files(checks, run, out)
        check_https(checks, run, binary, out, scratch)
    checks.close()


if __name__ == "__main__":
    main()
