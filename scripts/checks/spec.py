# /// script
# requires-python = ">=3.11"
# dependencies = ["schemathesis==4.32.5"]
#
# [tool.check]
# compares = "answers of `serve` with Apify's OpenAPI document, by schemathesis"
# minutes = 4
# megabytes = 12
# ///
"""Schemathesis against `serve`: requests made up from Apify's own OpenAPI document, right ones and wrong ones, to the made-up account
and to an export, and every answer held against that document. Judges forms, not figures: `clients` does that.

The document is changed in memory where it isn't what the API does, or says less than it:
- a run of a list needn't have `usageTotalUsd`, which may be null too: the API leaves it out for some Actors' runs;
- `meta.origin` is any text: there are newer ones, such as APIFY_AI;
- `offset` and `limit` are whole numbers from 0, as the descriptions have it, not any double; up to 64 bits;
- `status` is a list of statuses, and `date` a date from 2000 on, as its description or its example has it, not any text;
- `waitForFinish` is anything: `serve` doesn't read it, since no run of its goes on;
- IDs of Actors, tasks and runs are some that are there, and one that isn't, since made-up ones would all be unknown;
- single schedules aren't served."""

import http.client
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from checks.support.account import Checks, must_run
from checks.support.environments import command_line
from checks.support.processes import serving

HERE = Path(__file__).resolve().parent
SEED = 20250901
EXAMPLES = 100
LARGEST = 2**64 - 1
# Of the centuries in which there are billing cycles.
DATE = "^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"


def first(server, path):
    """The first few of a list."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request("GET", f"{path}?limit=4", headers={"Authorization": f"Bearer {server.token}"})
    items = json.loads(connection.getresponse().read())["data"]["items"]
    connection.close()
    return items


def document(server):
    """The document as it is used here."""
    spec = json.loads((HERE / "data" / "apify-openapi.json").read_text(encoding="utf-8"))
    del spec["paths"]["/v2/schedules/{scheduleId}"]
    schemas, parameters = spec["components"]["schemas"], spec["components"]["parameters"]
    schemas["RunShort"]["required"].remove("usageTotalUsd")
    schemas["RunShort"]["properties"]["usageTotalUsd"]["type"] = ["number", "null"]
    del schemas["RunOrigin"]["enum"]
    for name in ("offset", "limit"):
        parameters[name]["schema"] = {"type": "integer", "minimum": 0, "maximum": LARGEST}
    parameters["status"]["schema"]["items"] = {"$ref": "#/components/schemas/ActorJobStatus"}
    parameters["waitForFinishRun"]["schema"] = {}
    [date] = spec["paths"]["/v2/users/me/usage/monthly"]["get"]["parameters"]
    date["schema"]["pattern"] = DATE
    actors, tasks, runs = (first(server, f"/v2/{what}") for what in ("actors", "actor-tasks", "actor-runs"))
    ids = {
        "actorId": [actor["id"] for actor in actors] + [f"{actors[0]['username']}~{actors[0]['name']}"],
        "actorTaskId": [task["id"] for task in tasks],
        "runId": [run["id"] for run in runs],
    }
    for name, known in ids.items():
        parameters[name]["schema"] = {"type": "string", "enum": [*known, "nobody"]}
    return spec


def check(checks, label, server, scratch, unarchived):
    """All of schemathesis's checks of all operations; `unarchived` answer 403 and nothing else."""
    spec, report = scratch / "openapi.json", scratch / "report.json"
    made = document(server)
    spec.write_text(json.dumps(made), encoding="utf-8")
    command = [Path(sys.executable).parent / "schemathesis", "run", spec, "--url", server.url]
    command += ["--header", f"Authorization: Bearer {server.token}", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--seed", SEED, "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color"]
    command += ["--report", "json", "--report-json-path", report]
    done = subprocess.run([str(word) for word in command], check=False, cwd=scratch, capture_output=True, text=True, timeout=600)
    if not report.exists():
        sys.exit(f"schemathesis: exit {done.returncode}\n{done.stdout}{done.stderr}")
    told = json.loads(report.read_text(encoding="utf-8"))
    statuses = {str(status): count for status, count in sorted(server.statuses().items(), key=str)}
    operations = told["operations"]
    print(f"          {label}: {told['test_cases']['generated']} requests made up, answered {statuses}, in {told['running_time']:.0f} s")
    checks.equal(f"{label}: every operation of the document is tested", operations["tested"], len(made["paths"]))
    checks.equal(f"{label}: nothing is an error of schemathesis's", told["errors"], [])
    checks.that(f"{label}: every answer is as the document has it", not told["failures"], f"{told['failures']}\n{done.stdout}")
    faults = {status: count for status, count in statuses.items() if not status.isdigit() or int(status) >= 500}
    checks.equal(f"{label}: no answer is a fault of the server's", faults, {})
    expected = {"200", "400", "401", "404", "405"} | ({"403"} if unarchived else set())
    checks.that(f"{label}: every kind of answer is among them", expected <= set(statuses), statuses)
    good = {request["path"] for request in server.requests() if request["status"] == 200}
    idle = [path for path in made["paths"] if "{" not in path and path not in good]
    checks.equal(f"{label}: all endpoints but these answer with data", sorted(idle), sorted(unarchived))


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-spec-") as folder:
        scratch = Path(folder).resolve()
        with serving(binary, "--demo", "--runs", 5000) as server:
            check(checks, "serve --demo", server, scratch, [])
            out = scratch / "out"
            must_run(
                binary, "export", "--month", "2025-09", "--details", "all", "--api-url", server.url, "--rate", 0, "--quiet", "--out", out, cwd=scratch
            )
        (scratch / "report.json").unlink()
        with serving(binary, out) as server:
            check(checks, "serve EXPORT", server, scratch, ["/v2/users/me/limits", "/v2/users/me/usage/monthly"])
    checks.close()


if __name__ == "__main__":
    main()
