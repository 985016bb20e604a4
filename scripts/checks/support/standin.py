"""A stand-in for the API on this machine, whose runs, names and clock whoever starts it sets: what lakes are synced from where
the made-up account, which has one clock and one state, won't do. Knows the run list, details, names and limits, and notes
which parts of time were listed. Holds no check itself."""

import contextlib
import email.utils
import http.server
import json
import threading
import urllib.parse
from datetime import datetime, timezone

from checks.support.account import set_now

ACCOUNT = {"id": "standInAccount001", "username": "stand-in"}
MAX_LIMIT = 1000
DAY_MS = 86_400_000


def millis(text):
    """Milliseconds since the epoch of RFC 3339 text."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def instant(ms):
    """RFC 3339 text as the API writes it."""
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class StandIn(http.server.ThreadingHTTPServer):
    """`runs` has `between(after_ms, before_ms)`, the positions from and to of the runs that started within, both included,
    `items(first, last)`, their JSON texts, and `detail(id)`, one run's or None. `actors` and `tasks` are ID to entry."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, runs, clock_ms, retention_days):
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs, self.clock_ms, self.retention_days = runs, clock_ms, retention_days
        self.actors, self.tasks = {}, {}
        # Parts of time that were listed, (after, before), and paths, in the order in which they were asked for.
        self.listed, self.asked = [], []
        # Answers by path, where a user wants them ready-made.
        self.ready = None

    @property
    def clock_ms(self):
        """The server's clock, and that of the binary's machine."""
        return self._clock_ms

    @clock_ms.setter
    def clock_ms(self, ms):
        self._clock_ms = ms
        set_now(ms)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, target):
        """Status and body of a request."""
        if self.ready is not None and target in self.ready:
            return self.ready[target]
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        parts = path.strip("/").split("/")[1:]
        if parts == ["actor-runs"]:
            found = 200, self.list_runs(query)
        elif parts[:1] == ["actor-runs"] and len(parts) == 2:
            detail = self.runs.detail(parts[1])
            found = (404, b"") if detail is None else (200, detail)
        elif parts == ["users", "me"]:
            found = 200, json.dumps(ACCOUNT).encode()
        elif parts == ["users", "me", "limits"]:
            found = 200, json.dumps({"limits": {"dataRetentionDays": self.retention_days}}).encode()
        elif parts in (["actors"], ["actor-tasks"]):
            found = 200, self.list_names(self.actors if parts == ["actors"] else self.tasks, query)
        else:
            found = 404, b""
        status, data = found
        body = b'{"data":%s}' % data if status == 200 else b'{"error":{"type":"record-not-found","message":"not here"}}'
        if self.ready is not None:
            self.ready[target] = (status, body)
        return status, body

    def list_runs(self, query):
        after, before = millis(query["startedAfter"]), millis(query["startedBefore"])
        self.listed.append((after, before))
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 0)) or MAX_LIMIT
        limit, desc = min(limit, MAX_LIMIT), query.get("desc") == "true"
        first, last = self.runs.between(after, before)
        if desc:
            end = max(first, last - offset)
            items = self.runs.items(max(first, end - limit), end)[::-1]
        else:
            begin = min(last, first + offset)
            items = self.runs.items(begin, min(last, begin + limit))
        head = {"total": last - first, "offset": offset, "limit": limit, "desc": desc, "count": len(items)}
        return json.dumps(head)[:-1].encode() + b',"items":[' + b",".join(items) + b"]}"

    @staticmethod
    def list_names(names, query):
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 0)) or MAX_LIMIT
        items = [{"id": key, **entry} for key, entry in sorted(names.items())]
        page = items[offset : offset + limit]
        head = {"total": len(items), "offset": offset, "limit": limit, "desc": False, "count": len(page)}
        return json.dumps({**head, "items": page}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self.server.answer(self.path)
        date = email.utils.formatdate(self.server.clock_ms / 1000, usegmt=True)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(standin):
    """Serves for as long as the block lasts."""
    thread = threading.Thread(target=standin.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        standin.shutdown()
        thread.join()
        standin.server_close()
