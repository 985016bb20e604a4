"""An S3 server on loopback: moto's, behind a gate that can stop a request before or after it is served, lose its answer, and
count. Puts are served one at a time, since moto looks whether an object is there and writes it in two steps, which S3 doesn't."""

import contextlib
import json
import threading

import boto3
import moto.settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
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
