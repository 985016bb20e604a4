"""File systems that lack something, are full or may not be written, what desktops leave in folders, modes, and what several jobs share."""

import os
import re
import shutil
import stat

from checks.breaking.bench import Cases, NotHere, digest, mounted
from checks.breaking.servers import api

FILES = Cases("files")
LEFTOVERS = Cases("leftovers")
SHARED = Cases("shared")
OUTPUT, USAGE, UNTRUSTED = 6, 2, 5
LAKE_AND_EXPORT = ("export", "sync")
# Columns of people's data; raw fields that nobody knows may be some too.
PERSONAL = "meta_client_ip,meta_user_agent,extra"


# File systems. A mount is in a namespace of its own; what a kernel can't be made to lack, the tracer refuses.


def over_a_lower_layer(place):
    """An export in a container's image, replaced in the layer above: folders of the lower layer can't be renamed."""
    script = "mount -t tmpfs tmpfs $1; mkdir $1/lower $1/upper $1/layer $1/merged; cp -a $2/. $1/lower/"
    lower = place.folder / "lower"
    shutil.copytree(place.bench.whole, lower / "out")
    script = script.replace("$2", str(lower)) + "; mount -t overlay overlay -o lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/layer $1/merged"
    with mounted(place, script) as inside, api() as standin:
        place.out = place.work / "merged" / "out"
        job = place.export(standin.url, "--replace")
        place.expect(job, 0, says=["cop"])
        verified = place.run("verify", place.out)
        place.expect(verified, 0)
        names = inside("ls", "-A", place.out.parent).stdout.split()
        place.that(not [name for name in names if "staging" in name or "old" in name], f"left behind: {names}")
        again = place.export(standin.url)
        place.expect(again, 0)
        return "whole export" if verified.code == 0 else "HALF"


def full(kilobytes, command="export"):
    """No space left somewhere on the way."""

    def does(place):
        with mounted(place, f"mount -t tmpfs -o size={kilobytes}k,nr_inodes=64 tmpfs $1") as inside, api() as standin:
            if command == "export":
                job = place.export(standin.url)
            else:
                job = place.run("sync", "--lake", place.work / "lake", "--api-url", standin.url, "--rate", "0")
            place.expect(job, OUTPUT, within=20, says=["space"])
            names = inside("find", place.work, "-mindepth", "1").stdout.split()
            stray = [name for name in names if not name.endswith(".lock") and (command == "export" or name.endswith((".json", ".tmp")))]
            place.that(not stray, f"left behind: {stray}")
        return "nothing"

    return does


def read_only(place):
    """A read-only mount: exit 6, also of `check`."""
    with mounted(place, "mount -t tmpfs -o ro tmpfs $1"), api() as standin:
        place.expect(place.check(standin.url), OUTPUT, within=10, says=["read-only"])
        job = place.export(standin.url)
        place.shows(job)
        place.expect(job, OUTPUT, within=10, says=["read-only"])
    return "nothing"


def read_only_over_export(place):
    """An export on a read-only mount is read as ever."""
    lower = place.folder / "lower"
    shutil.copytree(place.bench.whole, lower / "out")
    with mounted(place, f"mount --bind {lower} $1; mount -o remount,bind,ro $1"):
        for command in (["report", place.out], ["verify", place.out], ["diff", place.out, place.out]):
            place.expect(place.run(*command), 0)
    return "as before"


def vfat(place):
    """No modes, no exchange of folders, no case."""
    maker = shutil.which("mkfs.vfat", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if maker is None:
        raise NotHere("mkfs.vfat")
    image = place.folder / "vfat"
    script = f"truncate -s 64M {image}; {maker} {image} > /dev/null; mount -o loop {image} $1"
    with mounted(place, script) as inside, api() as standin:
        place.expect(place.export(standin.url), 0)
        place.expect(place.export(standin.url, "--replace"), 0)
        place.expect(place.run("verify", place.out), 0)
        names = inside("ls", "-A", place.work).stdout.split()
        place.that(not [name for name in names if "staging" in name or "old" in name], f"left behind: {names}")
    return "whole export"


def lacking(refused, command="export", or_says=None):
    """Calls that a file system hasn't: works, twice, or says in these words what it lacks."""

    def does(place):
        tracing = ["--refuse", refused]
        with api() as standin:
            if command == "sync":
                arguments = ["sync", "--lake", place.work / "lake", "--api-url", standin.url, "--rate", "0"]
            else:
                arguments = ["export", "--month", "2025-09", "--out", place.out, "--api-url", standin.url, "--rate", "0"]
            for _ in range(2):
                done = place.run(*arguments, tracing=tracing)
                if or_says and done.code == OUTPUT:
                    place.expect(done, OUTPUT, within=10, says=or_says)
                    return
                place.expect(done, 0)
            if command == "sync":
                place.expect(place.run("verify", place.work / "lake"), 0)
                place.left = "whole lake"
        return place.left

    return does


def lost_and_found(place):
    """The root of a volume has a folder that nobody may read: it isn't the tool's, and in nobody's way."""
    if os.geteuid() != 0:
        raise NotHere("root")
    volume = place.work / "volume"
    volume.mkdir()
    (volume / "lost+found").mkdir(mode=0o700)
    os.chown(volume, 65534, 65534)
    for folder in (place.work, place.home, place.temporary):
        os.chown(folder, 65534, 65534)
    os.chmod(place.folder, 0o755)
    place.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with api() as standin:
        place.out = volume / "out"
        place.expect(place.export(standin.url), 0)
        place.left = place.what_is_left()
        shutil.rmtree(place.out)
        place.expect(place.run("sync", "--lake", volume, "--api-url", standin.url, "--rate", "0"), 0)
        place.expect(place.run("verify", volume), 0)
    place.prefix = []
    return place.left


def two_levels(place):
    """Two levels that aren't there are a typing error, or a volume that isn't mounted."""
    place.out = place.work / "nope" / "dir" / "x"
    with api() as standin:
        place.expect(place.check(standin.url), OUTPUT, says=["nope"])
        job = place.export(standin.url)
        place.shows(job)
        place.expect(job, OUTPUT, within=5, says=["nope"])
    place.that(not (place.work / "nope").exists(), "it made the folders")


def is_a_file(place):
    """A file where the output goes."""
    place.out.write_text("mine")
    with api() as standin:
        place.expect(place.export(standin.url), OUTPUT, within=10)
    place.that(place.out.read_text() == "mine", "the file was changed")
    return "as before"


def others_file(place):
    """A folder with somebody's file: not replaced, and the file is named."""
    place.copy_whole()
    (place.out / "notes.txt").write_text("mine")
    place.before = digest(place.out)
    with api() as standin:
        place.expect(place.export(standin.url, "--replace"), OUTPUT, says=["notes.txt"])
    place.that(place.what_is_left() == "as before", "the folder was changed")


FILES.add("an overlay with the export in its lower layer", over_a_lower_layer)
for size in (16, 48, 120, 200):
    FILES.add(f"a full tmpfs of {size} KiB", full(size))
FILES.add("a full tmpfs of 16 KiB, sync", full(16, "sync"))
FILES.add("a read-only mount", read_only)
FILES.add("an export on a read-only mount", read_only_over_export)
FILES.add("vfat", vfat)
for command in LAKE_AND_EXPORT:
    for call, error in (("fsync/", "EINVAL"), ("flock", "ENOTSUP"), ("flock", "ENOLCK"), ("renameat2", "EINVAL"), ("renameat2", "ENOSYS")):
        name = call.replace("fsync/", "fsync of folders")
        FILES.add(f"{name} is {error}, {command}", lacking(f"{call}={error}", command, "lock" if call == "flock" else None))
    FILES.add(f"chmod is EPERM, {command}", lacking("chmod=EPERM,fchmod=EPERM,fchmodat=EPERM", command, "mode|chmod"))
FILES.add("link and exchange are missing, export", lacking("link=EPERM,linkat=EPERM,renameat2=EINVAL"))
FILES.add("an unreadable lost+found", lost_and_found)
FILES.add("--out with two missing levels", two_levels)
FILES.add("--out is a file", is_a_file)
FILES.add("somebody's file in the output", others_file)


# What desktops and network file systems leave

NAMES = [".DS_Store", "._runs.csv", "Thumbs.db", "desktop.ini", ".directory", ".~lock.runs.csv#", "~$report.xlsx", ".nfs00000000000a1b2c00000001", ".fuse_hidden0000000100000001", ".localized", "ehthumbs.db", "@eaDir/"]
PRESENTATIONS = ["report.html", "report.xlsx", "report.md", "summary.txt"]


def leftover(name):
    def does(place):
        place.copy_whole()
        left = place.out / name.rstrip("/")
        if name.endswith("/"):
            left.mkdir()
            (left / "runs.csv@SynoEAStream").write_text("x")
        else:
            left.write_text("x")
        place.before = digest(place.out)
        place.expect(place.run("verify", place.out), 0, says=re.escape(name.rstrip("/")))
        place.expect(place.run("report", place.out), 0)
        place.expect(place.run("diff", place.out, place.bench.whole), 0)
        with api() as standin:
            replaced = place.export(standin.url)
        place.shows(replaced)
        place.expect(replaced, 0)
        place.that(not left.exists(), f"{name} is still there after the export was replaced")

    LEFTOVERS.add(name, does)


def changed(name):
    """A page that somebody has changed: a warning, but of `verify`."""

    def does(place):
        place.copy_whole()
        with open(place.out / name, "ab") as file:
            file.write(b"\n")
        place.before = digest(place.out)
        for command in (["report", place.out], ["diff", place.out, place.bench.whole]):
            place.expect(place.run(*command), 0, says=re.escape(name))
        verified = place.run("verify", place.out)
        place.shows(verified)
        place.expect(verified, UNTRUSTED, says=re.escape(name))

    LEFTOVERS.add(f"{name} was changed", does)


for each in NAMES:
    leftover(each)
for each in PRESENTATIONS:
    changed(each)


# Modes, and a metrics file of two jobs


def modes(*options, umask, files, folders):
    def does(place):
        with api() as standin:
            job = place.export(standin.url, *options, umask=umask)
        place.expect(job, 0)
        if job.code != 0:
            return
        wrong = []
        for path in [place.out, *place.out.rglob("*")]:
            found, expected = stat.S_IMODE(path.stat().st_mode), folders if path.is_dir() else files
            wrong += [f"{path.name} {found:o}, expected {expected:o}"] if found != expected else []
        place.that(not wrong, f"modes: {', '.join(wrong[:4])}")

    return does


SHARED.add("umask 077: files 0600", modes(umask=0o077, files=0o600, folders=0o700))
SHARED.add("umask 022: files 0600, since rows are personal", modes(umask=0o022, files=0o600, folders=0o755))
SHARED.add("umask 077 and --mode 640", modes("--mode", "640", umask=0o077, files=0o640, folders=0o750))
SHARED.add("umask 022 and --mode 640", modes("--mode", "640", umask=0o022, files=0o640, folders=0o750))
SHARED.add("umask 022, no personal columns", modes("--exclude", PERSONAL, umask=0o022, files=0o644, folders=0o755))


def metrics(place):
    """Two jobs of one account in one file: series of both, told apart; everybody may read it."""
    file = place.work / "apify-runs.prom"
    with api() as standin:
        for name in ("monthly", "weekly"):
            job = place.export(standin.url, "--metrics-file", file, "--job-name", name, umask=0o077)
            place.expect(job, 0)
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")] if file.exists() else []
    place.that(lines and all('job="' in line for line in lines), f"series without a job: {[line for line in lines if 'job=' not in line][:2]}")
    for name in ("monthly", "weekly"):
        place.that(any(f'job="{name}"' in line for line in lines), f"no series of the job {name}")
    if file.exists():
        found = stat.S_IMODE(file.stat().st_mode)
        place.that(found == 0o644, f"the metrics file has mode {found:o}")


SHARED.add("a metrics file of two jobs, umask 077", metrics)
