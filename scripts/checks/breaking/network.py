"""What goes wrong between this machine and the API, what the API answers beside the run list, and who asks. What no retry can mend fails
within seconds with its cause and what mends it; what may pass is tried again, and told; a wrong fact beside the run list is named as
unknown, and the job goes on. A token that can't be one is refused before it is sent."""

import contextlib
import email.utils
import json
import re
import signal

from checks.breaking.bench import TOKEN, Cases, NotHere
from checks.breaking.servers import (
    HOST,
    USAGE,
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

NETWORK = Cases("network")
ANSWERS = Cases("answers")
TOKENS = Cases("tokens")
CHECK_SECONDS, JOB_SECONDS, SLACK = 10, 20, 1.5
# A wait is told once it has lasted 5 s: the first line comes after the wait in which that happens began.
TOLD_WITHIN = 8
SECRET = "word-of-the-proxy"
NOT_AUTHORISED, UNREACHABLE, UNTRUSTED = 3, 4, 5
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

    NETWORK.add(name, does, waits=True)


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

    NETWORK.add(name, does, waits=True)


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

    NETWORK.add(name, does, waits=True)


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


NETWORK.add("a certificate by a known authority, through a proxy", known_authority)
NETWORK.add("503 twice, then well", passes, waits=True)
NETWORK.add("503 forever, --quiet", quiet, waits=True)
NETWORK.add("503 forever, SIGTERM", stopped, waits=True)
NETWORK.add("a body that is cut off, once", cut_off, waits=True)
NETWORK.add("a captive portal, over an export", before_is_kept, waits=True)


# Answers


def data(found):
    return Answer(200, json.dumps({"data": found}).encode())


def auxiliary(what, matches, answer, says, how, more=()):
    """A wrong answer to requests of these paths: exit 0, all runs, and the fact is named as unknown."""

    def does(place):
        with api(lambda path, _: answer if matches(path) else None) as standin:
            asked = lambda: any(matches(path) for _, path in standin.times)
            job = place.export(standin.url, "--retries", "0", *more)
            if not asked():
                raise NotHere(f"an export that asks for {what}")
        place.expect(job, 0, says=says)
        with_runs = place.out / "report.json"
        runs = json.loads(with_runs.read_text(encoding="utf-8"))["totals"]["runs"] if with_runs.exists() else None
        place.that(runs == 240, f"expected 240 runs, found {runs}")

    ANSWERS.add(f"{what}: {how}", does)


# Each with answers that are wrong in one field; those that hold no object at all are the same for all.
FACTS = {
    "limits": (
        lambda path: path.endswith("/users/me/limits"),
        ["retention.{0,80}unknown|unknown.{0,80}retention"],
        {
            "without the field": {"limits": {}},
            "retention as text": {"limits": {"dataRetentionDays": "ninety"}},
            "retention 90.0": None,
            "limits as a list": {"limits": []},
        },
        (),
    ),
    "users/me": (
        lambda path: path.endswith("/users/me"),
        ["account.{0,80}unknown|unknown.{0,80}account"],
        {"without an ID": {"username": "somebody"}, "ID as a number": {"id": 7, "username": "somebody"}, "null": None},
        (),
    ),
    "usage": (
        lambda path: path.endswith("/usage/monthly"),
        ["usage.{0,120}unknown|unknown.{0,120}usage"],
        {
            "a cycle without end": {**USAGE, "usageCycle": {"startAt": "2025-09-01T00:00:00.000Z"}},
            "a total as text": {**USAGE, "totalUsageCreditsUsdBeforeVolumeDiscount": "thirty", "totalUsageCreditsUsdAfterVolumeDiscount": "thirty"},
            "services as a list": {**USAGE, "monthlyServiceUsage": []},
        },
        (),
    ),
    "names": (
        lambda path: "/actors" in path or "/acts" in path,
        ["name.{0,80}unknown|unknown.{0,80}name|no name"],
        {
            "items as an object": {"total": 3, "offset": 0, "limit": 1000, "count": 3, "items": {}},
            "entries that are numbers": {"total": 3, "offset": 0, "limit": 1000, "count": 3, "items": [1, 2, 3]},
        },
        (),
    ),
    "details": (
        lambda path: path.startswith("/v2/actor-runs/"),
        ["cost.{0,80}unknown|unknown.{0,80}cost"],
        {"without a cost": {"id": "run00000000000005"}, "a cost as text": {"usageTotalUsd": "much"}},
        (),
    ),
}
SHARED = {
    "a page": Answer(200, HTML, kind="text/html"),
    "a list": Answer(200, b"[]"),
    "nothing": Answer(200, b""),
    "500": Answer(500, b"<html>", kind="text/html"),
    "404": Answer(404, b'{"error":{"type":"record-not-found","message":"not here"}}'),
    "403": Answer(403, b'{"error":{"type":"insufficient-permissions","message":"not for you"}}'),
}
for fact, (matching, patterns, fields, options) in FACTS.items():
    for kind, found in fields.items():
        if found is not None:
            auxiliary(fact, matching, data(found), patterns, kind, options)
    for kind, answer in SHARED.items():
        auxiliary(fact, matching, answer, patterns, kind, options)


def total_as_float(place):
    """`2500.0` is a number of runs as `2500` is."""
    with api() as standin:
        plain = standin.answer

        def answer(target):
            status, body = plain(target)
            if target.startswith("/v2/actor-runs?"):
                found = json.loads(body)
                found["data"]["total"] = float(found["data"]["total"])
                body = json.dumps(found).encode()
            return status, body

        standin.answer = answer
        place.expect(place.export(standin.url), 0)


ANSWERS.add('the run list: "total": 240.0', total_as_float)


# Tokens


def refused_before(name, token, says=()):
    """A token that can't be one: exit 3, no request, and not a letter of it in what is said."""

    def does(place):
        with api() as standin:
            job = place.export(standin.url, APIFY_TOKEN=token)
            place.that(standin.times == [], f"{len(standin.times)} requests were sent")
        place.expect(job, NOT_AUTHORISED, within=5, says=["APIFY_TOKEN", *says])
        place.that(token.strip("'\" \n") not in job.err, f"says the token: {job.told()}")

    TOKENS.add(name, does)


refused_before("a token in double quotes", f'"{TOKEN}"', ["quote"])
refused_before("a token in single quotes", f"'{TOKEN}'", ["quote"])
refused_before("a token with a line break inside", f"{TOKEN[:8]}\n{TOKEN[8:]}")
refused_before("a token with `Bearer ` before it", f"Bearer {TOKEN}", ["Bearer"])
refused_before("a token with a space inside", f"{TOKEN[:8]} {TOKEN[8:]}")


def short(place):
    """A token of seven characters: used on this machine, and its letters stay in messages; refused for any other."""
    with api() as standin:
        place.expect(place.check(f"{standin.url}", APIFY_TOKEN="account"), 0, says=["account"])
    found = place.export(f"https://{HOST}", APIFY_TOKEN="account", LD_PRELOAD=place.bench.resolver(), RESOLVER="NONAME")
    place.shows(found)
    place.expect(found, NOT_AUTHORISED, within=5, says=["APIFY_TOKEN", "short|character"])


def newline_at_the_end(place):
    """What `echo` leaves is no part of a token."""
    (place.work / "token").write_text(f"{TOKEN}\n")
    (place.work / "token").chmod(0o600)
    with api() as standin:
        place.expect(place.export(standin.url, "--token-file", "token", APIFY_TOKEN=None), 0)


def refused_by_api(status, how):
    """401 and 403 name where the token came from."""

    def does(place):
        (place.work / "token").write_text(TOKEN)
        (place.work / "token").chmod(0o600)
        kind = {401: "user-or-token-not-found", 403: "insufficient-permissions"}[status]
        with api(Answer(status, json.dumps({"error": {"type": kind, "message": "no"}}).encode())) as standin:
            if how == "file":
                found = place.export(standin.url, "--token-file", "token", APIFY_TOKEN=None)
            else:
                found = place.export(standin.url)
            seen = place.check(standin.url)
        source = {"file": "token-file|work/token|token file", "variable": "APIFY_TOKEN"}[how]
        place.expect(found, NOT_AUTHORISED, within=5, says=[str(status), source], never=TOKEN)
        place.expect(seen, NOT_AUTHORISED, within=5, says=[str(status), "APIFY_TOKEN"], never=TOKEN)

    TOKENS.add(f"{status} for the token of a {how}", does)


TOKENS.add("a token of seven characters", short)
TOKENS.add("a token file with a line break at its end", newline_at_the_end)
for status in (401, 403):
    for how in ("file", "variable"):
        refused_by_api(status, how)
