"""What stands in a folder after something went wrong: a lake's rows and an export's, read by deltalake and pyarrow, never by the
tool; and what a message may not say. Holds no check itself."""

import hashlib
import json
import re
from pathlib import Path

import pyarrow.dataset
from deltalake import DeltaTable

from checks.support.account import COLUMNS
from checks.support.lake_account import DETAIL_COLUMNS, PERSONAL

STATE = "apify-runs.lake"
LAKE_COLUMNS = [name for name, _ in COLUMNS if name not in PERSONAL] + DETAIL_COLUMNS
LAKE_COLUMNS += ["queried_at", "started_on", "started_month"]
EXPORT_COLUMNS = ["id", "act_id", "status", "started_at", "finished_at", "usage_total_usd", "cost_state"]
# Exit codes that a fault may end in; 1 is for what nobody thought of, 2 for what the user typed.
ENDS = {0, 3, 4, 5, 6, 7, 8, 143}
# What messages say when nothing has changed, or mean.
NOTHING_CHANGED = re.compile(
    r"nothing (of it )?was (written|committed|published|changed)|(is|are) as (it|they) (was|were)|cannot commit"
    r"|could not be committed|no run was (added|written)"
)
INTERNALS = re.compile(
    r"LogSegment|Kernel error|DeltaTable|ObjectStore|Generic \w+ error|\w+Error ?[({]|panicked|stack backtrace|Arrow error"
)


class Torn(Exception):
    """An archive that can't be read, or holds a run twice."""


def lake_table(folder, version=None):
    """The table, or None where there is none."""
    if not any(Path(folder, "_delta_log").glob("*.json")):
        return None
    try:
        return DeltaTable(str(folder), version=version)
    except Exception as error:  # whatever deltalake says of a table that is broken
        raise Torn(f"deltalake can't load the lake: {error}") from error


def lake_rows(folder, version=None, options=None):
    """ID to row, or None where there is no table."""
    table = DeltaTable(folder, storage_options=options) if options else lake_table(folder, version)
    if table is None:
        return None
    try:
        rows = table.to_pyarrow_table().select(LAKE_COLUMNS).to_pylist()
    except Exception as error:
        raise Torn(f"deltalake can't read the lake: {error}") from error
    return by_id(rows)


def by_id(rows):
    found = {row["id"]: row for row in rows}
    if len(found) < len(rows):
        ids = sorted(row["id"] for row in rows)
        twice = sorted({one for one, other in zip(ids, ids[1:]) if one == other})
        raise Torn(f"{len(rows) - len(found)} rows are there twice, such as {', '.join(twice[:3])}")
    return found


def lake_state(table):
    """What the lake knows of itself."""
    return json.loads(table.metadata().configuration[STATE])


def live_files(table):
    """The table's files, below its folder."""
    return sorted(uri.split("/started_month=")[-1] for uri in table.file_uris())


def export_rows(folder):
    """ID to row of an export's Parquet files."""
    manifest = json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))
    files = [str(Path(folder, file["path"])) for file in manifest["files"] if file["path"].endswith(".parquet")]
    try:
        rows = pyarrow.dataset.dataset(files).to_table(columns=EXPORT_COLUMNS).to_pylist()
    except Exception as error:
        raise Torn(f"pyarrow can't read the export: {error}") from error
    return by_id(rows)


def export_model(account, first_ms, end_ms):
    """What an export of a period must hold now."""
    names = account.names()
    lives = [life for life in account.there if first_ms <= life.started < end_ms]
    rows = [life.row(account.clock, names) for life in lives]
    return {row["id"]: {column: row[column] for column in EXPORT_COLUMNS} for row in rows}


def tree(folder):
    """Path to hash of all that is in a folder."""
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def difference(found, expected):
    """How two tables of rows differ, in words; None where they don't."""
    if found == expected:
        return None
    if found is None or expected is None:
        return f"found {'no table' if found is None else f'{len(found)} rows'}, expected {'none' if expected is None else len(expected)}"
    lacking, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    changed = [key for key in found.keys() & expected.keys() if found[key] != expected[key]]
    text = f"{len(lacking)} runs lack, {len(extra)} too many, {len(changed)} differ"
    some = sorted(lacking | extra) or sorted(changed)
    text += f"; such as {some[0]}"
    if changed:
        one, other = found[changed[0]], expected[changed[0]]
        text += f", {changed[0]}: " + str({key: (one[key], other[key]) for key in one if one[key] != other[key]})
    return text


def is_part(found, old, new):
    """Whether each row is as it was or as it should become: some commits of a sync that makes several were made."""
    old = old or {}
    if found is None or found.keys() - new.keys() - old.keys() or old.keys() - found.keys():
        return False
    return all(row in (old.get(key), new.get(key)) for key, row in found.items())


def bad_words(done, is_new):
    """What is wrong with a message, beside what happened."""
    found = []
    if done.code not in ENDS and done.code >= 0:
        found.append(f"exit code {done.code}")
    internals = INTERNALS.search(done.err)
    if internals:
        found.append(f"a library's internals in the message ({internals.group()})")
    nothing = NOTHING_CHANGED.search(done.err)
    if nothing and is_new:
        found.append(f"it says '{nothing.group()}', and it was")
    return found


# What must hold of a command that something went wrong in, whatever went wrong.


class Judge:
    """Of a scenario's attempt; runs the command again."""

    def __init__(self, tool):
        self.tool = tool

    def __call__(self, scenario, work, done):
        """(a) The archive is the old one or the new one; (b) exit code and message say which; (c) the same command again ends as
        one without a fault does; (d) what changed is told once over both."""
        problems, counts = [], {}
        state = None
        try:
            state = scenario.state(work)
            counts[state] = 1
        except Torn as torn:
            problems.append(f"torn: {torn}")
        if state in ("old", "part") and done.code == 0 and not scenario.in_parts:
            problems.append("exit 0, and it isn't done")
        if done.code == 124:
            problems.append("it doesn't end")
        problems += bad_words(done, state in ("new", "part"))
        again = self.tool.run(work, *scenario.command(work, "second"))
        if not scenario.healed(state, again):
            problems.append(f"the next one doesn't heal it: {again.told()}")
        else:
            found = self.finished(scenario, work)
            problems += [f"after the next one: {problem}" for problem in found]
            counts["healed"] = not found
        if scenario.tells and again.code == 0:
            self.told(scenario, work, counts, problems)
        return counts, problems

    def finished(self, scenario, work):
        """What is wrong at the end."""
        try:
            found = scenario.finished(work)
        except Torn as torn:
            return [f"torn: {torn}"]
        left = [str(path.relative_to(work)) for path in (work / "tmp").rglob("*") if path.is_file()]
        left = [path for path in left if not path.endswith(".lock")]
        return found + ([f"left in the temporary folder: {', '.join(left[:3])}"] if left else [])

    def told(self, scenario, work, counts, problems):
        """Each change once over both files; twice only counts."""
        told, expected = scenario.told(work), scenario.changes
        lost = expected.keys() - {run_id for run_id, _ in told}
        more = {run_id for run_id, _ in told} - expected.keys()
        twice = len(told) - len(set(told))
        if lost:
            problems.append(
                f"{len(lost)} of {len(expected)} changes were committed and told by neither, such as {sorted(lost)[0]}"
            )
        if more:
            problems.append(f"{len(more)} changes are told that weren't made, such as {sorted(more)[0]}")
        counts["told"] = not lost and not more
        counts["told_twice"] = twice > 0
