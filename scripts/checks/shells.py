# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "completions and manual pages with bash, zsh, fish, man and mandoc"
# needs = ["fish", "man", "mandoc", "zsh"]
# minutes = 1
# ///
"""Completions in bash, zsh and fish as their users get them, and manual pages by man, groff and mandoc. Each shell must offer
every command and every option of its --help, and values and files where the tool knows them; all of them are in a manual
page in which no formatter finds a fault. The scripts for Elvish and PowerShell are only made."""

import contextlib
import os
import pty
import re
import select
import subprocess
import tempfile
import time
from pathlib import Path

from checks.support.account import Checks, environment, must_run
from checks.support.environments import command_line

# Written out here, so that one which goes missing is noticed.
COMMANDS = ["export", "report", "verify", "reconcile", "diff", "check", "sync", "lake", "serve", "completions", "man", "config"]
UNDER = {"lake": ["close", "info", "optimize", "repair", "vacuum"], "config": ["show"]}
LEAVES = [name for name in COMMANDS if name not in UNDER] + [f"{name} {below}" for name, list_ in UNDER.items() for below in list_]
SHELLS = ["bash", "elvish", "fish", "powershell", "zsh"]
# What is typed, and all that must be offered. `help` of clap may be there besides.
EXACTLY = {
    "apify-runs exp": ["export"],
    "apify-runs lake ": UNDER["lake"],
    "apify-runs config ": UNDER["config"],
    "apify-runs completions ": SHELLS,
    "apify-runs export --details ": ["all", "missing", "none"],
    "apify-runs export --partition-by ": ["day"],
    "apify-runs sync --optimize ": ["auto", "never"],
    "apify-runs export --log-format ": ["json", "text"],
    "apify-runs export --last-m": ["--last-month"],
    "apify-runs export --status FA": ["FAILED"],
    "apify-runs export --status FAILED,ABORT": ["FAILED,ABORTED", "FAILED,ABORTING"],
    "apify-runs export --timezone Europe/Pra": ["Europe/Prague"],
    "apify-runs export --format ": ["csv", "parquet"],
    "apify-runs report secret.token --by a": ["actor"],
    "apify-runs report secret.token --by actor,st": ["actor,status"],
    "apify-runs report secret.token --only dear": ["dearest_runs"],
    "apify-runs export --token-file sec": ["secret.token"],
    "apify-runs export --config sec": ["secret.token"],
    "apify-runs verify sec": ["secret.token"],
}
# fish gets no values of what is positional from clap_complete 4.6; it offers files instead. Asserted, so that better is noticed.
FISH_HAS_FILES = ["apify-runs completions "]
# bash's own files come where the function has nothing; only a terminal shows them.
BASH_HAS_FILES = ["apify-runs verify sec"]
# Pages have no date, which nobody would keep: that of the version is CHANGELOG.md's. And clap_mangen 0.3 leaves empty lines around a
# list of values; nothing is shown otherwise than meant.
NO_COMPLAINT = re.compile(r'missing date, using "": TH|skipping paragraph macro: br (before|after) sp')
SECONDS = 30

BASH = """
source "$1"
cd "$2"
function=$(complete -p apify-runs | sed 's/.*-F \\([^ ]*\\).*/\\1/')
while IFS= read -r line; do
    read -ra COMP_WORDS <<< "$line"
    [[ $line == *' ' ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
    "$function" apify-runs "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "${COMPREPLY[@]}" .
done
"""

FISH = """
source $argv[1]
cd $argv[2]
while read --local line
    complete --do-complete "$line"
    echo .
end
"""

# What each key stroke offers goes into a file: `compadd` is what every completion of zsh ends in.
ZSHRC = """
unsetopt beep
PROMPT='> ' RPROMPT='' LISTMAX=100000
fpath=({functions} $fpath)
autoload -Uz compinit && compinit -u -D
compadd () {{
    if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
    local -a hits
    builtin compadd -O hits "$@"
    (( $#hits )) && print -rl -- $hits >> {offered}
    builtin compadd "$@"
}}
# Each function is called once, and then forgotten.
finished () {{ print . >> {offered}; comppostfuncs+=(finished) }}
comppostfuncs=(finished)
zstyle ':completion:*' menu no
bindkey '^I' list-choices
cd {folder}
print ready >> {offered}
"""


def options(binary, command, scratch):
    """The long options that a command's whole help has."""
    shown = must_run(binary, *command.split(), "--help-all", cwd=scratch).stdout
    return sorted(set(re.findall(r"^\s+(?:-\w, )?(--[a-z][a-z-]*)", shown, re.MULTILINE)))


def in_bash(script, lines, scratch):
    """What bash offers for each line: the words, by the script's own function."""
    return offered(["bash", "--norc", "-c", BASH, "bash", script, scratch], lines, scratch)


def in_fish(script, lines, scratch):
    """What fish offers for each line, without the descriptions."""
    return [[word.split("\t")[0] for word in words] for words in offered(["fish", "--no-config", "-c", FISH, script, scratch], lines, scratch)]


def offered(command, lines, scratch):
    """The words between the full stops, one list a line."""
    text = "".join(f"{line}\n" for line in lines)
    surroundings = {**environment(scratch), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(list(map(str, command)), input=text, env=surroundings, capture_output=True, text=True, timeout=SECONDS * 10)
    if done.returncode != 0 or done.stderr:
        print(f"{command[0]}: exit {done.returncode}, {done.stderr[:1000]}")
    answers, words = [], []
    for word in done.stdout.splitlines():
        if word == ".":
            answers.append(words)
            words = []
        elif word:
            words.append(word.strip())
    return answers


def in_zsh(script, lines, scratch):
    """What zsh offers for each line, in a terminal: the line is typed, then the tabulator."""
    offers, home = scratch / "offered", scratch / "zdotdir"
    functions = home / "functions"
    functions.mkdir(parents=True)
    (functions / "_apify-runs").write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    (home / ".zshrc").write_text(ZSHRC.format(functions=functions, offered=offers, folder=scratch))
    offers.touch()
    surroundings = {**environment(scratch), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "dumb", "ZDOTDIR": str(home)}
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-i"], surroundings)
    shown = b""

    def wait_for(last):
        """Until the file ends with that line; what the terminal shows is read meanwhile, or zsh would stop."""
        nonlocal shown
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.01)[0]:
                with contextlib.suppress(OSError):
                    shown += os.read(terminal, 65536)
            if offers.read_text(encoding="utf-8").endswith(f"{last}\n"):
                return True
        print(f"zsh: no answer; the terminal shows {shown[-1000:]!r}")
        return False

    answers = []
    try:
        if wait_for("ready"):
            for line in lines:
                offers.write_text("")
                os.write(terminal, line.encode() + b"\t")
                if not wait_for("."):
                    break
                answers.append([word for word in offers.read_text(encoding="utf-8").splitlines() if word not in (".", "")])
                # Takes the line away.
                os.write(terminal, b"\x15")
    finally:
        os.write(terminal, b"\x15exit\n")
        with contextlib.suppress(OSError):
            while os.read(terminal, 65536):
                pass
        os.close(terminal)
        os.waitpid(child, 0)
    return answers


def check_completions(checks, binary, scratch, helps):
    """Every line in every shell."""
    (scratch / "secret.token").touch()
    lines = [*EXACTLY, "apify-runs ", *(f"apify-runs {command} --" for command in helps)]
    for shell, offering in {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}.items():
        script = scratch / f"completions.{shell}"
        script.write_text(must_run(binary, "completions", shell, cwd=scratch).stdout, encoding="utf-8")
        answers = offering(script, lines, scratch)
        checks.equal(f"{shell} answers every line", len(answers), len(lines))
        found = {line: sorted(set(words)) for line, words in zip(lines, answers)}
        for line, expected in EXACTLY.items():
            words = [word for word in found.get(line, []) if word != "help" and not word.startswith("-") or word in expected]
            if shell == "zsh":
                # It hands on what comes after the last comma.
                expected = [word.rpartition(",")[2] for word in expected]
            if shell == "fish" and line in FISH_HAS_FILES:
                checks.that(f"fish: {line}<TAB> is files alone", "secret.token" in words and not set(expected) & set(words), words)
                continue
            if shell == "bash" and line in BASH_HAS_FILES:
                checks.equal(f"bash: {line}<TAB> is left to bash", words, [])
                continue
            checks.equal(f"{shell}: {line}<TAB>", words, expected)
        words = [word for word in found.get("apify-runs ", []) if word != "help" and not word.startswith("-")]
        checks.equal(f"{shell}: apify-runs <TAB> is every command", words, sorted(COMMANDS))
        for command, expected in helps.items():
            lacking = sorted(set(expected) - set(found.get(f"apify-runs {command} --", [])))
            checks.equal(f"{shell}: every option of {command} ({len(expected)})", lacking, [])
    for shell in ("elvish", "powershell"):
        script = must_run(binary, "completions", shell, cwd=scratch).stdout
        checks.that(f"{shell}'s script has every command", all(name in script for name in COMMANDS), script[:200])


def check_typed(checks, scratch):
    """What somebody sees who presses the tabulator in bash."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(scratch)
        surroundings = {**environment(scratch), "PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb"}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], surroundings)
    shown = b""

    def typed(text, expected):
        """Types it, and waits until the terminal shows what is expected, or too long."""
        nonlocal shown
        os.write(terminal, text)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and expected not in shown:
            if select.select([terminal], [], [], 0.05)[0]:
                shown += os.read(terminal, 65536)
        return expected in shown

    try:
        # Quoted so that what is typed isn't what is awaited.
        checks.that("bash takes the script", typed(b"source completions.bash; echo rea''dy\n", b"ready"), shown)
        option = typed(b"apify-runs exp\t--last-m\t", b"apify-runs export --last-month")
        checks.that("bash: exp<TAB>--last-m<TAB> is typed to its end", option, shown)
        file = typed(b"\x15apify-runs verify sec\t", b"apify-runs verify secret.token")
        checks.that("bash: verify sec<TAB> is the file", file, shown)
    finally:
        os.write(terminal, b"\x15exit\n")
        with contextlib.suppress(OSError):
            while os.read(terminal, 65536):
                pass
        os.close(terminal)
        os.waitpid(child, 0)


def formatted(command, page=None):
    """A page through a formatter: what it shows, what it complains of, and its exit code."""
    surroundings = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(command, input=page, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
    return re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout), done.stderr, done.returncode


def check_pages(checks, binary, scratch, helps):
    """All pages, one by one."""
    pages = scratch / "man1"
    must_run(binary, "man", "--out", pages, cwd=scratch)
    made = sorted(path.name for path in pages.iterdir())
    groups = [f"apify-runs-{name}.1" for name in UNDER]
    expected = sorted(["apify-runs.1", *groups, *(f"apify-runs-{leaf.replace(' ', '-')}.1" for leaf in LEAVES)])
    checks.equal("a page for each command", made, expected)
    for name in made:
        page = pages / name
        shown, complaints, code = formatted(["man", "--warnings", "--encoding=UTF-8", "--local-file", str(page)])
        checks.that(f"man {name}", code == 0 and not complaints, complaints)
        sections = re.findall(r"^([A-Z][A-Z ]+)$", shown, re.MULTILINE)
        lacking = [section for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "RUNNING") if section not in sections]
        checks.equal("its sections, of which RUNNING is every command's options", lacking, [])
        checks.that("its name's line", re.search(r"^NAME\n\s+apify-runs\S*\s+[-–—]\s+\S", shown, re.MULTILINE), shown[:300])
        _, complaints, code = formatted(["groff", "-ww", "-man", "-Tutf8", "-Kutf8", "-z", str(page)])
        checks.that(f"groff -ww {name}", code == 0 and not complaints, complaints)
        lint, complaints, _ = formatted(["mandoc", "-T", "lint", "-W", "warning", str(page)])
        serious = [line for line in (lint + complaints).splitlines() if not NO_COMPLAINT.search(line)]
        checks.equal(f"mandoc -T lint {name}", serious, [])
    for leaf in LEAVES:
        shown, _, _ = formatted(["man", "--local-file", str(pages / f"apify-runs-{leaf.replace(' ', '-')}.1")])
        lacking = [option for option in helps[leaf] if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown.replace("‐", "-").replace("−", "-"))]
        checks.equal(f"every option of {leaf} in its page ({len(helps[leaf])})", lacking, [])
    top = must_run(binary, "man", cwd=scratch).stdout
    checks.equal("`man` alone is the first page", top, (pages / "apify-runs.1").read_text(encoding="utf-8"))
    shown, complaints, code = formatted(["man", "--warnings", "--local-file", "-"], top)
    checks.that("apify-runs man | man -l -", code == 0 and not complaints, complaints)
    lacking = [name for name in COMMANDS if not re.search(rf"\b{name}\b", shown)]
    checks.equal("it names every command", lacking, [])
    one = must_run(binary, "man", "export", cwd=scratch).stdout
    checks.equal("`man export` is that page", one, (pages / "apify-runs-export.1").read_text(encoding="utf-8"))
    lint, complaints, _ = formatted(["mandoc", "-T", "lint", "-W", "warning"], "no page\n.SH\n.TH\n")
    checks.that("mandoc complains of what is no page", "WARNING" in lint + complaints, lint + complaints)


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-shells-") as folder:
        scratch = Path(folder).resolve()
        helps = {leaf: options(binary, leaf, scratch) for leaf in LEAVES}
        checks.that("help has options to look for", all("--help" in found for found in helps.values()) and len(helps["export"]) > 20, helps)
        check_completions(checks, binary, scratch, helps)
        check_typed(checks, scratch)
        check_pages(checks, binary, scratch, helps)
    checks.close()


if __name__ == "__main__":
    main()
