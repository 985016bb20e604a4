"""The processes that an engine starts: which they are, where they listen, and their end. Servers such as Ray's outlive the process
that started them; here they stay its descendants, and are ended by their id. Reads /proc: outside Linux it finds nothing."""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from checks.support.processes import LIBC

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
