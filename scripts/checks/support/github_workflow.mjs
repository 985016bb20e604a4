// A workflow of GitHub Actions, as GitHub's own language service sees it: `github_workflow.mjs MODULES WORKFLOW`. Prints as JSON what
// that finds wrong, which jobs each event starts, and which steps follow upon each exit code. For the check schedules; holds no check itself.
import fs from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The packages are made for bundlers, which need no word that a JSON file is one.
const hook = `export const load = (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const [modules, workflow] = process.argv.slice(2);
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
