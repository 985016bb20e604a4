# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "certificates, proxy and token of HTTPS requests with openssl's certificates and a proxy"
# needs = ["openssl"]
# minutes = 1
# ///
"""Exports over HTTPS, through a proxy, from a host that only that proxy knows: the certificate store is used, the proxy is
used, and the proxy never sees the token. All traffic is to loopback."""

import contextlib
import http.client
import http.server
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from checks.support.account import Checks, environment, server
from checks.support.environments import command_line

HOST = "api.apify-runs.test"
# The made-up account's own is too short to be sent to another host.
TOKEN = "a-token-for-https"


def make_certificates(folder):
    """An authority of our own, and a certificate by it for the host."""
    run = lambda *command: subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    key = ["-newkey", "rsa:2048", "-nodes"]
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=check authority")
    run("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", f"/CN={HOST}")
    (folder / "extensions").write_text(f"subjectAltName=DNS:{HOST}\nbasicConstraints=CA:FALSE\n")
    by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
    run("x509", "-req", "-in", "host.csr", "-out", "host.pem", *by)


class Forwarder(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the made-up account."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        upstream.request("GET", self.path, headers={**self.headers, "Authorization": self.headers["Authorization"].replace(TOKEN, "demo")})
        answer = upstream.getresponse()
        body = answer.read()
        self.send_response_only(answer.status)
        for name in ("Content-Type", "Content-Encoding", "Date"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_https(folder, upstream):
    https = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forwarder)
    https.upstream = upstream.removeprefix("http://")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "host.key")
    https.socket = context.wrap_socket(https.socket, server_side=True)
    threading.Thread(target=https.serve_forever, daemon=True).start()
    return https.server_port


def serve_proxy(port, seen):
    """A CONNECT proxy that leads to the one server, whatever it is asked for, and keeps what it was told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pipe(source, sink):
        # Shut down, not closed: a socket that another thread reads from would only close when that has read.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept():
        while True:
            client, _ = listener.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            seen.append(head.decode())
            target = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for ends in ((client, target), (target, client)):
                threading.Thread(target=pipe, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder, server(binary, "--runs", 5000) as upstream:
        scratch = Path(folder).resolve()
        make_certificates(scratch)
        seen = []
        proxy = serve_proxy(serve_https(scratch, upstream), seen)

        def export(out, **more):
            command = [binary, "export", "--month", "2025-09", "--rate", "0", "--retries", "0", "--out", out]
            return subprocess.run(
                [*map(str, command), "--api-url", f"https://{HOST}"],
                cwd=scratch,
                env={**environment(scratch), "APIFY_TOKEN": TOKEN, "HTTPS_PROXY": f"http://127.0.0.1:{proxy}", **more},
                capture_output=True,
                text=True,
            )

        known = export("known", SSL_CERT_FILE=str(scratch / "ca.pem"))
        checks.that("a certificate by a known authority", known.returncode == 0, known.stderr)
        checks.that("every connection goes through the proxy", len(seen) > 0 and all(f"CONNECT {HOST}:443" in head for head in seen), seen)
        checks.that("the proxy sees no token", all(TOKEN not in head and "Bearer" not in head for head in seen), seen)
        unknown = export("unknown")
        checks.equal("a certificate by an unknown authority is exit 4", unknown.returncode, 4)
        checks.that("and its error says so", "certificate" in unknown.stderr, unknown.stderr)
        checks.that("and nothing is there", not (scratch / "unknown").exists())
    checks.close()


if __name__ == "__main__":
    main()
