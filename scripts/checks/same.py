# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "two binaries with each other: every command, format and error, file by file"
# binary = false
# minutes = 10
#
# [tool.check.options]
# "OLD" = { help = "apify-runs, built with --features lake", type = "BINARY" }
# "NEW" = { help = "the one that must do the same", type = "BINARY" }
# "--only SCENARIO" = { help = "only this scenario of support/scenarios.py; may be repeated", action = "append" }
# "--all" = "show every difference, not the first of each command"
# "--keep DIR" = "keep both sides' folders below DIR"
# ///
"""Two binaries, old and new, side by side: every command, format and error over the made-up account and a stand-in of the API, and
every file, exit code and line of stdout and stderr the same. What differs between any two runs of one binary is made equal first
(BY_NATURE lists it with reasons); what a new binary changes on purpose stands in ON_PURPOSE below."""

import contextlib
import difflib
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from checks.support.account import NOW, server
from checks.support.environments import command_line, refuse
from checks.support.processes import child
from checks.support.scenarios import SCENARIOS

# A binary at work in a folder: each command's exit code, stdout and stderr, and every file that it made, changed or
# removed, with what differs between any two runs of one binary made equal.

TOKEN = "a-token-for-loopback"
SECONDS_AT_MOST = 120
# Files above this size are compared by their hash alone.
KEPT_BYTES = 8_000_000

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What no two runs of one binary have in common: which output, pattern, what stands there instead, and why. An output is
# `text` (stdout and stderr) or the end of a file's name.
BY_NATURE = [
    ("", rf"\b{UUID}\b", "UUID", "names of a lake's files and commits are drawn"),
    ("", r"\b20\d{6}T\d{6}Z-[0-9a-f]{8}\b", "JOB", "a job's ID is drawn"),
    ("text", r"\b127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:PORT", "a free port"),
    ("text", r"(the lake has no state at \S+ it began at) \S+", r"\1 INSTANT", "the clock of a table's log"),
    ("text", r"\bin \d+(\.\d+)? (ms|s|min|h)\b", "in TIME", "how long something took"),
    ("text", r"\bafter \d+(\.\d+)? (ms|s)\b", "after TIME", "how long something took"),
    ("text", r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", "INSTANT ", "the clock of a line of the log"),
    ("text", r'"(time|timestamp|at)":"20[^"]*"', r'"\1":"INSTANT"', "the clock of a line of the log"),
    ("text", r"\b(millis|seconds|elapsed|ms|wait|took)=[\d.]+(ms|s|µs)?", r"\1=TIME", "how long something took"),
    ("text", r'"(millis|seconds|elapsed_ms|ms|took)":[\d.]+', r'"\1":TIME', "how long something took"),
    ("text", r"\bbytes=\d+", "bytes=N", "sizes of answers that hold the server's clock"),
    ("outcome.json", r"\bin \d+\.\d s\b", "in TIME", "how long something took"),
    ("outcome.json", r'("started_at":)"[^"]*"', r'\1"INSTANT"', "when the job began"),
    ("outcome.json", r'("(?:total|asked|read|committed|published|tidied)":)[\d.]+', r"\1TIME", "how long something took"),
    (".prom", r"(last_(?:success|run)_timestamp_seconds\{.*\}) [\d.]+", r"\1 INSTANT", "when the job ended"),
    (".prom", r"(duration_seconds\{.*\}) [\d.]+", r"\1 TIME", "how long the job took"),
    (".prom", r"(received_bytes\{.*\}) \d+", r"\1 N", "sizes of answers that hold the server's clock"),
    ("", r'("requests": ?(?:\{\s*"total": ?)?)\d{4,}', r"\1N", "of thousands: which window is cut depends on what comes first"),
    (".prom", r"(runs_requests\{.*\}) \d{4,}", r"\1 N", "of thousands: which window is cut depends on what comes first"),
    ("", r'("rate_limited": ?\d+,\s*"bytes": ?)\d+', r"\1N", "sizes of answers that hold the server's clock"),
    (".json", r'("(?:timestamp|createdTime|modificationTime|deletionTimestamp)":)\d+', r"\g<1>0", "a table's log"),
    (".json", r'(\\"(?:timestamp|createdTime|modificationTime)\\":)\d+', r"\g<1>0", "a table's log"),
    ("_last_checkpoint", r'("(?:sizeInBytes|size)":)\d+', r"\1N", "a checkpoint holds UUIDs and instants, compressed"),
]
COMPILED = [(where, re.compile(pattern.encode()), new.encode()) for where, pattern, new, _ in BY_NATURE]
# Files whose content holds the above in a form that can't be masked; what they say stands in the log's JSON files too.
OPAQUE = re.compile(r"_delta_log/.*\.checkpoint(\..*)?\.parquet$")
BINARY = (".parquet", ".xlsx", ".gz", ".zst")


def equalised(where, data):
    """Bytes without what differs by nature; `where` is `text` or a file's path."""
    for end, pattern, new in COMPILED:
        if where.endswith(end):
            data = pattern.sub(new, data)
    return data


def log_in_order(data):
    """A commit of a table's log with members and lines in order: the table's library writes maps in any, also in JSON in JSON."""

    def ordered(value):
        if isinstance(value, str) and value[:1] == "{":
            with contextlib.suppress(ValueError):
                return ordered(json.loads(value))
        if isinstance(value, dict):
            return {key: ordered(value[key]) for key in sorted(value)}
        return [ordered(item) for item in value] if isinstance(value, list) else value

    try:
        text = data.decode().splitlines()
        return "\n".join(sorted(json.dumps(ordered(json.loads(line))) for line in text)).encode()
    except ValueError:
        return data


@dataclass
class Recorded:
    """What one command left: its name, outputs by name, and the number of lines of stdout and stderr."""

    name: str
    outputs: dict = field(default_factory=dict)
    lines: int = 0
    files: int = 0


class Side:
    """Runs a scenario's commands with one binary; paths and ports are the same for both binaries, one after the other."""

    def __init__(self, binary, scratch, shared, made_up):
        self.binary, self.work, self.home = Path(binary), scratch / "work", scratch / "work"
        # What outlives a side, so that ports stay the same; the URL of a made-up account of 3,000 runs.
        self.shared, self.made_up = shared, made_up
        self.now, self.recorded, self.seen = NOW, [], {}
        # The API where none is named: nothing leaves this machine.
        self.api_url = "http://127.0.0.1:9"
        self.work.mkdir(parents=True)

    def environment(self, token, more):
        found = {"HOME": str(self.home), "TMPDIR": str(self.home), "NO_COLOR": "1", "APIFY_RUNS_NOW": self.now}
        found["APIFY_API_BASE_URL"] = self.api_url
        if token is not None:
            found["APIFY_TOKEN"] = token
        return found | (more or {})

    def start(self, *arguments, token=TOKEN, environment=None):
        """A command, not awaited. It is called apify-runs, whatever its file is."""
        return child(
            ["apify-runs", *map(str, arguments)],
            executable=self.binary,
            cwd=self.work,
            env=self.environment(token, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self, process, *arguments, unordered=False):
        """Awaits a command and records it; `unordered` is for lines that several accounts or requests write at once."""
        try:
            out, err = process.communicate(timeout=SECONDS_AT_MOST)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b"\n(killed: it did not end)"
        return self.record(arguments, process.returncode, out, err, unordered)

    def run(self, *arguments, token=TOKEN, environment=None, unordered=False):
        """A command to its end, recorded; its exit code."""
        process = self.start(*arguments, token=token, environment=environment)
        return self.end(process, *arguments, unordered=unordered)

    def record(self, arguments, code, out, err, unordered=False, more=None):
        entry = Recorded(" ".join(map(str, arguments)))
        entry.lines = out.count(b"\n") + err.count(b"\n")
        entry.outputs["exit code"] = str(code).encode()
        for name, data in (("stdout", out), ("stderr", err)):
            data = equalised("text", data)
            entry.outputs[name] = b"\n".join(sorted(data.split(b"\n"))) if unordered else data
        entry.outputs |= more or {}
        files = self.changed_files()
        entry.files = len(files)
        entry.outputs |= files
        self.recorded.append(entry)
        return code

    def changed_files(self):
        """Files that are new, changed or gone since the last command: name to content, drawn names numbered."""
        now, found, names = {}, {}, {}
        for path in self.work.rglob("*"):
            status = path.lstat()
            if path.is_symlink():
                now[path] = os.readlink(path)
            elif path.is_file():
                now[path] = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
            else:
                now[path] = status.st_mode
        for path in sorted(now.keys() - self.seen.keys() | {path for path in now if self.seen.get(path) != now[path]}):
            name = equalised("", str(path.relative_to(self.work)).encode()).decode()
            names.setdefault(name, []).append(self.content(path))
        for path in self.seen.keys() - now.keys():
            name = equalised("", str(path.relative_to(self.work)).encode()).decode()
            names.setdefault(f"{name} (removed)", []).append(b"")
        for name, contents in names.items():
            # Of files whose names were drawn, in the order of what is in them.
            for number, content in enumerate(sorted(contents)):
                found[name if len(contents) == 1 else f"{name} #{number + 1}"] = content
        self.seen = now
        return found

    def content(self, path):
        """Mode and content, as they are compared."""
        mode = f"mode {path.lstat().st_mode & 0o7777:o}\n".encode()
        if path.is_symlink() or not path.is_file():
            return mode
        if OPAQUE.search(str(path)):
            return mode
        try:
            data = path.read_bytes()
        except OSError as error:
            return mode + f"cannot be read: {error.strerror}".encode()
        if path.suffix == ".xlsx":
            # One that a scenario has damaged is compared as it is.
            with contextlib.suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(io.BytesIO(data)) as parts:
                data = b"".join(f"\n--- {part}\n".encode() + parts.read(part) for part in parts.namelist())
        elif path.suffix not in BINARY:
            data = equalised(str(path), data)
            if "_delta_log" in path.parts:
                data = log_in_order(data)
        if len(data) > KEPT_BYTES:
            return mode + f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}".encode()
        return mode + data

    # What happens between commands.

    def path(self, name):
        return self.work / name

    def write(self, name, content, mode=None):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if mode is not None:
            path.chmod(mode)

    def copy(self, source, target):
        shutil.copytree(self.path(source), self.path(target), symlinks=True)

    def edit(self, name, change):
        """Changes a file's bytes by a function."""
        path = self.path(name)
        path.write_bytes(change(path.read_bytes()))

    def glob(self, pattern):
        """Paths below the folder, in the order of their drawn names made equal, then of their content."""
        key = lambda path: (equalised("", str(path).encode()), path.read_bytes() if path.is_file() else b"")
        return sorted(self.work.glob(pattern), key=key)

    def serve(self, arguments, requests, token=TOKEN, environment=None):
        """Starts a server, asks it for all of `requests`, (method, target, headers, body), and ends it."""
        process = self.start("serve", *arguments, token=token, environment=environment)
        late = threading.Timer(SECONDS_AT_MOST, process.kill)
        late.start()
        first, answers = process.stdout.readline(), {}
        url = re.match(rb"http://([\d.]+):(\d+)", first)
        if url:
            host, port = url.group(1).decode(), int(url.group(2))
            for method, target, headers, body in requests:
                answers[f"{method} {target}"] = self.asked(host, port, method, target, headers, body)
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
        late.cancel()
        out = re.sub(rb":\d+", b":PORT", first) + out
        err = re.sub(rb"127\.0\.0\.1:\d+", b"127.0.0.1:PORT", err)
        return self.record(("serve", *arguments), process.returncode, out, err, more=answers)

    @staticmethod
    def asked(host, port, method, target, headers, body):
        """An answer as bytes: status, headers in order, body."""
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS_AT_MOST)
        try:
            connection.request(method, target, body=body, headers=headers or {"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            found = answer.read()
            # The time of the answer; every other header counts.
            told = [f"{name}: {value if name.lower() != 'date' else 'INSTANT'}" for name, value in answer.getheaders()]
            head = "\n".join([str(answer.status), answer.reason, *told])
            return head.replace(f":{port}", ":PORT").encode() + b"\n\n" + found.replace(f":{port}".encode(), b":PORT")
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}".encode()
        finally:
            connection.close()


# The comparison

# What may differ: commands, outputs (`stdout`, `stderr`, `exit code` or a file's name), a pattern of what is taken out of both
# sides before they are compared, and the reason. All are regular expressions.
CAVEATS = "caveats have codes: documents say them beside the sentences, and hashes and sizes of these documents follow"
ON_PURPOSE = [
    ("", r"\.json|stdout", r'(?s)\n( *)"caveat_details": \[(?:\]|.*?\n\1\]),?', CAVEATS),
    ("", r"\.json|stdout", r'"caveat_details":\[.*?\],(?="requests")', CAVEATS),
    ("", r"manifest\.json", r'"path": "report\.(?:json|html|xlsx)",\s*"sha256": "[0-9a-f]{64}",\s*"bytes": \d+', CAVEATS),
    ("", r"report\.html|stdout", r"<tr><th scope=\"row\"><code>report\.(?:json|xlsx|html)</code>.*?</tr>", CAVEATS),
    ("", r"\.xlsx", r"<t[^>]*>[\d,]+ bytes, SHA-256 [0-9a-f]{64}</t>", CAVEATS),
    ("", r"_delta_log|head\.json", r'manifest_sha256[\\"]*: ?[\\"]*[0-9a-f]{64}', CAVEATS),
    ("", r"focus\.parquet", "(?s).+", "one writer for all columns: pages are cut elsewhere; scripts/check focus compares schema and values"),
    ("", r"outcome\.json", r'"path":"report\.(?:json|html|xlsx)","bytes":\d+', CAVEATS),
    ("", "stderr", r"report\.(?:json|html|xlsx): \d+ bytes, the manifest says \d+", CAVEATS),
    ("", "stderr", r"at line \d+ column \d+", CAVEATS),
    ("", "stderr", r"(?<=not a manifest of apify-runs: )[a-z_.]+: ", "a manifest that cannot be read is refused by its field"),
    ("^lake close", "stdout", r"SHA-256\s+[0-9a-f]{64}", CAVEATS),
]
MOST_SHOWN = 12


def allowed(command, name, data):
    """An output without what may differ."""
    for commands, outputs, pattern, _ in ON_PURPOSE:
        if re.search(commands, command) and re.search(outputs, name):
            data = re.sub(pattern.encode(), b"", data)
    return data


def shown(one, other):
    """The first lines in which two outputs differ, or the first byte."""
    try:
        lines = [data.decode().splitlines() for data in (one, other)]
    except UnicodeDecodeError:
        at = next((at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1]), min(len(one), len(other)))
        return [f"    {len(one)} and {len(other)} bytes, the first to differ is number {at}"]
    found = [line for line in difflib.unified_diff(*lines, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    # Of long lines, from shortly before where they part.
    begins = len(os.path.commonprefix([line[1:] for line in found[:2]])) if len(found) == 2 else 0
    begins = max(0, begins - 80)
    cut = [line[0] + ("…" if begins else "") + line[1 + begins :][:300] for line in found[:MOST_SHOWN] if line]
    return [f"    {line}" for line in cut] + ([f"    … {len(found) - MOST_SHOWN} lines more"] if len(found) > MOST_SHOWN else [])


def compared(name, old, new, is_all):
    """What differs between two sides' records, as lines."""
    found = []
    if [entry.name for entry in old] != [entry.name for entry in new]:
        found.append(f"{name}: other commands were run: {len(old)} and {len(new)}")
    for number, (one, other) in enumerate(zip(old, new)):
        differing = []
        for output in sorted(one.outputs.keys() | other.outputs.keys()):
            datas = [side.outputs.get(output) for side in (one, other)]
            if None in datas:
                differing.append((output, [f"    only the {'new' if datas[0] is None else 'old'} one has it"]))
                continue
            before, after = (allowed(one.name, output, data) for data in datas)
            if before != after:
                differing.append((output, shown(before, after)))
        if differing:
            found.append(f"{name}, command {number + 1}: apify-runs {one.name}")
        for output, lines in differing if is_all else differing[:3]:
            found += [f"  {output} differs", *lines]
        if not is_all and len(differing) > 3:
            found.append(f"  and {len(differing) - 3} outputs more: {', '.join(output for output, _ in differing[3:])[:300]}")
    return found


def played(scenario, asked, scratch, url):
    """A scenario with both binaries, one after the other at the same path: what differs, and counts of commands, files, lines."""
    sides, shared, name = [], {"ends": contextlib.ExitStack()}, scenario.__name__
    folder = scratch / name
    with shared["ends"]:
        for label, binary in (("old", asked.old), ("new", asked.new)):
            side = Side(Path(binary).resolve(), folder, shared, url)
            started = time.monotonic()
            scenario(side)
            print(f"{name:18} {label} {len(side.recorded):4} commands {time.monotonic() - started:6.1f} s", file=sys.stderr)
            sides.append(side.recorded)
            if asked.keep:
                shutil.copytree(side.work, Path(asked.keep) / name / label, symlinks=True)
            shutil.rmtree(side.work)
    counts = [len(sides[0]), sum(entry.files for entry in sides[0]), sum(entry.lines for entry in sides[0])]
    return compared(name, *sides, asked.all), counts


def main():
    asked = command_line(__file__)
    names = [scenario.__name__ for scenario in SCENARIOS]
    if unknown := [name for name in asked.only or [] if name not in names]:
        refuse(__file__, f"there is no scenario {unknown[0]!r}; there are: {', '.join(names)}")
    wanted = [scenario for scenario in SCENARIOS if not asked.only or scenario.__name__ in asked.only]
    lock, totals, differences = threading.Lock(), [0, 0, 0], 0
    # The account that is asked is the old binary's for both; each serves its own with --demo.
    served = server(Path(asked.old).resolve(), "--runs", 3000, "--actors", 60)
    scratch = Path(tempfile.mkdtemp(prefix="apify-runs-same-"))
    try:
        with served as url, ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:

            def play(scenario):
                nonlocal differences
                try:
                    found, counts = played(scenario, asked, scratch, url)
                except Exception as error:  # what one scenario can't do doesn't keep the others from theirs
                    found, counts = [f"{scenario.__name__}: {type(error).__name__}: {error}"], [0, 0, 0]
                    if asked.all:
                        raise
                with lock:
                    for at, count in enumerate(counts):
                        totals[at] += count
                    differences += sum(not line.startswith(" ") for line in found)
                    print("\n".join(found), end="\n" if found else "", flush=True)

            list(pool.map(play, wanted))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    commands, files, lines = (f"{count:,}" for count in totals)
    verdict = "no difference" if not differences else f"{differences:,} differ"
    print(f"{commands} commands, {files} files, {lines} lines compared: {verdict}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
