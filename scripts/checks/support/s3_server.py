"""An S3 server on loopback: moto's, behind a gate that can stop a request before or after it is served, lose its answer, and
count. Puts are served one at a time, since moto looks whether an object is there and writes it in two steps, which S3 doesn't."""

import contextlib
import json
import os
import signal
import socket
import threading
from dataclasses import dataclass, field

import boto3
import moto.settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1"
HOLD_TIME = 120


class Stop:
    """A request that stops here until it is let go."""

    def __init__(self, method, matches, after=False, count=1):
        self.method, self.matches, self.after, self.left = method, matches, after, count
        self.reached, self.gone_on = threading.Semaphore(0), threading.Event()

    def wait(self, times=1):
        """Waits until so many requests stand here."""
        return all(self.reached.acquire(timeout=HOLD_TIME) for _ in range(times))

    def let_go(self):
        self.gone_on.set()


class Gate:
    """What stands between clients and moto."""

    def __init__(self, app):
        self.app, self.lock, self.putting = app, threading.Lock(), threading.Lock()
        self.stops, self.losses, self.requests = [], [], []

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self.lock:
            self.requests.append((method, path))
            stop = next((stop for stop in self.stops if stop.left and stop.method == method and stop.matches(path)), None)
            if stop:
                stop.left -= 1
            lost = next((loss for loss in self.losses if method == "PUT" and loss in path), None)
            if lost:
                self.losses.remove(lost)
        if stop and not stop.after:
            stop.reached.release()
            stop.gone_on.wait(HOLD_TIME)
        with self.putting if method in ("PUT", "POST") else contextlib.nullcontext():
            answered = {}
            note = lambda status, headers, info=None: answered.update(status=status, headers=headers)
            body = b"".join(self.app(environ, note))
        if stop and stop.after:
            stop.reached.release()
            stop.gone_on.wait(HOLD_TIME)
        if lost:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        start_response(answered["status"], answered["headers"])
        return [body]

    def puts(self, containing=""):
        """The paths that were put since the last call of `forget`."""
        with self.lock:
            return [path for method, path in self.requests if method == "PUT" and containing in path]

    def forget(self):
        with self.lock:
            self.requests.clear()

    @contextlib.contextmanager
    def stop(self, matches, method="PUT", after=False, count=1):
        """Stops the next requests of a kind for as long as the block lasts, or until they are let go."""
        stop = Stop(method, matches, after, count)
        with self.lock:
            self.stops.append(stop)
        try:
            yield stop
        finally:
            stop.let_go()
            with self.lock:
                self.stops.remove(stop)

    def lose_answer(self, containing):
        """The next put of such a path is served, and answered as if it had failed."""
        with self.lock:
            self.losses.append(containing)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


class Server:
    """The server, its URL, and a client of it."""

    def __init__(self):
        self.gate = Gate(DomainDispatcherApplication(create_backend_app))
        self.server = make_server("127.0.0.1", 0, self.gate, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self, service="s3"):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def bucket(self, name):
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def keys(self, bucket, prefix=""):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def content(self, bucket, key):
        return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()

    def user(self, name, *actions):
        """Credentials of a user who may do this and no more."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    @contextlib.contextmanager
    def asking_who(self):
        """Checks credentials, signatures and permissions for as long as the block lasts."""
        before = moto.settings.INITIAL_NO_AUTH_ACTION_COUNT
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        ActionAuthenticatorMixin.request_count = 0
        try:
            yield
        finally:
            moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = before


# The S3 server of s3_server.py with faults: the N-th request on a bucket is answered wrongly, or the process that sent it
# is killed there. A bucket is an attempt's own.

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
