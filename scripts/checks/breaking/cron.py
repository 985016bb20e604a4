"""The crontabs as they are documented, day by day over the end of a month: on a healthy day nothing is printed, so that cron sends no
mail."""

import datetime
import json
import os
import re
import subprocess

from checks.breaking.bench import TOKEN, Cases
from checks.breaking.servers import DAY_MS, FaultyApi, Runs
from checks.support.account import ROOT
from checks.support.standin import instant, millis, serving

CASES = Cases("cron")
FIRST, DAYS, RUNS_A_DAY = datetime.datetime(2025, 9, 18, tzinfo=datetime.UTC), 32, 8
CRONTABS = ["examples/schedules/crontab", "docs/operations.md", "docs/lake.md"]


class Growing(Runs):
    """Runs of three months; the list has those that have started. The last ones run, and the API has no cost of them."""

    def __init__(self):
        super().__init__()
        begins = millis("2025-08-01T00:00:00.000Z")
        self.starts = [begins + at * DAY_MS // RUNS_A_DAY for at in range(90 * RUNS_A_DAY)]
        self.entries = [self.entry(at, start, ()) for at, start in enumerate(self.starts)]
        self.now = 0

    def between(self, after, before):
        return super().between(after, min(before, self.now))

    def items(self, first, last):
        return [self.text(at) for at in range(first, last)]

    def detail(self, wanted):
        at = int(wanted.removeprefix("run"))
        return self.text(at) if self.starts[at] <= self.now else None

    def text(self, at):
        found = dict(self.entries[at])
        if self.starts[at] > self.now - 3_600_000:
            found |= {"status": "RUNNING"}
            found.pop("finishedAt")
            found.pop("usageTotalUsd", None)
        else:
            found.setdefault("usageTotalUsd", 0.25)
        return json.dumps(found).encode()


def jobs_of(path):
    """A crontab's settings, and jobs: five fields and the command; of a page, the blocks that are crontabs."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        text = "\n".join(re.findall(r"^```crontab\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    settings, jobs = {}, []
    for line in text.splitlines():
        if setting := re.fullmatch(r"(\w+)\s*=\s*(.*)", line):
            settings[setting[1]] = setting[2]
        elif line.strip() and not line.startswith("#"):
            *fields, command = line.split(None, 5)
            jobs.append((fields, command.replace("\\%", "%")))
    return settings, jobs


def is_due(fields, day):
    """Whether a job is due on a day; those that are due each hour are run once."""
    _, _, of_month, month, of_week = fields
    fits = lambda field, number: field == "*" or int(field) == number
    return fits(of_month, day.day) and fits(month, day.month) and fits(of_week, (day.weekday() + 1) % 7)


def days_without_mail(path):
    def does(place):
        settings, jobs = jobs_of(path)
        place.that(jobs, f"{path} has no job")
        place.that(all("--strict=incomplete" in command for _, command in jobs if " export " in command), f"{path}: an export without --strict=incomplete")
        folder = place.home / "bin"
        folder.mkdir()
        (place.home / "data").mkdir()
        for made in ("apify/changes", ".config/apify-runs", "exports"):
            (place.home / made).mkdir(parents=True)
        token = place.home / ".config" / "apify-runs" / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        # The binary without its random wait; its own exit code and words.
        tool = folder / "apify-runs"
        tool.write_text(f"""#!/bin/bash
given=()
while [ $# -gt 0 ]; do
    if [ "$1" = --jitter ]; then shift; else given+=("$1"); fi
    shift
done
exec '{place.bench.binary}' "${{given[@]}}"
""")
        (folder / "run-and-retry").write_text((ROOT / "examples/schedules/run-and-retry").read_text(encoding="utf-8"))
        for each in folder.iterdir():
            each.chmod(0o755)
        runs, started, mailed = Growing(), 0, []
        standin = FaultyApi()
        standin.runs = runs
        with serving(standin):
            for number in range(DAYS):
                day = FIRST + datetime.timedelta(days=number)
                for fields, command in jobs:
                    if not is_due(fields, day):
                        continue
                    hour = 0 if fields[1] == "*" else int(fields[1])
                    runs.now = standin.clock_ms = int(day.timestamp() * 1000) + hour * 3_600_000 + int(fields[0]) * 60_000
                    environment = place.environment(**{
                        **{name: value for name, value in settings.items() if name != "SHELL"},
                        "APIFY_API_BASE_URL": standin.url,
                        "APIFY_RUNS_NOW": instant(runs.now),
                        "APIFY_TOKEN": None if "APIFY_RUNS_TOKEN_FILE" in settings else TOKEN,
                        "PATH": f"{folder}:{os.environ['PATH']}",
                        "PAUSE": "0",
                    })
                    command = command.replace("/data/", f"{place.home}/data/")
                    done = subprocess.run(
                        ["sh", "-c", command], cwd=place.home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
                    )
                    started += 1
                    if done.returncode != 0 or done.stdout:
                        mailed.append(f"{day:%Y-%m-%d}: exit {done.returncode}, {done.stdout[:300]!r}")
        place.row.code = 0 if not mailed else "mail"
        place.that(started >= 1, "no job was started")
        place.that(not mailed, f"{len(mailed)} of {started} runs would be mailed: {mailed[:3]}")
        return f"{started} runs, no mail" if not mailed else "mail"

    CASES.add(f"{DAYS} days of {path}", does)


for crontab in CRONTABS:
    days_without_mail(crontab)
