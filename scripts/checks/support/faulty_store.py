"""The S3 server of s3_server.py with faults: the N-th request on a bucket is answered wrongly, or the process that sent it is killed
there. A bucket is an attempt's own. Holds no check itself."""

import os
import signal
import socket
from dataclasses import dataclass, field

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from s3_server import KEY, REGION, SECRET, Gate, Server

ERRORS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "500 after": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
    "404": ("404 Not Found", "NoSuchKey"),
    "409": ("409 Conflict", "ConditionalRequestConflict"),
}


@dataclass
class Request:
    """One that was counted."""

    number: int
    method: str
    path: str
    is_list: bool

    def __str__(self):
        return f"{self.method}{' list' if self.is_list else ''} {self.path}"


@dataclass
class Fault:
    """What goes wrong on a bucket, where, and for whom; `forever` repeats it on every later request of the same kind."""

    at: int = 0
    kind: str = ""
    forever: bool = False
    process: object = None
    requests: list = field(default_factory=list)
    hit: Request = None

    def meets(self, request):
        if request.number == self.at:
            self.hit = request
            return True
        hit = self.hit
        return bool(
            self.forever and hit and (hit.method, hit.path, hit.is_list) == (request.method, request.path, request.is_list)
        )


class FaultyGate(Gate):
    """Stands before moto; buckets without a fault pass."""

    def __init__(self, app, forgets=False):
        super().__init__(app)
        self.faults = {}
        # Whether conditions of puts are ignored.
        self.forgets = forgets

    def __call__(self, environ, start_response):
        if self.forgets:
            environ.pop("HTTP_IF_NONE_MATCH", None)
            environ.pop("HTTP_IF_MATCH", None)
        _, bucket, *rest = environ["PATH_INFO"].split("/", 2)
        fault = self.faults.get(bucket)
        if fault is None:
            return super().__call__(environ, start_response)
        is_list = "list-type" in environ.get("QUERY_STRING", "")
        with self.lock:
            request = Request(len(fault.requests) + 1, environ["REQUEST_METHOD"], "/".join(rest), is_list)
            fault.requests.append(request)
            is_met = fault.meets(request)
        if not is_met:
            return super().__call__(environ, start_response)
        return self.go_wrong(fault, environ, start_response)

    def go_wrong(self, fault, environ, start_response):
        kind = fault.kind
        if kind == "kill":
            os.kill(fault.process.pid, signal.SIGKILL)
            raise ConnectionResetError("the client is gone")
        answered, body = {}, b""
        if kind.endswith("after") or kind in ("cut", "short"):
            note = lambda status, headers, info=None: answered.update(status=status, headers=headers)
            body = b"".join(super().__call__(environ, note))
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if kind == "kill after":
            os.kill(fault.process.pid, signal.SIGKILL)
            raise ConnectionResetError("the client is gone")
        if kind in ("drop", "drop after"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("dropped")
        if kind == "short":
            # All of it is announced, and half of it comes.
            head = f"HTTP/1.1 {answered['status']}\r\n" + "".join(
                f"{name}: {value}\r\n"
                for name, value in answered["headers"]
                if name.lower() not in ("content-length", "connection")
            )
            connection = environ["werkzeug.socket"]
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
            connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("cut off")
        if kind == "cut":
            body = body[: len(body) // 2]
            headers = [(name, value) for name, value in answered["headers"] if name.lower() != "content-length"]
            start_response(answered["status"], [*headers, ("Content-Length", str(len(body)))])
            return [body]
        status, code = ERRORS[kind]
        body = (
            b""
            if environ["REQUEST_METHOD"] == "HEAD"
            else f"<Error><Code>{code}</Code><Message>a fault</Message></Error>".encode()
        )
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


class FaultyServer(Server):
    """A server of its own, upon the same objects as any other in this process."""

    def __init__(self, forgets=False):
        super().__init__()
        self.backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self.gate = self.server.app = FaultyGate(self.gate.app, forgets)

    def environment(self):
        """What the tool has to know."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        }

    # What follows goes past HTTP, which takes ten times as long.

    def bucket(self, name):
        self.backend.create_bucket(name, REGION)

    def keys(self, bucket, prefix=""):
        return sorted(key for key in self.backend.buckets[bucket].keys if key.startswith(prefix))

    def content(self, bucket, key):
        return self.backend.get_object(bucket, key).value

    def upload(self, folder, bucket, prefix):
        """A folder's files as objects."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.backend.put_object(bucket, f"{prefix}/{path.relative_to(folder)}", path.read_bytes())

    def download(self, bucket, prefix, folder):
        """Objects as files in a folder."""
        for key in self.keys(bucket, f"{prefix}/"):
            path = folder / key.removeprefix(f"{prefix}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.content(bucket, key))

    def remove(self, bucket):
        """A bucket with all that is in it."""
        s3_backends.bucket_accounts.pop(bucket, None)
        self.backend.buckets.pop(bucket, None)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
