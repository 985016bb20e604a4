"""What goes wrong between this machine and the API. What no retry can mend fails within seconds with its cause and what mends it; what
may pass is tried again, and told."""

import contextlib
import email.utils
import re
import signal

from checks.breaking.bench import TOKEN, Cases
from checks.breaking.servers import (
    HOST,
    Answer,
    answers,
    api,
    banner,
    closes,
    drips,
    listening,
    make_certificates,
    never_answers,
    proxy_to_https,
    tls,
    unused_port,
)

CASES = Cases("network")
CHECK_SECONDS, JOB_SECONDS, SLACK = 10, 20, 1.5
# A wait is told once it has lasted 5 s: the first line comes after the wait in which that happens began.
TOLD_WITHIN = 8
SECRET = "word-of-the-proxy"
UNREACHABLE, UNTRUSTED = 4, 5
HTML = b"<!doctype html><html><head><title>Welcome to the guest network</title></head><body>Please accept</body></html>"


# A function with a `yield`, called with the place.
world = contextlib.contextmanager


def lasting(name, world, code, says, **variables):
    """What stays: both `check` and a job end by themselves, soon, and say the cause. `world` yields the API's URL and variables."""

    def does(place):
        with world(place) as (url, more):
            found = place.check(url, **variables, **more)
            place.expect(found, code, within=CHECK_SECONDS + SLACK, says=says, never=SECRET)
            job = place.export(url, "--outcome", "outcome", **variables, **more)
        place.shows(job)
        place.expect(job, code, within=JOB_SECONDS + SLACK, says=says, never=SECRET)
        place.that(place.outcome().get("error"), "the outcome names no error")
        place.that(not place.out.exists(), "there is an output folder")

    CASES.add(name, does, waits=True)


@world
def nameless(place):
    yield f"https://{HOST}", {"LD_PRELOAD": place.bench.resolver(), "RESOLVER": "NONAME"}


def socket_of(handle, scheme="http", certificate=None, trusted=True):
    """A server of sockets behind a URL, with a certificate if there is TLS."""

    @world
    def found(place):
        if certificate:
            make_certificates(place.folder / "tls")
        context = tls(place.folder / "tls", certificate) if certificate else None
        with listening(handle, context) as port:
            yield f"{scheme}://localhost:{port}", {"SSL_CERT_FILE": place.folder / "tls" / "ca.pem"} if certificate and trusted else {}

    return found


def proxied(variable, value, handle=None):
    """A proxy in a variable; `value` has {port} where it is served here, by this function."""

    @world
    def found(place):
        if handle is None:
            yield f"https://{HOST}", {variable: value.replace("{port}", str(unused_port()))}
            return
        with listening(handle) as port:
            yield f"https://{HOST}", {variable: value.replace("{port}", str(port))}

    return found


def through_proxy(heads, trusted=True):
    """The API behind a proxy, with a good certificate; what the proxy is asked for is appended to `heads`."""

    @world
    def found(place):
        make_certificates(place.folder / "tls")
        with proxy_to_https(place.folder / "tls", heads) as proxy:
            yield f"https://{HOST}", {"HTTPS_PROXY": proxy, **({"SSL_CERT_FILE": place.folder / "tls" / "ca.pem"} if trusted else {})}

    return found


def answering(answer):
    @world
    def found(_):
        with api(answer) as standin:
            yield standin.url, {}

    return found


OK = answers("200 OK", b'{"data":{}}')
lasting("a name that is not found, for good", nameless, UNREACHABLE, ["api-url|APIFY_API_BASE_URL", "name|resolve|DNS"])
lasting("TLS to a port that speaks plain HTTP", socket_of(answers("400 Bad Request"), "https"), UNREACHABLE, ["TLS|https", "api-url|APIFY_API_BASE_URL"])
lasting("plain HTTP to a port that speaks TLS", socket_of(OK, "http", "good"), UNREACHABLE, ["https|TLS"])
lasting("a certificate that nobody has signed", socket_of(OK, "https", "self"), UNREACHABLE, ["certificate", "SSL_CERT_FILE"])
lasting("a certificate by an unknown authority", socket_of(OK, "https", "good", trusted=False), UNREACHABLE, ["certificate", "SSL_CERT_FILE"])
lasting("a certificate that has expired", socket_of(OK, "https", "expired"), UNREACHABLE, ["certificate", "expired"])
lasting("a certificate for another name", socket_of(OK, "https", "other"), UNREACHABLE, ["certificate", "name|localhost"])
lasting("a certificate by an unknown authority, through a proxy", through_proxy([], trusted=False), UNREACHABLE, ["certificate", "SSL_CERT_FILE"])
lasting("an SSH server on the port", socket_of(banner), UNREACHABLE, ["HTTP", "api-url|APIFY_API_BASE_URL"])
lasting("an SSH server on the port, by TLS", socket_of(banner, "https"), UNREACHABLE, ["TLS|https", "api-url|APIFY_API_BASE_URL"])

for code, reason in ((407, "Proxy Authentication Required"), (403, "Forbidden"), (405, "Method Not Allowed")):
    lasting(f"a proxy that refuses: {code}", proxied("HTTPS_PROXY", f"http://user:{SECRET}@127.0.0.1:{{port}}", answers(f"{code} {reason}")), UNREACHABLE, ["HTTPS_PROXY", "proxy"])
for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
    lasting(f"a proxy that is not there, in {variable}", proxied(variable, f"http://user:{SECRET}@127.0.0.1:{{port}}"), UNREACHABLE, [variable])
    lasting(f"a proxy of an unknown scheme, in {variable}", proxied(variable, f"ftp://user:{SECRET}@127.0.0.1:3128"), (2, UNREACHABLE), [variable])
lasting("a proxy that is no URL", proxied("HTTPS_PROXY", f"http://user:{SECRET}@127.0.0.1:port"), (2, UNREACHABLE), ["HTTPS_PROXY"])
lasting("a proxy that closes the connection", proxied("HTTPS_PROXY", "http://127.0.0.1:{port}", closes), UNREACHABLE, ["HTTPS_PROXY"])

lasting("a captive portal: 200 and a page", answering(Answer(200, HTML, kind="text/html")), UNTRUSTED, ["HTML|text/html|JSON", "proxy|network|portal|api-url"])
lasting("200 and JSON of another shape", answering(Answer(200, b'{"status":"ok"}')), UNTRUSTED, ["data"])
lasting("200 and a list", answering(Answer(200, b"[]")), UNTRUSTED, [])
lasting("200 and JSON null", answering(Answer(200, b"null")), UNTRUSTED, [])
lasting("200 and nothing", answering(Answer(200, b"")), UNTRUSTED, ["empty|no body|nothing|EOF|JSON"])
lasting("204", answering(Answer(204, b"")), (1, UNREACHABLE, UNTRUSTED), ["204|empty"])
lasting("a redirect to a login", answering(Answer(302, b"", {"Location": "https://login.example/sso"})), (UNREACHABLE, UNTRUSTED), ["302|redirect", "api-url|APIFY_API_BASE_URL|proxy"])
lasting("404 for the run list", answering(Answer(404, b"<html>nginx</html>", kind="text/html")), (1, UNREACHABLE, UNTRUSTED), ["404", "api-url|APIFY_API_BASE_URL"])


def passing(name, serve, says, deadline=13, spaced=False, is_slow=True):
    """What may pass: the job waits, says so on stderr after 5 s, and names the cause when its deadline ends it; `check` answers within
    10 s."""

    def does(place):
        with serve(place) as (url, more, standin):
            found = place.check(url, **more)
            place.expect(found, UNREACHABLE, within=CHECK_SECONDS + SLACK, says=says)
            if standin:
                standin.times.clear()
            job = place.export(url, "--deadline", f"{deadline}s", "--outcome", "outcome", **more)
            place.shows(job)
            place.expect(job, UNREACHABLE, within=deadline + 3, heard=TOLD_WITHIN if is_slow else None, says=says)
            place.that("still trying" in job.err, f"stderr does not say 'still trying': {job.told()}")
            error = place.outcome().get("error") or ""
            place.that(re.search(says[0], error, re.I), f"the outcome's error has no cause: {error!r}")
            if spaced:
                are_spaced(place, standin)

    CASES.add(name, does, waits=True)


def are_spaced(place, standin):
    """Each wait is at least half a second doubled with every attempt, whatever Retry-After says."""
    gaps = standin.gaps()
    place.that(gaps, "there was one request only")
    for number, gap in enumerate(gaps[:6]):
        place.that(gap >= 0.5 * 2**number - 0.05, f"attempt {number + 2} came {gap:.2f} s after the one before: {[round(each, 2) for each in gaps]}")


def of_standin(answer):
    @world
    def found(_):
        with api(answer) as standin:
            yield standin.url, {}, standin

    return found


def of_socket(handle):
    @world
    def found(_):
        with listening(handle) as port:
            yield f"http://127.0.0.1:{port}", {}, None

    return found


@world
def refused(_):
    yield f"http://127.0.0.1:{unused_port()}", {}, None


@world
def no_name_server(place):
    yield f"https://{HOST}", {"LD_PRELOAD": place.bench.resolver(), "RESOLVER": "AGAIN"}, None


far, past = (email.utils.formatdate(at, usegmt=True) for at in (4_102_444_800, 0))
RETRY_AFTER = {"0": "0", "-1": "-1", "a past date": past, "junk": "soon", "an empty one": "", "1e-9": "1e-9"}
for what, value in RETRY_AFTER.items():
    passing(f"503 forever, Retry-After {what}", of_standin(Answer(503, b"", {"Retry-After": value})), ["503"], spaced=True)
passing("503 forever", of_standin(Answer(503, b"<html>", kind="text/html")), ["503"], spaced=True)
passing("429 forever", of_standin(Answer(429, b'{"error":{"type":"rate-limit-exceeded","message":"slow down"}}')), ["429"], spaced=True)
passing("429 forever, Retry-After 0", of_standin(Answer(429, b"", {"Retry-After": "0"})), ["429"], spaced=True)
# As of a server that is being started again.
passing("a port that nothing listens on", refused, ["refused"])
passing("a server that accepts and never answers", of_socket(never_answers), ["answer|time"])
passing("a server that drips", of_socket(drips), ["body|answer|time"])
passing("a server that closes the connection", of_socket(closes), ["clos|connection|end of"])
passing("a name server that does not answer", no_name_server, ["name|resolve|DNS"])


def known_authority(place):
    """The certificate store that a variable names and the proxy are used, and the proxy sees no token."""
    heads = []
    with through_proxy(heads)(place) as (url, more):
        place.expect(place.export(url, "--retries", "0", **more), 0)
    place.that(heads and all(f"CONNECT {HOST}:443" in head for head in heads), f"not every connection goes through the proxy: {heads}")
    place.that(all(TOKEN not in head and "Bearer" not in head for head in heads), f"the proxy sees the token: {heads}")


def far_retry_after(name, value):
    def does(place):
        with api(Answer(503, b"", {"Retry-After": value})) as standin:
            job = place.export(standin.url, "--deadline", "8s", "--outcome", "outcome")
            place.expect(job, UNREACHABLE, within=11, heard=TOLD_WITHIN, says=["503"])
            waits = [float(found) for found in re.findall(r"next in ([\d.]+) s", job.err)]
            place.that(waits and max(waits) <= 120, f"waits beyond the cap, or does not tell: {job.told()}")

    CASES.add(name, does, waits=True)


far_retry_after("503 forever, Retry-After a far date", far)
far_retry_after("503 forever, Retry-After 86400", "86400")
far_retry_after("503 forever, Retry-After 1e300", "1e300")


def passes(place):
    """Two answers of 503, then all is well: the export is whole, and nobody is told."""
    with api(lambda path, count: Answer(503, b"") if path == "/v2/actor-runs" and count <= 2 else None) as standin:
        job = place.export(standin.url, "--quiet")
        place.expect(job, 0)
        place.that(job.err == "", f"quiet, and yet: {job.told()}")


def quiet(place):
    """With --quiet, a wait is told after 2 minutes only; the deadline's error still has the cause."""
    with api(Answer(503, b"")) as standin:
        job = place.export(standin.url, "--quiet", "--deadline", "9s", "--outcome", "outcome")
        place.expect(job, UNREACHABLE, within=12, says=["503"])
        place.that("still trying" not in job.err, f"told in spite of --quiet: {job.told()}")
        place.that("503" in (place.outcome().get("error") or ""), f"the outcome has no cause: {place.outcome().get('error')!r}")


def stopped(place):
    """SIGTERM while it waits: exit 143, and the last cause is named."""
    with api(Answer(503, b"")) as standin:
        job = place.run(
            "export", "--month", "2025-09", "--out", place.out, "--api-url", standin.url, "--outcome", "outcome", signal_after=(6, signal.SIGTERM)
        )
        place.expect(job, 143, within=9, says=["503"])
        place.that("503" in (place.outcome().get("error") or ""), f"the outcome has no cause: {place.outcome().get('error')!r}")


def cut_off(place):
    """A body that ends early, once: it is asked for again."""
    half = Answer(200, lambda connection: connection.sendall(b'HTTP/1.1 200 -\r\nContent-Length: 5000\r\n\r\n{"data":{"total":2'))
    with api(lambda path, count: half if path == "/v2/actor-runs" and count == 1 else None) as standin:
        place.expect(place.export(standin.url), 0, within=JOB_SECONDS)


def before_is_kept(place):
    """A failing job over an export that is there: it stays as it was."""
    place.copy_whole()
    with api(Answer(200, HTML, kind="text/html")) as standin:
        job = place.export(standin.url)
        place.expect(job, UNTRUSTED, within=JOB_SECONDS + SLACK)
    place.that(place.what_is_left() == "as before", "the export before was changed")


CASES.add("a certificate by a known authority, through a proxy", known_authority)
CASES.add("503 twice, then well", passes, waits=True)
CASES.add("503 forever, --quiet", quiet, waits=True)
CASES.add("503 forever, SIGTERM", stopped, waits=True)
CASES.add("a body that is cut off, once", cut_off, waits=True)
CASES.add("a captive portal, over an export", before_is_kept, waits=True)
