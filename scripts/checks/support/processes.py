"""Processes that end with the script that started them, a server of the binary's with what it says of each request, and all that a process
has started: which they are, where they listen, and their end. Servers such as Ray's outlive the process that started them; here they stay
its descendants, and are ended by their id. Outside Linux, whose /proc is read, no descendants are found. Holds no check itself."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOKEN = "a-token-for-loopback"
SECONDS_TO_START = 60
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(number=signal.SIGKILL):
    """Asks Linux to send this process a signal when the thread that started it ends, however that ends."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def child(command, **options):
    """A process that is started and not awaited. It ends with this script at the latest, also where that is killed."""
    options = {"stdin": subprocess.DEVNULL, **options}
    return subprocess.Popen(list(map(str, command)), preexec_fn=end_with_parent, **options)


def end(process):
    """Ends a process, by force where it takes longer than 5 s."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def listening(process, what):
    """The loopback URL that a server prints as its first line. One that does not start is ended, and that is an error."""
    late = threading.Timer(SECONDS_TO_START, process.kill)
    late.start()
    url = process.stdout.readline().strip()
    late.cancel()
    if not url.startswith("http://127.0.0.1:"):
        sys.exit(f"{what}: expected a loopback URL as its first line within {SECONDS_TO_START} s, got {url!r}")
    return url


class Serving:
    """A server that runs: where, with which token, and its log of requests."""

    def __init__(self, url, token, log):
        self.url, self.token, self.log = url, token, log

    def requests(self):
        """The requests that it has answered, or hasn't, in order."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def statuses(self):
        """How often it answered what."""
        counts = {}
        for request in self.requests():
            counts[request["status"]] = counts.get(request["status"], 0) + 1
        return counts


@contextlib.contextmanager
def serving(binary, *arguments):
    """`serve` with these arguments, for as long as the block lasts: an archive at TOKEN, or `--demo` at its own."""
    with tempfile.TemporaryDirectory(prefix="apify-runs-serving-") as home:
        environment = {"HOME": home, "NO_COLOR": "1"}
        token = "demo" if "--demo" in arguments else TOKEN
        if token == TOKEN:
            environment["APIFY_TOKEN"] = TOKEN
        log = Path(home) / "log"
        with open(log, "w", encoding="utf-8") as stderr:
            process = child(
                [binary, "serve", "--access-log", *arguments], cwd=home, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        try:
            url = listening(process, f"apify-runs serve {' '.join(map(str, arguments))}")
            yield Serving(url, token, log)
        finally:
            end(process)
            process.stdout.close()


PR_SET_CHILD_SUBREAPER = 36
LISTENING = "0A"
SECONDS_TO_END = 5


def adopt_orphans():
    """From now on, a descendant whose parent ends becomes a child of this process, not of init."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def parents():
    """The parent of each process, by id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may itself hold spaces and parentheses. Zombies have ended.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(stat.parent.name)] = int(parent)
    return found


def descendants(ancestor):
    """Ids of all processes below this one."""
    parent_of, found, level = parents(), set(), {ancestor}
    while level:
        level = {process for process, parent in parent_of.items() if parent in level}
        found |= level
    return found


def command(process):
    """A process's command line, or nothing where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def end_descendants(ancestor):
    """Ends all processes below this one, by their id: first politely, then not."""
    start = time.monotonic()
    # Some start others in place of those that have ended, so this takes several rounds.
    while (found := descendants(ancestor)) and time.monotonic() < start + 2 * SECONDS_TO_END:
        number = signal.SIGTERM if time.monotonic() < start + SECONDS_TO_END else signal.SIGKILL
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        time.sleep(0.1)


def sockets(process):
    """Inodes of a process's sockets."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def is_loopback(address):
    """Whether an address as /proc/net has it is one of 127.0.0.0/8 or ::1, also as IPv4 in IPv6."""
    host = address.partition(":")[0]
    return host[-2:] == "7F" if len(host) == 8 else host == "0" * 24 + "01000000" or host[16:24] == "FFFF0000" and host[-2:] == "7F"


def listening_elsewhere(ancestor):
    """Addresses beyond the loopback interface on which processes below this one listen."""
    listening = {}
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and not is_loopback(fields[1]):
                    listening[fields[9]] = fields[1]
    if not listening:
        return set()
    owned = set().union(*(sockets(process) for process in descendants(ancestor)))
    return {address for inode, address in listening.items() if inode in owned}


def end_with_stdin():
    """Ends this process and all below it once standard input ends, which it does also when the process at its other end is killed."""

    def wait():
        while os.read(0, 1):
            pass
        end_descendants(os.getpid())
        os._exit(143)

    threading.Thread(target=wait, daemon=True).start()
