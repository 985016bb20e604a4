"""Processes that end with the script that started them, and a server of the binary's with what it says of each request. Holds no check
itself."""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import tempfile
import threading
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
