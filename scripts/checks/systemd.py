# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "the example units with systemd, booted apart from the machine's own, and cron"
# needs = ["Linux", "root", "systemd", "util-linux", "logger", "bubblewrap"]
# uses = ["cron"]
# minutes = 3
# ///
"""The example units for systemd, as root. systemd-analyze judges them; then systemd itself, booted in its own namespaces
runs them: the binary, confined as it is there, against a made-up account on loopback, and a stand-in
that ends with each exit code. Where cron is installed, it runs the crontab there too."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checks.support.account import NOW, Checks, server
from checks.support.environments import command_line
from checks.support.processes import child
from checks.support.scheduling import (
    RUNS,
    SCHEDULE,
    TRIES,
    executable,
    fails,
    is_private,
    outcome_is_done,
    parses,
    promised,
    published,
    token_file,
)

BINARY = command_line(__file__).binary
UNITS = SCHEDULE / "systemd"
# Boots systemd on an overlay of / in this folder, in namespaces that are there already. It starts no service but those that it is
# then told to. All of it is gone when process 1 there is killed.
BOOT = r"""
folder=$1
root=$folder/root
mount --make-rprivate /
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay none -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc none "$root/proc"
mount --bind /sys "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
for fresh in run tmp etc/systemd/system; do
    mount -t tmpfs none "$root/$fresh"
done

# Nothing of the machine's own starts there.
rm -rf "$root"/usr/lib/systemd/system/*.wants "$root"/usr/lib/systemd/system/*.requires
printf '[Unit]\nDefaultDependencies=no\n' >"$root/etc/systemd/system/nothing.target"

mkdir "$root/tmp/old"
cd "$root"
pivot_root . tmp/old
umount --lazy /tmp/old
rmdir /tmp/old
# In a container systemd leaves this to whoever made it; credentials reach their services by it.
mount --make-rshared /
container=apify-runs exec /usr/lib/systemd/systemd --unit=nothing.target --log-target=null --show-status=no
"""
JOBS = {"export": "apify-runs-export.service", "sync": "apify-runs-sync.service"}
# Exposure at most, as `systemd-analyze security` has it: tenths of its scale to 10.
EXPOSURE = 20
SECONDS_TO_BOOT = 30
# cron looks once a minute.
SECONDS_FOR_CRON = 90


def run(command, **options):
    """A command to its end; output as text."""
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)


def until(seconds, holds):
    """Whether something comes to hold in time."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return held


# As systemd-analyze sees them


def installed(folder):
    """A root folder as the README's install line leaves it, with systemd's own units and what the units call."""
    (folder / "etc/systemd/system").mkdir(parents=True)
    shutil.copytree(UNITS, folder / "etc/systemd/system", dirs_exist_ok=True)
    shutil.copytree("/usr/lib/systemd/system", folder / "usr/lib/systemd/system", symlinks=True)
    for program in ("usr/local/bin/apify-runs", "usr/bin/logger"):
        executable(folder / program, "#!/bin/sh\n")
    return folder


def timespan(text):
    """A time span of a unit in seconds, by systemd's own reading."""
    said = run(["systemd-analyze", "timespan", text]).stdout
    return int(re.search(r"μs: (\d+)", said)[1]) / 1_000_000


def setting(unit, key):
    """A setting of a unit's file."""
    return re.search(rf"^{key}=(.*)$", (UNITS / unit).read_text(encoding="utf-8"), re.MULTILINE)[1]


def check_files(checks, scratch):
    """What can be said of the units without starting one."""
    root = installed(scratch / "root")
    system = root / "etc/systemd/system"
    units = [path.name.replace("@.", "@it.") for path in sorted(UNITS.iterdir()) if path.is_file()]
    checks.equal("systemd/: five units", len(units), 5)
    verify = ["systemd-analyze", "verify", f"--root={root}"]
    for unit in units:
        said = run([*verify, unit])
        checks.equal(f"{unit}: systemd-analyze verify has nothing to say", [said.returncode, said.stdout + said.stderr], [0, ""])
    for job, unit in JOBS.items():
        said = run(["systemd-analyze", "security", "--offline=true", f"--root={root}", f"--threshold={EXPOSURE}", "--no-pager", unit])
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
        checks.that(f"{unit}: exposure {level and level[1]}, at most {EXPOSURE / 10}", said.returncode == 0 and level, said.stderr)
        deadline = timespan(re.search(r"--deadline (\S+)", (UNITS / unit).read_text(encoding="utf-8"))[1])
        starts, interval = int(setting(unit, "StartLimitBurst")), timespan(setting(unit, "StartLimitIntervalSec"))
        checks.equal(f"{unit}: starts at most", starts, TRIES["systemd"])
        checks.that(f"{unit}: the limit counts them all", interval > starts * (deadline + timespan(setting(unit, "RestartSec"))))
        checks.that(f"{unit}: and has passed by the next day", interval < 86400)
        checks.that(f"{unit}: systemd waits longer than the deadline", timespan(setting(unit, "TimeoutStartSec")) > deadline)
        timer = unit.replace(".service", ".timer")
        said = run(["systemd-analyze", "calendar", "--iterations=2", setting(timer, "OnCalendar")])
        times = re.findall(r"(?:Next elapse|Iteration #2|Iter. #2): \w+ (\d{4})-(\d\d)-(\d\d) ", said.stdout)
        days = [day for _, _, day in times]
        checks.that(f"{timer}: {'on the 2nd' if job == 'export' else 'every day'}", len(days) == 2 and (days == ["02", "02"]) == (job == "export"), said.stdout)
        checks.equal(f"{timer}: makes up for what it missed, at no fixed second", [setting(timer, "Persistent"), timespan(setting(timer, "RandomizedDelaySec")) > 60], ["true", True])

    unit = system / JOBS["sync"]
    unit.write_text(unit.read_text(encoding="utf-8").replace("Restart=on-failure", "Restart=on-failre"), encoding="utf-8")
    checks.that("systemd-analyze verify finds fault with a misspelt setting", run([*verify, unit.name]).stderr != "")
    shutil.rmtree(system / "apify-runs-.service.d")
    open_wide = ["systemd-analyze", "security", "--offline=true", f"--root={root}", f"--threshold={EXPOSURE}", JOBS["export"]]
    checks.that("systemd-analyze security finds fault without hardened.conf", fails(open_wide))


# As systemd runs them


class Booted:
    """A systemd that runs, in namespaces of its own."""

    def __init__(self, process):
        self.process, self.root = process, Path(f"/proc/{process}/root")

    def run(self, *command):
        """A command in there."""
        return run(["nsenter", f"--target={self.process}", "--mount", "--pid", "--uts", "--ipc", *command])

    def properties(self, unit, *names):
        """What systemd says of a unit."""
        said = self.run("systemctl", "show", f"--property={','.join(names)}", unit).stdout
        told = dict(line.split("=", 1) for line in said.splitlines())
        return [told[name] for name in names]

    def settled(self, unit):
        """Waits until a unit neither runs nor is about to be started again."""
        until(60, lambda: self.properties(unit, "ActiveState")[0] in ("inactive", "failed"))


def remove_group(group):
    """Removes a cgroup that holds no process any more, with those below it."""
    for inner, _, _ in os.walk(group, topdown=False):
        os.rmdir(inner)


@contextlib.contextmanager
def booted():
    """systemd on an overlay of /, gone with the block."""
    unified = next(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line)
    # Those that a killed check has left hold no process.
    for left in Path(unified).glob("apify-runs-check-*"):
        with contextlib.suppress(OSError):
            remove_group(left)
    group = Path(unified) / f"apify-runs-check-{os.getpid()}"
    group.mkdir()
    with tempfile.TemporaryDirectory(prefix="apify-runs-booted-") as folder:
        apart = ["unshare", "--pid", "--fork", "--mount", "--uts", "--ipc", "--cgroup", "--kill-child"]
        command = [*apart, "bash", "-euo", "pipefail", "-c", BOOT, "boot", folder]
        in_group = ["bash", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', group]
        starter = child([*in_group, *command], stderr=subprocess.DEVNULL)
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children")
        try:

            def up():
                if starter.poll() is not None:
                    sys.exit(f"systemd could not be booted: exit {starter.returncode}")
                found = children.read_text().split()
                return found and Path(f"/proc/{found[0]}/root/run/systemd/private").exists() and found[0]

            first = until(SECONDS_TO_BOOT, up)
            if not first:
                sys.exit(f"systemd is not up after {SECONDS_TO_BOOT} s")
            yield Booted(int(first))
        finally:
            # Its child ends with it, and with that everything in the namespaces.
            for process in children.read_text().split() if starter.poll() is None else []:
                os.kill(int(process), signal.SIGKILL)
            starter.wait()
            until(10, lambda: not any(path.read_text() for path in group.rglob("cgroup.procs")))
            remove_group(group)


def check_booted(checks, url, scratch):
    """The units, run by systemd."""
    with booted() as machine:
        root = machine.root
        system, log = root / "etc/systemd/system", root / "run/log"
        shutil.copytree(UNITS, system, dirs_exist_ok=True)
        shutil.copy(BINARY, root / "usr/local/bin/apify-runs")
        token_file(root / "etc/apify-runs/token")
        executable(root / "usr/bin/logger", '#!/bin/sh\necho "logger $*"\n')
        # What differs from the files: where the API is, where output goes, and how long a restart waits.
        test = [f"Environment=APIFY_API_BASE_URL={url}", f"Environment=APIFY_RUNS_NOW={NOW}", "StandardOutput=append:/run/log", "StandardError=append:/run/log", "RestartSec=50ms"]
        (system / "apify-runs-.service.d" / "test.conf").write_text("\n".join(["[Service]", *test, ""]), encoding="utf-8")
        machine.run("systemctl", "daemon-reload")
        version = machine.run("systemctl", "--version").stdout.splitlines()[0]
        private = root / "var/lib/private/apify-runs"

        for time_ in ("once", "again"):
            for job, unit in JOBS.items():
                log.write_text("", encoding="utf-8")
                machine.run("systemctl", "start", unit)
                found = [*machine.properties(unit, "Result", "ExecMainStatus", "NRestarts"), log.read_text(encoding="utf-8")]
                checks.equal(f"{version}, {job}: done {time_}, silently", found, ["success", "0", "0", ""])
        # In its own copy: verify writes nothing, but is another user than the one that systemd made up.
        shutil.copytree(private, scratch / "state")
        published(checks, "systemd", BINARY, scratch / "state/exports/2025-09", scratch / "state/lake", scratch)
        for job, unit in JOBS.items():
            outcome_is_done(checks, f"systemd, {job}", scratch / f"state/{job}.json", job)
            command = machine.run("systemctl", "cat", unit).stdout.replace("\\\n", " ")
            arguments = re.search(r"^ExecStart=\S+ (.*)$", command, re.MULTILINE)[1].replace("%S", "/var/lib").split()
            parses(checks, f"systemd, {job}", BINARY, arguments, scratch)
        owner = private.stat()
        checks.that("systemd: what it wrote is a made-up user's alone", owner.st_uid >= 61184 and is_private(private))
        checks.equal("systemd: the temporary folder is left empty", os.listdir(root / "var/cache/private/apify-runs"), [])
        checks.equal("systemd: the credential is gone with the job", os.listdir(root / "run/credentials") if (root / "run/credentials").exists() else [], [])

        token_file(root / "etc/apify-runs/token", "not-the-token\n")
        for job, unit in JOBS.items():
            log.write_text("", encoding="utf-8")
            machine.run("systemctl", "start", unit)
            machine.settled(unit)
            until(5, lambda: "logger" in log.read_text(encoding="utf-8"))
            said = log.read_text(encoding="utf-8")
            checks.equal(f"systemd, {job}: a wrong token is exit 3, once", machine.properties(unit, "ExecMainStatus", "NRestarts"), ["3", "0"])
            checks.that(f"systemd, {job}: OnFailure= tells of it", f"{unit}: exit-code, exit 3" in said, said)
            checks.that(f"systemd, {job}: and not the token", "not-the-token" not in said)

        check_codes(checks, machine, log)
        check_stop(checks, machine)
        check_timers(checks, machine)
        check_cron(checks, machine, url)


def check_codes(checks, machine, log):
    """What systemd makes of each exit code: how often it starts the job, and whether it tells that it has failed."""
    stand_in = '#!/bin/sh\necho start\ncode=$(cat /run/code)\n[ "$code" = 137 ] && kill -s KILL $$\nexit "$code"\n'
    executable(machine.root / "usr/local/bin/apify-runs", stand_in)
    for job, unit in JOBS.items():
        for code, (_, others) in promised().items():
            machine.run("systemctl", "reset-failed", unit)
            (machine.root / "run/code").write_text(f"{code}\n", encoding="utf-8")
            log.write_text("", encoding="utf-8")
            machine.run("systemctl", "start", unit)
            machine.settled(unit)
            if code != 0:
                until(5, lambda: "logger" in log.read_text(encoding="utf-8"))
            said = log.read_text(encoding="utf-8")
            starts = TRIES["systemd"] if others == "again" else 1
            found = [said.count("start\n"), said.count("logger"), machine.properties(unit, "ActiveState")[0]]
            checks.equal(f"systemd, {job}, exit {code}: {starts} starts", found, [starts, int(code != 0), "inactive" if code == 0 else "failed"])
    machine.run("systemctl", "reset-failed")


def check_stop(checks, machine):
    """A job that is told to stop isn't started again."""
    text = "#!/bin/sh\necho start >>/var/lib/apify-runs/started\ntrap 'exit 143' TERM\nsleep 60 & wait\n"
    executable(machine.root / "usr/local/bin/apify-runs", text)
    started = machine.root / "var/lib/private/apify-runs/started"
    machine.run("systemctl", "start", "--no-block", JOBS["export"])
    until(10, started.exists)
    machine.run("systemctl", "stop", JOBS["export"])
    time.sleep(1)
    found = [started.read_text(encoding="utf-8").count("start"), *machine.properties(JOBS["export"], "ExecMainStatus", "ActiveState")]
    checks.equal("systemd: a job that is stopped ends with 143, and stays ended", found, [1, "143", "failed"])


def check_timers(checks, machine):
    """Timers that wait, and start what they should."""
    for unit in JOBS.values():
        timer = unit.replace(".service", ".timer")
        machine.run("systemctl", "start", timer)
        found = machine.properties(timer, "ActiveState", "Unit", "Persistent")
        checks.equal(f"{timer}: waits for {unit}", found, ["active", unit, "yes"])


def check_cron(checks, machine, url):
    """The crontab, by cron itself: its hours become every minute, its waits nothing, and mail goes to a file."""
    cron = shutil.which("cron")
    if cron is None:
        print("skipped cron itself, which is not installed (Debian: cron); sh -c as cron does has run the crontab in scripts/check schedules")
        return
    root = machine.root
    home = root / "home/apify"
    (home / "apify/changes").mkdir(parents=True)
    token_file(home / ".config/apify-runs/token")
    executable(root / "usr/local/bin/run-and-retry", (SCHEDULE / "run-and-retry").read_text(encoding="utf-8"))
    shutil.copy(BINARY, root / "usr/local/bin/apify-runs")
    mailed = root / "run/mailed"
    for name in ("usr/sbin/sendmail", "usr/lib/sendmail"):
        executable(root / name, "#!/bin/sh\ncat >>/run/mailed\n")
    (root / "etc/pam.d/cron").write_text("account required pam_permit.so\nsession required pam_permit.so\nauth required pam_permit.so\n", encoding="utf-8")
    shutil.copy(cron, root / "usr/sbin/cron")
    lines = (SCHEDULE / "crontab").read_text(encoding="utf-8").splitlines()
    lines = [re.sub(r"^\d+ \d+ \S+ \S+ \S+ ", "* * * * * ", line).replace("--jitter 15m", "--jitter 1ms") for line in lines]
    # A job that isn't silent, to see that mail would come.
    lines += ["* * * * * echo loud; touch said"]
    table = root / "var/spool/cron/crontabs/root"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join(["HOME=/home/apify", f"APIFY_API_BASE_URL={url}", f"APIFY_RUNS_NOW={NOW}", *lines, ""]), encoding="utf-8")
    table.chmod(0o600)
    daemon = subprocess.Popen(
        ["nsenter", f"--target={machine.process}", "--mount", "--pid", "--uts", "--ipc", "/usr/sbin/cron", "-f"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    outcomes = [home / "apify/export.json", home / "apify/sync.json"]
    done = lambda: mailed.exists() and all(path.exists() and path.read_text(encoding="utf-8").endswith("\n") for path in outcomes)
    checks.that("cron itself: both jobs have run", until(SECONDS_FOR_CRON, done), os.listdir(home / "apify"))
    daemon.terminate()
    daemon.wait()
    for command, path in zip(JOBS, outcomes, strict=True):
        told = json.loads(path.read_text(encoding="utf-8") or "{}") if path.exists() else {}
        checks.equal(f"cron itself, {command}: done", [told.get("command"), told.get("exit_name")], [command, "done"])
    subjects = re.findall(r"^Subject: .*> (.*)$", mailed.read_text(encoding="utf-8"), re.MULTILINE) if mailed.exists() else []
    checks.that("cron itself: mail of the loud job alone", subjects and set(subjects) == {"echo loud; touch said"}, subjects)
    changes = os.listdir(home / "apify/changes")
    checks.that("cron itself: \\% is a %", len(changes) == 1 and re.fullmatch(r"\d{4}-\d\d-\d\d\.csv", changes[0]), changes)


def main():
    """All of them."""
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-systemd-") as folder, server(BINARY, "--runs", RUNS) as url:
        check_files(checks, Path(folder))
        check_booted(checks, url, Path(folder))
    checks.close()


main()
