"""What the API answers beside the run list, and who asks: a wrong fact there is named as unknown, and the job goes on. A token that can't
be one is refused before it is sent."""

import json

from checks.breaking.bench import TOKEN, Cases, NotHere
from checks.breaking.servers import USAGE, Answer, api

CASES = Cases("answers")
TOKENS = Cases("tokens")
NOT_AUTHORISED = 3
HTML = Answer(200, b"<html><title>Maintenance</title></html>", kind="text/html")


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

    CASES.add(f"{what}: {how}", does)


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
    "a page": HTML,
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


CASES.add('the run list: "total": 240.0', total_as_float)


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
    found = place.export("https://api.apify-runs.test", APIFY_TOKEN="account", LD_PRELOAD=place.bench.resolver(), RESOLVER="NONAME")
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
