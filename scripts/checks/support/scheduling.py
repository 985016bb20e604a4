"""What the checks of schedules share: what README.md there promises of each exit code, a script in the tool's place that ends as it
is told, and the binary without its random waits. Holds no check itself."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

from checks.support.account import ROOT, read_json, run

# A workflow of GitHub Actions, as GitHub's own language service sees it, for `node --input-type=module --eval`, with the folder of
# modules and the workflow. Prints as JSON what that finds wrong, which jobs each event starts, and which steps follow each exit code.
GITHUB_SEES = r"""
import fs from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The packages are made for bundlers, which need no word that a JSON file is one.
const hook = `export const load = (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const [modules, workflow] = process.argv.slice(1);
const load = (file) => import(pathToFileURL(path.join(modules, file)).href);
const { validate } = await load("@actions/languageservice/dist/index.js");
const { Lexer, Parser, Evaluator, data } = await load("@actions/expressions/dist/index.js");
const { TextDocument } = await load("vscode-languageserver-textdocument/lib/esm/main.js");
const { parse } = await load("yaml/dist/index.js").then((module) => module.default ?? module);

const text = fs.readFileSync(workflow, "utf8");
const wrong = await validate(TextDocument.create("file:///repo/.github/workflows/it.yml", "yaml", 1, text));

const contextOf = (value) =>
    typeof value === "object"
        ? new data.Dictionary(...Object.entries(value).map(([key, inner]) => ({ key, value: contextOf(inner) })))
        : new data.StringData(value);

// Whether a condition holds, by GitHub's own evaluator. Nothing is ever cancelled here.
function holds(condition, context) {
    const expression = condition.replace(/^\$\{\{(.*)\}\}$/s, "$1").trim();
    const functions = [{ name: "cancelled", minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(false) }];
    const parsed = new Parser(new Lexer(expression).lex().tokens, Object.keys(context), functions).parse();
    const lookup = new Map(functions.map((each) => [each.name, each]));
    return new Evaluator(parsed, contextOf(context), lookup).evaluate().coerceString() === "true";
}

const jobs = Object.entries(parse(text).jobs);
const schedules = parse(text).on.schedule.map(({ cron }) => [cron, { github: { event: { schedule: cron } }, inputs: { job: "" } }]);
const byHand = jobs.map(([name]) => [name, { github: { event: { schedule: "" } }, inputs: { job: name } }]);
const started = ([event, context]) => [event, jobs.filter(([, job]) => holds(job.if, context)).map(([name]) => name)];
const follows = (job, code) =>
    job.steps.filter((step) => step.if && holds(step.if, { steps: { export: { outputs: { code } } } })).map((step) => step.name);
const codes = ["", "0", "1", "2", "3", "4", "5", "6", "7", "8", "129", "130", "137", "143"];

console.log(
    JSON.stringify({
        wrong: wrong.map(({ message, range }) => `line ${range.start.line + 1}: ${message}`),
        started: Object.fromEntries([...schedules, ...byHand].map(started)),
        follows: Object.fromEntries(jobs.map(([name, job]) => [name, Object.fromEntries(codes.map((code) => [code, follows(job, code)]))])),
    }),
);
"""
SCHEDULE = ROOT / "examples" / "schedules"
# Runs of the made-up account: as many as every export and lake of it must hold.
RUNS = 5000
# How often a schedule tries in all, where it tries again: written out here, so that a change is noticed.
TRIES = {"cron": 4, "GitHub": 3, "systemd": 4, "Kubernetes": 6, "Airflow": 4}


def promised():
    """What README.md says of each exit code: `again`, `no` or `done`, of cron and GitHub, and of the others."""
    table = {}
    for line in (SCHEDULE / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"\d+(, \d+)*", cells[0]):
            for code in cells[0].split(", "):
                table[int(code)] = tuple(cells[1:3])
    return table


def executable(path, text):
    """A script to be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


class ScriptedTool:
    """An `apify-runs` that ends with one exit code after the other, the last one from then on, and counts its starts."""

    def __init__(self, path):
        self.path, self.codes, self.starts = path, path.with_name("codes"), path.with_name("starts")
        executable(
            path,
            "#!/bin/sh\n"
            f"echo start >>'{self.starts}'\n"
            f"code=$(sed -n \"$(wc -l <'{self.starts}')p\" '{self.codes}')\n"
            f"code=${{code:-$(tail -n 1 '{self.codes}')}}\n"
            '[ "$code" = 0 ] || echo "said by the job" >&2\n'
            '[ "$code" = 137 ] && kill -s KILL $$\n'
            'exit "$code"\n',
        )

    def ends_with(self, *codes):
        """From now on; nothing has started yet."""
        self.codes.write_text("".join(f"{code}\n" for code in codes), encoding="utf-8")
        self.starts.write_text("", encoding="utf-8")

    def started(self):
        """How often it was started."""
        return len(self.starts.read_text(encoding="utf-8").splitlines())


def at_once(arguments):
    """A command line without its waits: the random one first, and that for costs to settle, of which the made-up account, whose clock
    stands, always has some that don't."""
    arguments = list(arguments)
    for position, argument in enumerate(arguments):
        option, _, value = argument.partition("=")
        if option in ("--jitter", "--wait-settled"):
            arguments[position if value else position + 1] = f"{option}=1ms" if value else "1ms"
    return arguments


class Recorder:
    """An `apify-runs` that notes how it was called, then is the binary, at once; for what a shell starts."""

    def __init__(self, path, binary):
        self.log = path.with_name("calls")
        executable(
            path,
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            "sys.dont_write_bytecode = True\n"
            f"sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
            "from checks.support import scheduling\n"
            f"with open({str(self.log)!r}, 'a') as log:\n"
            "    log.write(json.dumps([sys.argv[1:], os.getcwd(), sorted(os.environ)]) + '\\n')\n"
            f"os.execv({str(binary)!r}, ['apify-runs', *scheduling.at_once(sys.argv[1:])])\n",
        )

        self.log.write_text("", encoding="utf-8")

    def calls(self):
        """Arguments, folder and names of the environment of each call so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


def token_file(path, text="demo\n"):
    """A file with the made-up account's token, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def parses(checks, name, binary, arguments, cwd):
    """One check that the binary takes this command line as it stands, random wait and all: it says what would be in force."""
    said = run(binary, "config", "show", *arguments, cwd=cwd)
    checks.that(f"{name}: its command line is right", said.returncode == 0, f"{arguments}: {said.stderr}")


def published(checks, name, binary, export, lake, cwd):
    """Checks of an export of September or a lake, by the binary's own offline verification."""
    if export is not None:
        manifest = export / "manifest.json"
        counted = read_json(manifest)["proof"]["fetched"] if manifest.exists() else None
        checks.equal(f"{name}: September's export is there, all of it", counted, RUNS)
        checks.that(f"{name}: verify takes the export", run(binary, "verify", export, cwd=cwd).returncode == 0)
    if lake is not None:
        checks.that(f"{name}: the lake is there", (lake / "_delta_log").is_dir())
        checks.that(f"{name}: verify takes the lake", run(binary, "verify", lake, cwd=cwd).returncode == 0)


def outcome_is_done(checks, name, path, command):
    """One check that an outcome says of a job that all went well, and how many runs it had: an export all of the month, a sync what it
    asked for, which is fewer the second time."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    told = json.loads(text) if text.strip() else {}
    runs = (told.get("totals") or {}).get("runs") or 0
    checks.equal(f"{name}: the outcome says so", [told.get(key) for key in ("command", "exit_code", "exit_name")], [command, 0, "done"])
    checks.that(f"{name}: and of how many runs", runs == RUNS if command == "export" else runs > 0, runs)


def fails(command, **options):
    """Whether a program finds fault: it must with what was broken on purpose, or its word is worth nothing."""
    return subprocess.run(command, check=False, capture_output=True, text=True, **options).returncode != 0


def is_private(path):
    """Whether a file is its owner's alone."""
    return stat.S_IMODE(Path(path).stat().st_mode) & 0o077 == 0
