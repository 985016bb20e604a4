"""Servers on loopback that go wrong in one way each, for as long as a block lasts: the API's stand-in with faults, TLS with wrong
certificates, proxies that refuse, and sockets that answer nothing, little, or something else. Also a proxy and TLS with which nothing is
wrong."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field

from checks.support.standin import DAY_MS, Handler, StandIn, instant, millis, serving

NOW = "2025-10-03T06:00:00Z"
BEGINS = millis("2025-09-01T00:00:00.000Z")
RUNS = 240
HOST = "api.apify-runs.test"


class Runs:
    """Some runs of one month, eight a day; every twelfth has a cost in its detail alone. `agents` are user agents, for the first runs."""

    def __init__(self, agents=()):
        self.starts = [BEGINS + at * DAY_MS // 8 for at in range(RUNS)]
        self.entries = [self.entry(at, start, agents) for at, start in enumerate(self.starts)]

    @staticmethod
    def entry(at, start, agents):
        found = {
            "id": f"run{at:014}",
            "actId": f"actor{at % 3:012}",
            "userId": "standInAccount001",
            "status": "FAILED" if at % 10 == 0 else "SUCCEEDED",
            "startedAt": instant(start),
            "finishedAt": instant(start + 60_000),
            "buildId": "build000000000001",
            "buildNumber": "0.1.1",
            "meta": {"origin": "API", "userAgent": agents[at] if at < len(agents) else "curl/8"},
            "defaultKeyValueStoreId": "store000000000001",
            "defaultDatasetId": "dataset0000000001",
            "defaultRequestQueueId": "queue000000000001",
        }
        return found if at % 12 == 5 else found | {"usageTotalUsd": at / 1000}

    def between(self, after, before):
        return sum(start < after for start in self.starts), sum(start <= before for start in self.starts)

    def items(self, first, last):
        return [json.dumps(entry).encode() for entry in self.entries[first:last]]

    def detail(self, wanted):
        found = next((entry for entry in self.entries if entry["id"] == wanted), None)
        return found and json.dumps({"usageTotalUsd": 0.5} | found).encode()


@dataclass
class Answer:
    """One that is wrong. `body` may be a function that writes to the connection itself."""

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    kind: str = "application/json"


class FaultyHandler(Handler):
    def do_GET(self):
        api = self.server
        path = self.path.partition("?")[0]
        with api.lock:
            api.times.append((time.monotonic(), path))
            count = sum(each == path for _, each in api.times)
        wrong = api.wrong(path, count) if api.wrong else None
        if wrong is None:
            return super().do_GET()
        if callable(wrong.body):
            self.close_connection = True
            return wrong.body(self.connection)
        head = {"Content-Type": wrong.kind, "Content-Length": len(wrong.body), **wrong.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.wfile.write(f"HTTP/1.1 {wrong.status} -\r\n{lines}\r\n".encode() + wrong.body)

    def handle(self):
        # A client that has gone away is none of ours.
        with contextlib.suppress(OSError):
            super().handle()


class FaultyApi(StandIn):
    """The stand-in, with `wrong`: a function of a path and how often it was asked for, to an Answer or None."""

    def __init__(self, wrong=None, agents=()):
        super().__init__(Runs(agents), millis(NOW), 90)
        self.RequestHandlerClass = FaultyHandler
        self.wrong, self.lock, self.times = wrong, threading.Lock(), []
        self.actors = {f"actor{at:012}": {"name": f"actor-{at}", "username": "somebody"} for at in range(3)}

    def answer(self, target):
        if target.startswith("/v2/users/me/usage/monthly"):
            return 200, json.dumps({"data": USAGE}).encode()
        return super().answer(target)

    def gaps(self, path="/v2/actor-runs"):
        """The seconds between requests of a path."""
        times = [at for at, each in self.times if each == path]
        return [later - earlier for earlier, later in zip(times, times[1:])]


SERVICE = {"ACTOR_COMPUTE_UNITS": {"quantity": 1.5, "baseAmountUsd": 30.0, "baseUnitPriceUsd": 20.0, "amountAfterVolumeDiscountUsd": 30.0}}
USAGE = {
    "usageCycle": {"startAt": "2025-09-01T00:00:00.000Z", "endAt": "2025-09-30T23:59:59.999Z"},
    "monthlyServiceUsage": SERVICE,
    "dailyServiceUsages": [{"date": "2025-09-01T00:00:00.000Z", "serviceUsage": SERVICE, "totalUsageCreditsUsd": 30.0}],
    "totalUsageCreditsUsdBeforeVolumeDiscount": 30.0,
    "totalUsageCreditsUsdAfterVolumeDiscount": 30.0,
}


@contextlib.contextmanager
def api(wrong=None, agents=()):
    """The stand-in; `wrong` as FaultyApi has it, or one Answer for every request."""
    always = wrong if wrong is None or callable(wrong) else lambda *_: wrong
    with serving(FaultyApi(always, agents)) as standin:
        yield standin


@contextlib.contextmanager
def listening(handle, context=None):
    """A socket whose connections a function gets, each in a thread of its own; yields its port. A TLS context wraps them."""
    listener, ended = socket.create_server(("127.0.0.1", 0), backlog=64), threading.Event()
    open_ones = []

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            open_ones.append(connection)
            handle(connection)

    def accept():
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def read_head(connection):
    """A request's head."""
    head = b""
    while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
        head += data
    return head


def never_answers(connection):
    while connection.recv(65536):
        pass


def drips(connection):
    """A body that never comes to its end, a byte at a time."""
    read_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(1)


def banner(connection):
    """What speaks first, and not HTTP."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    with contextlib.suppress(OSError):
        connection.recv(4096)


def closes(connection):
    connection.recv(4096)


def answers(head, body=b""):
    """A plain answer to every request of a connection."""

    def handle(connection):
        while read_head(connection):
            connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return handle


def hands_on(port):
    """All bytes of a connection to a server on this machine, and back."""

    def pipe(source, sink):
        # Shut down, not closed: a socket that another thread reads from would only close when that has read.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def handle(connection):
        with socket.create_connection(("127.0.0.1", port)) as target:
            back = threading.Thread(target=pipe, args=(target, connection), daemon=True)
            back.start()
            pipe(connection, target)
            back.join()

    return handle


@contextlib.contextmanager
def proxy_to_https(folder, heads):
    """The stand-in at https://HOST, by the good certificate of a folder, and a CONNECT proxy, which alone knows that host; yields the
    proxy's URL. What the proxy is asked for is appended to `heads`."""

    def tunnel(connection):
        heads.append(read_head(connection).decode())
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        hands_on(https)(connection)

    with api() as standin, listening(hands_on(standin.server_port), tls(folder, "good")) as https, listening(tunnel) as proxy:
        yield f"http://127.0.0.1:{proxy}"


def unused_port():
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def make_certificates(folder):
    """Certificates by openssl: an authority's own, good ones by it for the host and localhost, one that has expired, one for another
    name, and one that nobody has signed."""
    folder.mkdir()
    run = lambda *command: subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    key = ["-newkey", "rsa:2048", "-nodes"]
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=check authority")

    def signed(name, names, *times):
        run("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "extensions").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        run("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions", *times)

    signed("good", f"DNS:{HOST},DNS:localhost,IP:127.0.0.1", "-days", "2")
    # A day that is over: `-not_before` came with OpenSSL 3.4, a negative number of days is as old as openssl.
    signed("expired", "DNS:localhost,IP:127.0.0.1", "-days", "-1")
    signed("other", "DNS:other.example", "-days", "2")
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    run("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-days", "2", "-subj", "/CN=localhost", *names)


def tls(folder, name):
    """What wraps a server's connections with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
