# /// script
# requires-python = ">=3.11"
# dependencies = ["jsonschema==4.26.0", "rfc3339-validator==0.1.4"]
#
# [tool.check]
# compares = "report.json, manifest.json and outcomes with docs/schemas, by Python's jsonschema"
# minutes = 1
# megabytes = 1
# ///
"""Validates documents that the tool writes against docs/schemas/*.schema.json: exports with budgets, groups, a comparison and all
details, one past retention, reports of a part and by two dimensions, and the outcomes of jobs that went well, failed, or were about
several accounts. Fields that a schema doesn't name, and values of another type, must be refused."""

import copy
import json
import tempfile
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

from checks.support.account import ROOT, Checks, must_run, run, server
from checks.support.environments import command_line

MONTH = ["--from", "2025-09-01", "--to", "2025-10-01"]
GROUPS = "actor,task,user,group\napify/*,,,Marketing\n,nightly-*,,Operations\n"
# A value of another type, for each type that documents have.
OTHERS = {str: 1, bool: "true", int: "1", float: "1", list: {}, dict: [], type(None): {"a": 1}}


def read_json(path):
    """With numbers as JSON Schema knows them, not as decimals."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def validator(name):
    schema = read_json(ROOT / "docs" / "schemas" / f"{name}.schema.json")
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def places(document, path=()):
    """Every value of a document, with its path."""
    yield path, document
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*path, key))
    if isinstance(document, list):
        for at, value in enumerate(document):
            yield from places(value, (*path, at))


def shortened(document):
    """With the first two entries of each list: the others are like them, and each change is validated anew."""
    if isinstance(document, dict):
        return {key: shortened(value) for key, value in document.items()}
    return [shortened(value) for value in document[:2]] if isinstance(document, list) else document


def put(document, path, value):
    changed = copy.deepcopy(document)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


def accepted_faults(schema, document):
    """The changes of a document that its schema does not refuse."""
    found = []
    for path, value in places(document):
        if path and schema.is_valid(put(document, path, OTHERS[type(value)])):
            found.append(f"{path}: another type")
        # These are maps: their keys are names, not fields.
        if isinstance(value, dict) and path not in [("seconds",), ("accounts",)]:
            changed = copy.deepcopy(document)
            inner = changed
            for key in path:
                inner = inner[key]
            inner["a_field_that_nobody_knows"] = 1
            if schema.is_valid(changed):
                found.append(f"{path}: an unknown field")
    return found


def check(checks, label, schema, document):
    errors = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in schema.iter_errors(document)]
    checks.equal(f"{label}: is as its schema says", errors[:5], [])
    checks.equal(f"{label}: unknown fields and other types are refused", accepted_faults(schema, shortened(document))[:5], [])


def check_export(checks, label, out, schemas):
    for name in ("report", "manifest"):
        check(checks, f"{label}: {name}.json", schemas[name], read_json(out / f"{name}.json"))


def check_exports(checks, binary, url, scratch, schemas):
    (scratch / "groups.csv").write_text(GROUPS, encoding="utf-8")
    asked = ["--api-url", url, "--rate", "0", "--quiet"]
    must_run(binary, "export", "--demo", "--month", "2025-09", "--out", "demo", "--quiet", cwd=scratch)
    check_export(checks, "demo", scratch / "demo", schemas)
    judged = ["--budget", "500", "--budget", "group:Marketing=5", "--groups", "groups.csv", "--compare", "previous"]
    details = ["--details", "all", "--detail-rate", "0"]
    arguments = [*MONTH, "--out", "full", *judged, *details, *asked, "--outcome", "full.json"]
    must_run(binary, "export", *arguments, cwd=scratch)
    check_export(checks, "budgets, groups, comparison, details", scratch / "full", schemas)
    check(checks, "outcome of an export", schemas["outcome"], read_json(scratch / "full.json"))
    must_run(binary, "export", *arguments, "--replace", cwd=scratch)
    check_export(checks, "replaced", scratch / "full", schemas)
    report = must_run(binary, "report", "full", "--format", "json", "--by", "actor,day", "--by", "build,user", cwd=scratch)
    check(checks, "report by two dimensions", schemas["report"], json.loads(report.stdout))
    part = must_run(binary, "report", "full", "--format", "json", "--from", "2025-09-02", "--to", "2025-09-04", cwd=scratch)
    check(checks, "report of a part", schemas["report"], json.loads(part.stdout))


def check_outcomes(checks, binary, url, scratch, schemas):
    nobody = ["--api-url", "http://127.0.0.1:9", "--retries", "0"]
    failed = run(binary, "export", *MONTH, "--out", "no", *nobody, "--outcome", "failed.json", cwd=scratch)
    checks.equal("an export without an API is exit 4", failed.returncode, 4)
    check(checks, "outcome of a failure", schemas["outcome"], read_json(scratch / "failed.json"))
    must_run(binary, "sync", "--demo", "--lake", "lake", "--quiet", "--outcome", "sync.json", cwd=scratch)
    check(checks, "outcome of a sync", schemas["outcome"], read_json(scratch / "sync.json"))
    for name in ("one", "two"):
        (scratch / f"{name}.token").write_text("demo\n", encoding="utf-8")
        (scratch / f"{name}.token").chmod(0o600)
    accounts = "".join(f'[accounts.{name}]\ntoken-file = "{name}.token"\n' for name in ("one", "two"))
    (scratch / "accounts.toml").write_text(accounts, encoding="utf-8")
    arguments = ["--config", "accounts.toml", "export", "--all-accounts", *MONTH, "--out", "each/{account}"]
    must_run(binary, *arguments, "--api-url", url, "--rate", "0", "--quiet", "--outcome", "accounts.json", cwd=scratch)
    document = read_json(scratch / "accounts.json")
    checks.equal("both accounts are in the outcome", sorted(document["accounts"]), ["one", "two"])
    check(checks, "outcome of two accounts", schemas["outcome"], document)


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    schemas = {name: validator(name) for name in ("report", "manifest", "outcome")}
    with tempfile.TemporaryDirectory(prefix="apify-runs-schemas-") as folder:
        scratch = Path(folder).resolve()
        with server(binary, "--runs", 2000, "--actors", 12, "--cost-missing", 20) as url:
            check_exports(checks, binary, url, scratch, schemas)
            check_outcomes(checks, binary, url, scratch, schemas)
        with server(binary, "--runs", 200, "--actors", 3, "--retention-days", 20) as url:
            must_run(binary, "export", *MONTH, "--out", "past", "--api-url", url, "--rate", "0", "--quiet", cwd=scratch)
            check_export(checks, "past retention", scratch / "past", schemas)
            codes = [caveat["code"] for caveat in read_json(scratch / "past" / "manifest.json")["caveat_details"]]
            checks.that("past retention: a caveat says so", "past_retention" in codes, codes)
    checks.close()


if __name__ == "__main__":
    main()
