# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb==2.0.0", "pytz==2026.6"]
#
# [tool.check]
# compares = "`serve` with Apify's own clients for JavaScript, Python and Rust and its CLI, run by run by DuckDB"
# needs = ["Node.js", "npm"]
# minutes = 8
# megabytes = 160
# ///
"""Official clients against `serve`: the JavaScript, Python and Rust ones and the CLI, each a process of its own, list, filter and
get the runs of exports and of a lake, and must give what DuckDB reads in the same files. What they must meet besides: errors, rate
limits, broken answers. Last, an export of a served export is that export. 

Where a client can't do a thing, that is asserted, so that one that learns it is noticed:
- the JavaScript client refuses `limit: -1` itself; plain HTTP meets the server's 400 instead;
- the Python client 3.x refuses a page with a run that has no cost, as it does with the API itself. It gets an account in which
  every run has one;
- the Rust client reads doubles inexactly by itself; clients/rust/Cargo.toml says how it is built here;
- `apify api` of the CLI can be pointed elsewhere by APIFY_CLIENT_BASE_URL. It takes its token from ~/.apify/auth.json alone,
  APIFY_TOKEN doesn't count; it asks for the user first, and says 'not logged in' where the API says 401; a 429 ends it."""

import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

from checks.support.account import METERS, Checks, environment, read_json
from checks.support.environments import command_line, npm_packages, python_with, rust_program
from checks.support.processes import TOKEN, serving

DRIVERS = Path(__file__).resolve().parent / "clients"
# Loaded before a client of Node.js's: refuses every connection that is not to 127.0.0.1. The CLI would ask elsewhere for the API's
# description whenever it meets a 404.
LOOPBACK = """import net from "node:net";

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
    const [options] = Array.isArray(given[0]) ? given[0] : given;
    if (options.host !== "127.0.0.1") {
        throw new Error(`refused to connect to ${options.host}: loopback only`);
    }
    return connect.apply(this, given);
};
"""
ONLY_LOOPBACK = f"--import=data:text/javascript,{urllib.parse.quote(LOOPBACK)}"
RUNS = 5000
SAMPLE = 50
PAGE = 1000
# No client and no job takes nearly as long.
SECONDS = 300
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# What is compared of a run in a list: the API's name, and the column that has it.
FIELDS = {
    "id": "id",
    "actId": "act_id",
    "userId": "user_id",
    "actorTaskId": "actor_task_id",
    "status": "status",
    "startedAt": "epoch_ms(started_at)",
    "finishedAt": "epoch_ms(finished_at)",
    "buildId": "build_id",
    "buildNumber": "build_number",
    "buildNumberInt": "build_number_int",
    "meta.origin": "meta_origin",
    "meta.clientIp": "meta_client_ip",
    "meta.userAgent": "meta_user_agent",
    "meta.scheduleId": "meta_schedule_id",
    "meta.scheduledAt": "epoch_ms(meta_scheduled_at)",
    "usageTotalUsd": "usage_total_usd",
    "defaultKeyValueStoreId": "default_key_value_store_id",
    "defaultDatasetId": "default_dataset_id",
    "defaultRequestQueueId": "default_request_queue_id",
}
# And of its detail besides. Its userId is the account's where the list has none.
DETAIL = {
    "stats.computeUnits": "compute_units",
    "stats.durationMillis": "duration_millis",
    "stats.resurrectCount": "resurrect_count",
    "options.memoryMbytes": "memory_mbytes",
    "pricingInfo.pricingModel": "pricing_model",
} | {f"usageUsd.{meter}": f"usage_usd_{meter.lower()}" for meter in METERS}
INSTANTS = ["startedAt", "finishedAt", "meta.scheduledAt"]
# A lake keeps these only if it is told to.
PERSONAL = ["meta_client_ip", "meta_user_agent"]


def instant(text):
    """An instant of JSON as milliseconds."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(milliseconds=1)


def text(milliseconds):
    """The reverse, as the API writes it."""
    at = EPOCH + timedelta(milliseconds=milliseconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def member(item, path):
    """A member of an object by its path; none where it, or what it would be in, is absent."""
    for name in path.split("."):
        item = (item or {}).get(name)
    return item


def seen(item, fields=FIELDS):
    """A run as a client gave it, in the shape of `Archive.runs`."""
    values = {name: member(item, name) for name in fields}
    return {name: instant(value) if name in INSTANTS and value else value for name, value in values.items()}


class Archive:
    """The runs of an export or a lake as DuckDB reads them. Money is the double that is nearest to the decimal, as in JSON."""

    def __init__(self, source):
        self.connection = duckdb.connect()
        self.connection.execute(f"CREATE VIEW runs AS SELECT * FROM {source}")
        self.columns = {row[0] for row in self.connection.execute("DESCRIBE runs").fetchall()}

    def rows(self, query, *parameters):
        return self.connection.execute(query, parameters).fetchall()

    def runs(self, options, actor=None, task=None, fields=FIELDS):
        """The runs that a list with these options has, whatever its pages are."""
        wheres, parameters = ["true"], []
        if statuses := options.get("status"):
            wheres.append("list_contains(?, status)")
            parameters.append([statuses] if isinstance(statuses, str) else statuses)
        # The API's list of a task's runs has no filter by date, and ignores one.
        for name, comparison in {"startedAfter": ">=", "startedBefore": "<="}.items():
            if name in options and task is None:
                wheres.append(f"epoch_ms(started_at) {comparison} ?")
                parameters.append(instant(options[name]))
        for column, value in {"act_id": actor, "actor_task_id": task, "id": options.get("id")}.items():
            if value is not None:
                wheres.append(f"{column} = ?")
                parameters.append(value)
        direction = "DESC" if options.get("desc") else "ASC"
        columns = [column if column not in PERSONAL or column in self.columns else "NULL" for column in fields.values()]
        found = self.rows(
            f"SELECT {', '.join(columns)} FROM runs WHERE {' AND '.join(wheres)}"
            f" ORDER BY started_at {direction}, id {direction}"
            f" LIMIT {options.get('limit', 10**9)} OFFSET {options.get('offset', 0)}",
            *parameters,
        )
        return [dict(zip(fields, map(as_json, row), strict=True)) for row in found]

    def count(self, options, **of):
        """How many runs there are, on all pages."""
        return len(self.runs({name: value for name, value in options.items() if name not in ("limit", "offset")}, **of))

    def actors(self):
        """Name, runs and the last one's start by Actor; those whose names nobody knows aren't listed."""
        query = "SELECT act_id, any_value(act_name), count(*), max(epoch_ms(started_at)) FROM runs"
        return {row[0]: row[1:] for row in self.rows(f"{query} WHERE act_name IS NOT NULL GROUP BY act_id")}

    def tasks(self):
        """Name, Actor and runs by task, likewise."""
        query = "SELECT actor_task_id, any_value(actor_task_name), any_value(act_id), count(*) FROM runs"
        return {row[0]: row[1:] for row in self.rows(f"{query} WHERE actor_task_name IS NOT NULL GROUP BY ALL")}


def as_json(value):
    """A value of DuckDB's as JSON's are read: decimals as doubles."""
    return value if value is None or isinstance(value, (str, int)) else float(value)


class Client:
    """A client of a language: a driver that takes a plan and answers each of its steps."""

    def __init__(self, name, command, variables):
        self.name, self.command, self.variables = name, command, variables

    def ask(self, url, token, steps):
        """An answer a step, from one process."""
        done = subprocess.run(
            self.command,
            input=json.dumps({"url": url, "token": token, "steps": steps}),
            env={"PATH": os.environ["PATH"], **self.variables},
            check=False,
            timeout=SECONDS,
            capture_output=True,
            text=True,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 or len(answers) != len(steps):
            sys.exit(f"{self.name}: exit {done.returncode}, {len(answers)} answers to {len(steps)} steps\n{done.stderr}")
        return answers


class Cli:
    """`apify` of apify-cli, with a login of its own, no telemetry, and no look for updates."""

    def __init__(self, script, home):
        self.script, self.home = script, home

    def run(self, url, token, *arguments):
        """Its exit code, stdout as JSON, and stderr."""
        login = self.home / ".apify" / "auth.json"
        login.parent.mkdir(parents=True, exist_ok=True)
        login.write_text(json.dumps({"token": token} if token else {}))
        done = subprocess.run(
            ["node", ONLY_LOOPBACK, self.script, *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "APIFY_CLIENT_BASE_URL": url,
                "APIFY_CLI_DISABLE_TELEMETRY": "1",
                "APIFY_CLI_SKIP_UPDATE_CHECK": "1",
                "APIFY_DISABLE_KEYRING": "1",
                "NO_COLOR": "1",
            },
            cwd=self.home,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def get(self, url, token, endpoint, **parameters):
        return self.run(url, token, "api", endpoint, "--params", json.dumps(parameters))


def cases(archive):
    """Lists with every filter that there is: a name, options, and of which Actor or task."""
    starts = [row[0] for row in archive.rows("SELECT epoch_ms(started_at) FROM runs ORDER BY 1")]
    # Instants at which runs started, so that both ends are seen to be included.
    first, last = text(starts[len(starts) // 5]), text(starts[len(starts) * 3 // 4])
    actor = archive.rows("SELECT act_id FROM runs GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0][0]
    task = archive.rows("SELECT actor_task_id FROM runs WHERE actor_task_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0][0]
    bad = ["FAILED", "TIMED-OUT", "ABORTED"]
    between = {"startedAfter": first, "startedBefore": last}
    return [
        ("every run", {}, {}),
        ("every run, last first", {"desc": True}, {}),
        ("one status", {"status": ["SUCCEEDED"]}, {}),
        ("a list of statuses", {"status": bad}, {}),
        ("from an instant", {"startedAfter": first}, {}),
        ("to an instant", {"startedBefore": last}, {}),
        ("between two instants", between, {}),
        ("an offset and a limit beyond a page", {"offset": 1234, "limit": 2345}, {}),
        ("all of it together", {"status": [*bad, "SUCCEEDED"], **between, "desc": True, "offset": 50, "limit": 1500}, {}),
        ("an offset past the end", {"offset": 10**6}, {}),
        ("an Actor's runs", {}, {"actor": actor}),
        ("an Actor's runs with filters", {"status": bad, **between, "desc": True}, {"actor": actor}),
        ("a task's runs", {}, {"task": task}),
        ("a task's runs by status, last first", {"status": ["SUCCEEDED"], "desc": True, "limit": 300}, {"task": task}),
        ("a task's runs, which no date filters", between, {"task": task}),
    ]


def check_lists(checks, client, archive, url, token):
    """Iterates and lists with every filter."""
    listed = cases(archive)
    steps = [{"do": "iterate", "what": "runs", "options": options, **of} for _, options, of in listed]
    steps += [{"do": "list", "what": "runs", "options": options, **of} for _, options, of in listed]
    answers = client.ask(url, token, steps)
    for (name, options, of), answer in zip(listed, answers, strict=False):
        found = [seen(item) for item in answer["value"]] if "value" in answer else answer
        expected = archive.runs(options, **of)
        checks.equal(f"{client.name}: {name} ({len(expected):,})", found, expected)
    for (name, options, of), answer in zip(listed, answers[len(listed) :], strict=True):
        page = {**options, "limit": min(options.get("limit", PAGE), PAGE)}
        expected = archive.runs(page, **of)
        about = {
            "total": archive.count(options, **of),
            "offset": options.get("offset", 0),
            "limit": page["limit"],
            "count": len(expected),
            "desc": options.get("desc", False),
        }
        value = answer.get("value", answer)
        checks.equal(f"{client.name}: {name}, one page's figures", {key: value.get(key) for key in about}, about)
        checks.equal(f"{client.name}: {name}, one page's runs", [seen(item) for item in value.get("items", [])], expected)
    # Where the client has a type for instants, and where a status may be a text.
    options = listed[6][1]
    [native, single] = client.ask(
        url,
        token,
        [
            {"do": "iterate", "what": "runs", "options": options, "native": True},
            # Rust's has a list alone.
            {"do": "list", "what": "runs", "options": {"status": ["FAILED"] if client.name == "Rust" else "FAILED"}},
        ],
    )
    checks.equal(f"{client.name}: instants as its own type", [seen(item) for item in native.get("value", [])], archive.runs(options))
    items = single.get("value", {}).get("items", [])
    checks.equal(f"{client.name}: a status by itself", [seen(item) for item in items], archive.runs({"status": "FAILED"}))


def sample(archive):
    """Runs to get one by one, of all sorts: some of each status, and any others."""
    ids = [row[0] for row in archive.rows("SELECT min(id) FROM runs GROUP BY status UNION ALL SELECT min(id) FROM runs GROUP BY meta_origin")]
    others = [row[0] for row in archive.rows("SELECT id FROM runs ORDER BY id")]
    random.Random(7).shuffle(others)
    return list(dict.fromkeys(ids + others))[:SAMPLE]


def check_single(checks, client, archive, url, token, account):
    """Runs, Actors, tasks and the user, one by one, and the lists of Actors and tasks."""
    ids = sample(archive)
    fields = {name: column for name, column in (FIELDS | DETAIL).items() if name != "userId"}
    answers = client.ask(url, token, [{"do": "get", "what": "run", "id": run} for run in ids])
    found = [seen(answer["value"], fields) if answer.get("value") else answer for answer in answers]
    expected = [archive.runs({"id": run}, fields=fields)[0] for run in ids]
    checks.equal(f"{client.name}: {len(ids)} runs one by one, with their meters", found, expected)

    actors, tasks = archive.actors(), archive.tasks()
    actor = max(actors, key=lambda of: actors[of][1])
    task = max(tasks, key=lambda of: tasks[of][2])
    by_name = actors[actor][0]
    nameless = archive.rows("SELECT act_id FROM runs WHERE act_name IS NULL ORDER BY 1 LIMIT 1")[0][0]
    answers = client.ask(
        url,
        token,
        [
            {"do": "iterate", "what": "actors"},
            {"do": "list", "what": "actors", "options": {"offset": 5, "limit": 7}},
            {"do": "iterate", "what": "actors", "options": {"desc": True}},
            {"do": "get", "what": "actor", "id": actor},
            {"do": "get", "what": "actor", "id": by_name},
            {"do": "list", "what": "runs", "actor": by_name, "options": {"limit": 3}},
            {"do": "get", "what": "actor", "id": nameless},
            {"do": "iterate", "what": "runs", "actor": nameless},
            {"do": "iterate", "what": "tasks"},
            {"do": "get", "what": "task", "id": task},
            {"do": "get", "what": "me"},
        ],
    )
    values = [answer.get("value", answer) for answer in answers]
    every, page, backwards, one, same, of_name, unnamed, of_unnamed, all_tasks, one_task, me = values
    figures = lambda item: (f"{item['username']}/{item['name']}", member(item, "stats.totalRuns"), instant(item["stats"]["lastRunStartedAt"]))
    checks.equal(f"{client.name}: {len(actors)} Actors, their names, runs and last starts", {item["id"]: figures(item) for item in every}, actors)
    checks.equal(f"{client.name}: a page of Actors", ([item["id"] for item in page["items"]], page["total"]), ([item["id"] for item in every[5:12]], len(actors)))
    checks.equal(f"{client.name}: Actors, last first", [item["id"] for item in backwards], [item["id"] for item in reversed(every)])
    unsaid = [item["id"] for item in every if "createdAt" not in item["notArchived"]]
    checks.equal(f"{client.name}: what isn't archived of them is named", unsaid, [])
    checks.equal(f"{client.name}: an Actor by ID, and by name", (one["id"], same["id"], one["name"]), (actor, actor, by_name.split("/")[1]))
    checks.equal(f"{client.name}: its runs by name", [seen(item) for item in of_name["items"]], archive.runs({"limit": 3}, actor=actor))
    found = (unnamed, [seen(item) for item in of_unnamed])
    checks.equal(f"{client.name}: an Actor without a name isn't there, but its runs are", found, (None, archive.runs({}, actor=nameless)))
    about = {item["id"]: (item["name"], item["actId"], member(item, "stats.totalRuns")) for item in all_tasks}
    checks.equal(f"{client.name}: {len(tasks)} tasks, their names, Actors and runs", about, tasks)
    checks.equal(f"{client.name}: a task", (one_task["id"], one_task["actId"]), (task, tasks[task][1]))
    checks.equal(f"{client.name}: the user", (me["id"], me["username"]), (account["id"], account["username"]))


def check_errors(checks, client, url):
    """Each refusal arrives as the client's own error, with the API's type."""
    every = {"do": "list", "what": "runs"}
    told = lambda answer: (member(answer, "error.status"), member(answer, "error.type"))
    [answer] = client.ask(url, "wrong", [every])
    checks.equal(f"{client.name}: a wrong token", told(answer), (401, "user-or-token-not-found"))
    [answer] = client.ask(url, None, [every])
    checks.equal(f"{client.name}: no token", told(answer), (401, "token-not-provided"))
    steps = {
        "a date that is none": ({**every, "options": {"startedAfter": "yesterday"}}, (400, "invalid-value")),
        "a negative limit": ({**every, "options": {"limit": -1}}, (400, "invalid-value")),
        "an unknown Actor's runs": ({**every, "actor": "nobody"}, (404, "record-not-found")),
        "an unknown task's runs": ({**every, "task": "nobody"}, (404, "record-not-found")),
        "limits, which aren't archived": ({"do": "get", "what": "limits"}, (403, "insufficient-permissions")),
    }
    answers = client.ask(url, TOKEN, [step for step, _ in steps.values()])
    for (name, (_, expected)), answer in zip(steps.items(), answers, strict=True):
        if client.name == "JavaScript" and name == "a negative limit":
            message = member(answer, "error.message") or ""
            checks.that(f"{client.name}: {name} is refused by the client itself", message.startswith("ArgumentError"), answer)
        else:
            checks.equal(f"{client.name}: {name}", told(answer), expected)
    # The clients make nothing of a 404 for one thing.
    answers = client.ask(url, TOKEN, [{"do": "get", "what": what, "id": "nobody"} for what in ("run", "actor", "task")])
    checks.equal(f"{client.name}: an unknown run, Actor and task", answers, [{"value": None}] * 3)


def check_trouble(checks, client, archive, binary, out, trouble):
    """Pages and single runs from a server that makes trouble are what they are without it, thanks to the client's retries."""
    ids = sample(archive)[:20]
    pages = [{"offset": offset, "limit": 100} for offset in range(0, archive.count({}) if "--faults" in trouble else 500, 100)]
    steps = [{"do": "list", "what": "runs", "options": options} for options in pages]
    steps += [{"do": "get", "what": "run", "id": run} for run in ids]
    with serving(binary, out, *trouble) as server:
        answers = client.ask(server.url, server.token, steps)
        statuses = server.statuses()
    told = " ".join(map(str, trouble))
    items = [answer.get("value", {}).get("items", []) for answer in answers[: len(pages)]]
    found = [seen(item) for page in items for item in page]
    checks.equal(f"{client.name}: {len(found):,} runs in spite of {told}", found, archive.runs({"limit": 100 * len(pages)}))
    checks.equal(f"{client.name}: and {len(ids)} one by one", [member(answer, "value.id") for answer in answers[len(pages) :]], ids)
    checks.that(f"{client.name}:   which it met: {statuses}", statuses.get(429), statuses)
    if "--faults" in trouble:
        checks.that(f"{client.name}:   resets and 503 too", statuses.get(503) and statuses.get(None), statuses)


def check_costless(checks, client, archive, url):
    """The Python client 3.x doesn't read a page with a run that has no cost, for that reason and no other."""
    [run] = archive.rows("SELECT id FROM runs WHERE usage_total_usd IS NULL ORDER BY started_at, id LIMIT 1")[0]
    costly = {"status": ["FAILED", "TIMED-OUT", "ABORTED"]}
    [page, one, rest] = client.ask(
        url,
        TOKEN,
        [
            {"do": "iterate", "what": "runs"},
            {"do": "get", "what": "run", "id": run},
            {"do": "iterate", "what": "runs", "options": costly},
        ],
    )
    message = member(page, "error.message") or ""
    faults = [line.strip() for line in message.splitlines()[1:] if not line.startswith(" ")]
    lacks = message.startswith("ValidationError") and message.count("Field required [type=missing") == len(faults)
    exactly = faults and all(fault.startswith("data.items.") and fault.endswith(".usageTotalUsd") for fault in faults)
    checks.that(f"{client.name}: a page with runs without a cost is refused, for that alone", lacks and exactly, page)
    checks.equal(f"{client.name}: one by itself isn't", (member(one, "value.id"), member(one, "value.usageTotalUsd")), (run, None))
    checks.equal(f"{client.name}: nor are pages without such", [seen(item) for item in rest.get("value", [])], archive.runs(costly))


def check_http(checks, url):
    """What no client sends."""
    cases = [
        ("a negative limit", "/v2/actor-runs?limit=-1", TOKEN, 400, "invalid-value"),
        ("a fraction", "/v2/actor-runs?offset=1.5", TOKEN, 400, "invalid-value"),
        ("an unknown run", "/v2/actor-runs/nobody", TOKEN, 404, "record-not-found"),
        ("an unknown Actor", "/v2/actors/nobody", TOKEN, 404, "record-not-found"),
        ("what isn't served", "/v2/datasets/nobody", TOKEN, 404, None),
        ("no token", "/v2/actor-runs", None, 401, "token-not-provided"),
        ("the older path", "/v2/acts/nobody/runs", TOKEN, 404, "record-not-found"),
    ]
    for name, path, token, status, kind in cases:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        found = (answer.status, member(body, "error.type") if kind else None)
        checks.equal(f"HTTP: {name}", found, (status, kind))


def check_cli(checks, cli, archive, binary, out):
    """`apify api`, page by page, and `apify runs ls`."""
    with serving(binary, out) as server:
        url = server.url
        runs = []
        for offset in range(0, archive.count({}), PAGE):
            code, answer, error = cli.get(url, TOKEN, "actor-runs", offset=offset, limit=PAGE)
            runs += [seen(item) for item in (member(answer, "data.items") or [])]
            checks.that(f"CLI: the page at {offset}", code == 0, (code, error))
        checks.equal(f"CLI: every run ({len(runs):,})", runs, archive.runs({}))
        listed = cases(archive)
        for name, options, of in [listed[3], listed[8], listed[11], listed[13]]:
            parameters = {**options, "status": ",".join(options["status"]), "limit": min(options.get("limit", PAGE), PAGE)}
            place = f"actors/{of['actor']}/runs" if "actor" in of else f"actor-tasks/{of['task']}/runs" if of else "actor-runs"
            code, answer, error = cli.get(url, TOKEN, place, **parameters)
            found = [seen(item) for item in (member(answer, "data.items") or [])]
            checks.equal(f"CLI: {name}", (code, found), (0, archive.runs({**options, "limit": parameters["limit"]}, **of)))
        run = sample(archive)[0]
        code, answer, error = cli.get(url, TOKEN, f"actor-runs/{run}")
        fields = {name: column for name, column in (FIELDS | DETAIL).items() if name != "userId"}
        checks.equal("CLI: a run", (code, seen(member(answer, "data"), fields)), (0, archive.runs({"id": run}, fields=fields)[0]))
        actor = listed[10][2]["actor"]
        code, answer, error = cli.run(url, TOKEN, "runs", "ls", actor, "--json", "--limit", "20", "--offset", "5", "--desc")
        found = [seen(item) for item in (answer or {}).get("items", [])]
        checks.equal("CLI: runs ls of an Actor", (code, found), (0, archive.runs({"limit": 20, "offset": 5, "desc": True}, actor=actor)))

        for name, token in [("a wrong token", "wrong"), ("no token", None)]:
            code, answer, error = cli.get(url, token, "actor-runs")
            checks.that(f"CLI: {name}: not logged in", code != 0 and answer is None and "You are not logged in" in error, (code, answer, error))
        refusals = [("a negative limit", "actor-runs", {"limit": -1}, "400", "invalid-value")]
        refusals += [("an unknown run", "actor-runs/nobody", {}, "404", "record-not-found")]
        refusals += [("limits, which aren't archived", "users/me/limits", {}, "403", "insufficient-permissions")]
        for name, endpoint, parameters, status, kind in refusals:
            code, answer, error = cli.get(url, TOKEN, endpoint, **parameters)
            checks.that(f"CLI: {name}", code != 0 and status in error and member(answer, "error.type") == kind, (code, answer, error))
    with serving(binary, out, "--rate-limit", 1) as server:
        code, answer, error = cli.get(server.url, TOKEN, "actor-runs")
        held = code != 0 and "429" in error and member(answer, "error.type") == "rate-limit-exceeded"
        checks.that("CLI: a 429 ends it, for it doesn't try again", held, (code, answer, error))


def tool(binary, folder, token, *arguments):
    """Runs the tool to its end, which must be a good one."""
    done = subprocess.run(
        [binary, *map(str, arguments)],
        check=False,
        timeout=SECONDS,
        cwd=folder,
        env=environment(folder) | {"APIFY_TOKEN": token},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"apify-runs {' '.join(map(str, arguments))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")


def export(binary, server, folder, *arguments):
    tool(binary, folder.parent, server.token, "export", "--api-url", server.url, "--rate", 0, "--quiet", "--out", folder, *arguments)


def lake_of(folder):
    """A lake's files by its one commit: Delta's log in its simplest form."""
    commits = sorted(folder.glob("_delta_log/*.json"))
    actions = [json.loads(line) for line in commits[0].read_text().splitlines()]
    files = [str(folder / action["add"]["path"]) for action in actions if "add" in action]
    if len(commits) != 1 or any("remove" in action for action in actions):
        sys.exit(f"{folder}: expected one commit that adds files, found {[path.name for path in commits]}")
    return Archive(f"read_parquet({files!r}, hive_partitioning = false)")


def check_round_trip(checks, binary, folder):
    """An export of a served export has the same data files, byte by byte. Not its manifest and reports, which say when and what
    was asked."""
    for details in ("missing", "all"):
        period = ["--from", "2025-09-01", "--to", "2025-09-20", "--details", details]
        first, second = folder / f"first-{details}", folder / f"second-{details}"
        with serving(binary, "--demo", "--runs", RUNS) as server:
            export(binary, server, first, *period)
        provisional = read_json(first / "manifest.json")["totals"]["runs_provisional"]
        checks.equal(f"round trip, --details {details}: no row is provisional", provisional, 0)
        with serving(binary, first) as server:
            export(binary, server, second, *period)
        names = sorted(path.name for path in first.iterdir() if path.suffix in (".parquet", ".csv"))
        checks.that(f"round trip, --details {details}: {len(names)} data files", len(names) > 10, names)
        for name in names:
            checks.that(f"  {name} is the same", (first / name).read_bytes() == (second / name).read_bytes(), second / name)


def main():
    binary = command_line(__file__).binary
    node_modules = npm_packages("apify-client@2.25.0") / "node_modules"
    cli_modules = npm_packages("apify-cli@1.10.0") / "node_modules"
    old_python, new_python = python_with("apify-client==2.5.1"), python_with("apify-client==3.4.0")
    rust = rust_program("driver", "--features", "driver")
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-clients-") as scratch:
        folder = Path(scratch).resolve()
        homes = {"HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        driver = str(DRIVERS / "driver")
        javascript = Client("JavaScript", ["node", ONLY_LOOPBACK, f"{driver}.js"], homes | {"NODE_PATH": str(node_modules)})
        older = Client("Python 2.x", [old_python, f"{driver}.py"], homes)
        newer = Client("Python 3.x", [new_python, f"{driver}.py"], homes)
        rusty = Client("Rust", [rust], homes)
        cli = Cli(f"{cli_modules}/apify-cli/dist/apify.js", folder / "cli")

        month = ["--month", "2025-09", "--details", "all"]
        out, costly, lake = folder / "out", folder / "costly", folder / "lake"
        with serving(binary, "--demo", "--runs", RUNS) as server:
            export(binary, server, out, *month)
            tool(binary, folder, server.token, "sync", "--lake", lake, "--since", "2025-09-01", "--api-url", server.url, "--rate", 0, "--quiet")
        # A made-up account without an Actor whose runs have no cost.
        with serving(binary, "--demo", "--runs", RUNS, "--actors", 40, "--seed", 2) as server:
            export(binary, server, costly, *month)
        archive, every_cost, synced = Archive(f"'{out}/runs.parquet'"), Archive(f"'{costly}/runs.parquet'"), lake_of(lake)
        account = read_json(out / "manifest.json")["account"]
        without = "SELECT count(*) FROM runs WHERE usage_total_usd IS NULL"
        checks.that("runs without a cost are in one export", archive.rows(without)[0][0] > 0)
        checks.equal("and not in the other", every_cost.rows(without)[0][0], 0)

        with serving(binary, out) as server, serving(binary, costly) as full:
            for client in (javascript, older, newer, rusty):
                source, at = (every_cost, full) if client is newer else (archive, server)
                check_lists(checks, client, source, at.url, TOKEN)
                check_single(checks, client, source, at.url, TOKEN, account)
                check_errors(checks, client, at.url)
            check_costless(checks, newer, archive, server.url)
            check_http(checks, server.url)
            statuses = server.statuses() | full.statuses()
            checks.that(f"nothing was a fault of the server's: {statuses}", set(statuses) <= {200, 400, 401, 403, 404}, statuses)
            spoken = [request for request in server.requests() if TOKEN in json.dumps(request)]
            checks.equal("the token is in no line of the log", spoken, [])
        for client in (javascript, older, newer, rusty):
            source, at = (every_cost, costly) if client is newer else (archive, out)
            check_trouble(checks, client, source, binary, at, ["--rate-limit", 5])
        for client in (javascript, rusty):
            check_trouble(checks, client, archive, binary, out, ["--faults", "503=5%,429=5%,reset=2%,cut=2%,seed=7"])
        check_cli(checks, cli, archive, binary, out)
        with serving(binary, lake) as server:
            check_lists(checks, Client("JavaScript, lake", javascript.command, javascript.variables), synced, server.url, TOKEN)
        check_round_trip(checks, binary, folder)
    checks.close()


if __name__ == "__main__":
    main()
