# /// script
# requires-python = ">=3.11"
# dependencies = ["jsonschema==4.26.0"]
#
# [tool.check]
# compares = "the dashboard for Grafana with Grafana's own types and with the metrics that are written; its queries by promtool"
# needs = ["Node.js", "npm"]
# uses = ["promtool"]
# minutes = 1
# megabytes = 40
# ///
"""examples/grafana/dashboard.json is a dashboard as Grafana's package @grafana/schema declares it in TypeScript: its panels, the options and
fields of each kind of panel, and its variables, without a field that Grafana does not know. It names no data source, but a variable. Its
queries use every metric that `--metrics-file` writes and no other, and promtool finds in them, over such a file, the values that the file
has: with Prometheus' label `job` renamed to `exported_job`, and with `honor_labels`. No Grafana draws it here."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from jsonschema import Draft7Validator

from checks.support.account import ROOT, Checks, must_run
from checks.support.environments import command_line, npm_packages
from checks.support.environments import run as run_quietly

DASHBOARD = ROOT / "examples/grafana/dashboard.json"
NPM = ("@grafana/schema@13.2.3", "typescript-json-schema@0.68.0")
KINDS = ("stat", "table", "timeseries")
# What has no fields of its own in Grafana's types.
WITHOUT_FIELDS = ("stat",)
RAW = "@grafana/schema/dist/types/raw"
EVALUATED_AT = 600
VARIABLES = {"$account": ".*", "$command": ".*"}


def declared_types():
    """TypeScript that names each type which the dashboard has to have."""
    lines, members = [f"import {{ Dashboard }} from '{RAW}/dashboard/x/types.gen';"], ["dashboard: Dashboard"]
    for kind in KINDS:
        path = f"{RAW}/composable/{kind}/panelcfg/x/types.gen"
        lines.append(f"import {{ Options as {kind}Options }} from '{path}';")
        members.append(f"{kind}Options: {kind}Options")
        if kind not in WITHOUT_FIELDS:
            lines.append(f"import {{ FieldConfig as {kind}Field }} from '{path}';")
            members.append(f"{kind}Field: {kind}Field")
    return "\n".join([*lines, f"export interface Checked {{ {'; '.join(members)} }}", ""])


class GrafanaTypes:
    """Grafana's types as JSON Schemas, by the name in `declared_types`."""

    def __init__(self, scratch):
        folder = npm_packages(*NPM)
        # The packages are looked for beside the file.
        (scratch / "node_modules").symlink_to(folder / "node_modules")
        source, made = scratch / "checked.ts", scratch / "schema.json"
        source.write_text(declared_types(), encoding="utf-8")
        program = folder / "node_modules" / ".bin" / "typescript-json-schema"
        options = ["--required", "--noExtraProps", "--strictNullChecks", "--ignoreErrors", "--skipLibCheck", "--out", made]
        run_quietly(program, source, "Checked", *options, cwd=scratch)
        self.schema = json.loads(made.read_text(encoding="utf-8"))
        for name, definition in self.schema["definitions"].items():
            # The names of a record are any.
            if record := re.fullmatch(r"Record<string,(\w+)>", name):
                definition["additionalProperties"] = self.type_of(record[1])

    def type_of(self, name):
        """The schema of a type by its name in TypeScript."""
        if name in self.schema["definitions"]:
            return {"$ref": f"#/definitions/{name}"}
        return {} if name in ("any", "unknown") else {"type": name}

    def faults(self, name, value, is_part=False):
        """What a value has that its type does not allow; a part may lack what the type requires."""
        schema = {"definitions": self.schema["definitions"], **self.schema["properties"][name]}
        errors = [deepest(error) for error in Draft7Validator(schema).iter_errors(value) if not (is_part and error.validator == "required")]
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]


def deepest(error):
    """Of an error in a choice, the one that lies deepest in the value, which most likely is in the choice that was meant."""
    while error.context:
        error = max(error.context, key=lambda each: len(each.absolute_path))
    return error


def check_types(checks, types, dashboard):
    """The dashboard as a whole, and what its type leaves to the kinds of panels."""
    checks.equal("types: the dashboard", types.faults("dashboard", dashboard), [])
    wrong = json.loads(json.dumps(dashboard))
    wrong["panels"][0]["gridPosition"] = wrong["panels"][0].pop("gridPos")
    checks.equal("types: a wrong name is found", [fault.split("/")[:2] for fault in types.faults("dashboard", wrong)], [["panels", "0"]])
    for panel in dashboard["panels"]:
        kind, label = panel["type"], f"types: panel {panel['title']!r}"
        checks.that(f"{label}: a kind that is known here", kind in KINDS, kind)
        checks.equal(f"{label}: its options", types.faults(f"{kind}Options", panel["options"]), [])
        fields = panel["fieldConfig"]["defaults"].get("custom", {})
        overridden = {each["id"]: each["value"] for override in panel["fieldConfig"]["overrides"] for each in override["properties"]}
        fields = fields | {name.removeprefix("custom."): value for name, value in overridden.items() if name.startswith("custom.")}
        if kind in WITHOUT_FIELDS:
            checks.equal(f"{label}: no fields of its own", fields, {})
        else:
            checks.equal(f"{label}: its fields", types.faults(f"{kind}Field", fields, is_part=True), [])
        standard = {name: value for name, value in overridden.items() if not name.startswith("custom.")}
        alone = {"panels": [{"type": kind, "fieldConfig": {"defaults": standard, "overrides": []}}], "schemaVersion": 1}
        checks.equal(f"{label}: its overrides", types.faults("dashboard", alone), [])


def check_structure(checks, dashboard):
    """The data source is a variable, ids are unique, and no panel covers another."""
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    checks.equal("the variable of the data source", variables["datasource"]["type"], "datasource")
    named = re.findall(r'"datasource": \{"type": "(\w+)", "uid": "([^"]*)"', json.dumps(dashboard))
    checks.equal("no other data source is named", set(named), {("prometheus", "${datasource}")})
    checks.equal("each is named so", len(named), json.dumps(dashboard).count('"datasource": '))
    used = set(re.findall(r"\$([a-z]\w*)", " ".join(each["expr"] for _, each in targets(dashboard))))
    checks.equal("queries use the variables that there are", used, set(variables) - {"datasource"})
    ids = [panel["id"] for panel in dashboard["panels"]]
    checks.equal("each panel has an id of its own", len(set(ids)), len(ids))
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    checks.that("panels do not cover each other, within 24 columns", len(set(cells)) == len(cells) and max(cells)[0] == 23)


def targets(dashboard):
    """Each query, with its panel's title."""
    return [(panel["title"], target) for panel in dashboard["panels"] for target in panel["targets"]]


def read_metrics(path):
    """Name to labels and value, of a file with one series for each name."""
    line = re.compile(r"(\w+)\{(.*)\} (\S+)")
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        if not text.startswith("#"):
            name, labels, value = line.fullmatch(text).groups()
            found[name] = (labels, float(value))
    return found


def expected_value(title, expression, values):
    """The value of a query over the metrics file, worked out from the file."""
    if title == "Jobs whose last exit code is not 0" or title == "Jobs that have never succeeded":
        return 0
    if title == "Longest time since a success":
        return EVALUATED_AT - values["apify_runs_last_success_timestamp_seconds"]
    if title == "Largest share of runs without a known cost":
        return values["apify_runs_cost_unknown_runs"] / values["apify_runs_runs"]
    (name,) = set(re.findall(r"apify_runs_\w+", expression))
    return values[name] * (1000 if expression.endswith("* 1000") else 1)


def check_queries(checks, promtool, scratch, dashboard, metrics):
    """promtool evaluates each query over the file's values, with both ways in which Prometheus may name the label `job`."""
    values = {name: value for name, (_, value) in metrics.items()}
    for how in ("honor_labels", "renamed"):
        rename = (lambda labels: labels) if how == "honor_labels" else (lambda labels: labels.replace("job=", 'job="node",exported_job='))
        tests = []
        for title, target in targets(dashboard):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            labels = '{account="demo", command="export", task="made-up"}' if "task" in expression else "{}"
            sample = {"labels": labels, "value": expected_value(title, expression, values)}
            tests.append({"expr": expression, "eval_time": f"{EVALUATED_AT}s", "exp_samples": [sample]})
        series = [{"series": f"{name}{{{rename(labels)}}}", "values": f"{value!r}x20"} for name, (labels, value) in metrics.items()]
        test = {"evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}
        path = scratch / f"{how}.yml"
        path.write_text(json.dumps(test), encoding="utf-8")
        done = subprocess.run([promtool, "test", "rules", path], check=False, capture_output=True, text=True)
        checks.that(f"queries, {how}: the values of the file", done.returncode == 0, done.stdout + done.stderr)


def main():
    binary = command_line(__file__).binary
    checks, dashboard = Checks(), json.loads(DASHBOARD.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="apify-runs-grafana-") as folder:
        scratch = Path(folder).resolve()
        written = scratch / "metrics.prom"
        day = ["--from", "2025-09-01", "--to", "2025-09-02"]
        must_run(binary, "export", "--demo", *day, "--quiet", "--job-name", "made-up", "--metrics-file", written, cwd=scratch)
        metrics = read_metrics(written)
        named = set(re.findall(r"apify_runs_\w+", DASHBOARD.read_text(encoding="utf-8")))
        checks.equal("the dashboard shows every metric, and no other", sorted(named), sorted(metrics))
        check_structure(checks, dashboard)
        check_types(checks, GrafanaTypes(scratch), dashboard)
        promtool = shutil.which(os.environ.get("PROMTOOL", "promtool"))
        if promtool is None:
            print("not run: the queries, since promtool is not there (Debian: apt-get install prometheus, or PROMTOOL=PATH)")
        else:
            check_queries(checks, promtool, scratch, dashboard, metrics)
    checks.close()


if __name__ == "__main__":
    main()
