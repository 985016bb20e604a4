"""What a check says of itself in its PEP 723 block, its command line, and the packages that it needs: Python's by uv, npm's, and Rust
programs. Everything is kept below target/checks/ and made once, under a lock. Holds no check itself."""

import argparse
import ast
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2]
ROOT = SCRIPTS.parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
KEPT = TARGET / "checks"
# uv makes environments from one cache by hard links: a package that several checks need takes its space once.
UV = "uv==0.13.9"
# pip's settings of package indexes, as uv calls them.
INDEX = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS", "cert": "SSL_CERT_FILE"}


class Facts:
    """What a check's file says of it: its docstring, its packages, and the table `tool.check`."""

    def __init__(self, path):
        text = Path(path).read_text(encoding="utf-8")
        self.name = Path(path).stem
        self.text = ast.get_docstring(ast.parse(text)) or ""
        block = re.search(r"(?m)^# /// script$\n((?:^#.*$\n)+?)^# ///$", text)
        if block is None:
            sys.exit(f"{path}: no PEP 723 block (# /// script)")
        script = tomllib.loads("".join(line[2:] or "\n" for line in block[1].splitlines(keepends=True)))
        self.packages, self.python = script.get("dependencies", []), script.get("requires-python", "")
        table = script.get("tool", {}).get("check")
        # Without the table, the check reads its command line itself.
        self.declares_options = table is not None
        table = table or {}
        # What of ours is compared with whose software; programs that it needs, or uses where they are there.
        self.compares = table.get("compares") or self.text.split(". ")[0].replace("\n", " ").rstrip(".")
        self.needs, self.uses = table.get("needs", []), table.get("uses", [])
        self.minutes, self.megabytes = table.get("minutes"), table.get("megabytes")
        # Whether it takes --binary, options that make do without it, and all its other options: their words, and argparse's settings or
        # a text.
        self.takes_binary = table.get("binary", self.declares_options or "--binary" in text)
        self.without_binary = ["-h", "--help", *table.get("without-binary", [])]
        self.options = table.get("options", {})


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def program(text):
    """The path of a program that is there."""
    path = Path(text).resolve()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"{text}: there is no program")
    return path


def existing(text):
    """A path that is there."""
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text}: there is no such file or folder")
    return Path(text).resolve()


TYPES = {"BINARY": program, "PATH": existing, "DIR": Path, "N": int}


def parser_of(facts):
    """The command line of a check."""
    needs = ", ".join(facts.needs + [f"{name} (used if it is there)" for name in facts.uses]) or "nothing but Python"
    packages = f"\nPackages: {', '.join(facts.packages)}." if facts.packages else ""
    parser = Parser(
        prog=f"scripts/check {facts.name}",
        description=facts.text,
        epilog=f"Needs: {needs}.{packages}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if facts.takes_binary:
        parser.add_argument("--binary", metavar="BINARY", type=program, help="apify-runs, built with --features lake [it is built]")
    for words, settings in facts.options.items():
        settings = {"help": settings} if isinstance(settings, str) else dict(settings)
        name, _, value = words.partition(" ")
        kind = settings.pop("type", value.split(" ")[0] or name)
        if name.startswith("-") and not value:
            settings["action"] = "store_true"
        elif "choices" not in settings:
            settings["type"] = TYPES.get(kind, str)
        if value:
            settings["metavar"] = value if " " not in value else tuple(value.split(" "))
            settings.update({"nargs": value.count(" ") + 1} if " " in value else {})
        parser.add_argument(name if name.startswith("-") else name.lower(), **({"metavar": name} if not name.startswith("-") else {}), **settings)
    return parser


def refuse(path, why):
    """Ends a check that was called wrongly."""
    print(f"scripts/check {Path(path).stem}: {why}", file=sys.stderr)
    sys.exit(2)


def command_line(path):
    """A check's options. From here on, a signal ends it by way of its `finally` blocks, so that it leaves nothing behind."""
    options = parser_of(Facts(path)).parse_args()
    end_by_signals()
    return options


def end_by_signals():
    """SIGTERM, SIGHUP and SIGINT end this process as an exception does; further ones while it cleans up are ignored."""

    def end(number, _):
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, end)


@contextlib.contextmanager
def made(folder):
    """Holds a folder's lock; yields whether it is to be made. What was made half is made anew."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        yield True
        (folder / "complete").touch()


def run(*command, **more):
    """A command whose output goes to stderr; its failure ends the script in one line."""
    done = subprocess.run(list(map(str, command)), check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}")


def uv():
    """The program uv and its environment: made from pip's own settings, since uv does not read them."""
    folder = KEPT / "uv"
    python = folder / "bin" / "python"
    with made(folder) as is_new:
        if is_new:
            run(sys.executable, "-m", "venv", folder)
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
    said = subprocess.run([python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True).stdout
    found = re.findall(r"^[^=]*\.([a-z-]+)='(.*)'$", said, re.MULTILINE)
    settings = {INDEX[name]: value for name, value in found if name in INDEX}
    return folder / "bin" / "uv", {**os.environ, "UV_CACHE_DIR": str(KEPT / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never", **settings}


def python_with(*packages, requires=""):
    """The interpreter of an environment with these packages; without any, one that is there."""
    interpreter = interpreter_for(requires)
    if interpreter is None:
        sys.exit(f"missing: Python {requires}, in PATH or of pyenv")
    if not packages:
        return Path(interpreter)
    digest = hashlib.sha256("\n".join([os.path.realpath(interpreter), *packages]).encode()).hexdigest()[:8]
    folder = KEPT / "python" / f"{packages[0].split('==')[0].split('[')[0]}-{digest}"
    with made(folder) as is_new:
        if is_new:
            program, environment = uv()
            print(f"installing {', '.join(packages)}", file=sys.stderr, flush=True)
            with open(KEPT / "install.lock", "w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                run(program, "venv", "--quiet", "--no-project", "--python", interpreter, folder, env=environment)
                run(program, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages, env=environment)
                # What a package was built of, 1.9 GB for pyspark, is not needed again: the environment is linked to what was built.
                for sources in (KEPT / "uv-cache").glob("sdists-*"):
                    shutil.rmtree(sources, ignore_errors=True)
    return folder / "bin" / "python"


def interpreter_for(requires):
    """A Python of the versions that a check asks for, such as `>=3.12,<3.13`: this one, one in PATH, one of pyenv's, or None."""
    bounds = [(sign, tuple(map(int, version.split(".")))) for sign, version in re.findall(r"(>=|<)\s*([\d.]+)", requires)]

    def fits(version):
        return all(version >= bound if sign == ">=" else version < bound for sign, bound in bounds)

    if fits(sys.version_info[:2]):
        return sys.executable
    names = [f"python3.{minor}" for minor in range(11, 20) if fits((3, minor))]
    found = [path for path in map(shutil.which, names) if path and is_python(path)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for name in names for path in sorted(pyenv.glob(f"{name.removeprefix('python')}.*/bin/{name}"))]
    return found[0] if found else None


def is_python(path):
    """Whether it runs: pyenv's shims are there for versions that are not in use."""
    return subprocess.run([path, "--version"], check=False, capture_output=True).returncode == 0


def npm_packages(*packages):
    """The folder whose node_modules has these packages of npm."""
    names = re.sub("[@/]", "-", ",".join(packages)).strip("-")
    folder = KEPT / "npm" / names
    with made(folder) as is_new:
        if is_new:
            folder.mkdir(parents=True)
            run("npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", folder, *packages)
    return folder


def rust_program(name, *options):
    """A program of clients/rust, the drivers of the Rust client. What the compiler needs besides is not kept."""
    manifest = SCRIPTS / "checks" / "clients" / "rust" / "Cargo.toml"
    sources = [manifest, manifest.with_name("Cargo.lock"), *manifest.parent.glob("*.rs"), *SCRIPTS.glob("bench/peers/*.rs")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr(options).encode()).hexdigest()[:8]
    folder = KEPT / "rust" / f"{name}-{digest}"
    with made(folder) as is_new:
        if is_new:
            print(f"building {name} of {manifest.parent}", file=sys.stderr, flush=True)
            build = folder / "build"
            run("cargo", "build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", build, "--bin", name, *options)
            shutil.copy(build / ("release" if "--release" in options else "debug") / name, folder / name)
            shutil.rmtree(build)
    return folder / name
