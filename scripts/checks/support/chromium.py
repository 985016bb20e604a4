"""Headless Chromium over its DevTools protocol, as far as check_html needs it: a page opened from a file, looked at, printed.
No browser is installed here, and none but the one that was started is ended."""

import base64
import contextlib
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import websocket

from checks.support.processes import child

NAMES = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]
SECONDS = 60


class Tab:
    """One page. Keeps what the browser complained of."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.events = []
        for domain in ["Page", "Runtime", "Log", "Audits"]:
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """Sends a command and waits for its answer; events that come meanwhile are kept."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def open(self, path):
        """Loads a file and waits until it has."""
        self.events.clear()
        self.ask("Page.navigate", url=Path(path).resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def complaints(self):
        """What was logged, thrown, or found to break the page's policy."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        wanted = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded"]
        return [event for event in self.events if event["method"] in wanted]

    def evaluate(self, script):
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            sys.exit(f"the page's answer to {script[:60]!r}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def look(self, width, height, scheme):
        """The width that the page gets to see, and light or dark."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media="", features=features)

    def picture(self):
        """The whole page as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def printed(self, width, height):
        """The page as PDF on paper of this size in inches."""
        self.ask("Emulation.setEmulatedMedia", media="", features=[])
        sheet = {"paperWidth": width, "paperHeight": height, "preferCSSPageSize": False}
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=False, **sheet)["data"])


@contextlib.contextmanager
def tab():
    """A page in a browser of its own, which is ended with the block."""
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        sys.exit(f"no browser: one of {', '.join(NAMES)} has to be in PATH (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="apify-runs-chromium-", ignore_cleanup_errors=True) as home:
        command = [binary, *FLAGS, f"--user-data-dir={home}", "about:blank"]
        process = child(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = opened_port(Path(home) / "DevToolsActivePort", process)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            connection.request("GET", "/json/list")
            targets = json.loads(connection.getresponse().read())
            connection.close()
            url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
            socket = websocket.create_connection(url, timeout=SECONDS, suppress_origin=True)
            yield Tab(socket)
            socket.close()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def opened_port(file, process):
    """The port at which the browser is to be talked to, once it has written it down."""
    for _ in range(SECONDS * 10):
        if file.exists() and "\n" in (text := file.read_text(encoding="utf-8")):
            return int(text.split("\n")[0])
        if process.poll() is not None:
            sys.exit(f"the browser ended at once, with {process.returncode}")
        time.sleep(0.1)
    sys.exit("the browser didn't open its port")
