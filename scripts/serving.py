"""A server of the binary's as a process of its own, and what it says of each request. Shared by check_clients.py and
check_spec.py. Holds no check itself."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

TOKEN = "a-token-for-loopback"
SECONDS_TO_START = 60


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
            process = subprocess.Popen(
                [binary, "serve", "--access-log", *map(str, arguments)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        try:
            # What doesn't start is ended, and said below.
            late = threading.Timer(SECONDS_TO_START, process.kill)
            late.start()
            url = process.stdout.readline().strip()
            late.cancel()
            if not url.startswith("http://127.0.0.1:"):
                what = f"apify-runs serve {' '.join(map(str, arguments))}: expected a loopback URL as its first line within"
                sys.exit(f"{what} {SECONDS_TO_START} s, got {url!r}\n{log.read_text(encoding='utf-8')}")
            yield Serving(url, token, log)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
