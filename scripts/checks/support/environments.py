"""What a check says of itself in its PEP 723 block, its command line, and the packages that it needs: Python's, npm's, and programs in Rust
and C. They are kept below target/checks/ and made once, under a lock: Python's as wheels, of which an environment is unpacked for as long as
a process uses it, since that takes seconds and a third of the space. Also the folder in which faults are tried. Holds no check itself."""

import argparse
import ast
import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from checks.support.processes import child

SCRIPTS = Path(__file__).resolve().parents[2]
ROOT = SCRIPTS.parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
KEPT = TARGET / "checks"
WHEELS, ENVIRONMENTS, PYCACHE = KEPT / "wheels", KEPT / "python", KEPT / "pycache"
# It unpacks wheels in seconds, for which pip needs minutes.
UV = "uv==0.13.9"
# How long wheels are kept that nobody needs.
SECONDS_UNUSED = 30 * 24 * 3600
# The locks of the environments that this process uses.
HELD = {}


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
    """Holds a folder's lock; yields whether it is to be made. What was made half is made anew, and what is there is not waited for."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (folder / "complete").exists():
        yield False
        return
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        yield True
        (folder / "complete").touch()


def run(*command, **more):
    """A command whose output goes to stderr; its failure ends the script in one line, and the script's end ends it and all that it started."""
    process = child(command, stdout=sys.stderr, start_new_session=True, **more)
    try:
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # What it started became a child of this process where that adopts orphans.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-process.pid, 0):
                pass
        raise
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}")


def python_with(*packages, requires=""):
    """The interpreter of an environment with these packages, which is there until this process ends or calls `let_go`; without packages, an
    interpreter that is there."""
    interpreter = interpreter_for(requires)
    if interpreter is None:
        sys.exit(f"missing: Python {requires}, in PATH or of pyenv")
    if not packages:
        return Path(interpreter)
    digest = hashlib.sha256("\n".join([os.path.realpath(interpreter), *packages]).encode()).hexdigest()[:8]
    folder = ENVIRONMENTS / f"{packages[0].split('==')[0].split('[')[0]}-{digest}"
    while folder not in HELD:
        with made(folder) as is_new:
            if is_new:
                unpack(wheels_of(interpreter, packages, f"{folder.name}.txt"), interpreter, folder)
        # Another process may remove it until it is held.
        lock = open(f"{folder}.lock", "a", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_SH)
        if (folder / "complete").exists():
            HELD[folder] = lock
    atexit.register(let_go)
    return folder / "bin" / "python"


def wheels_of(interpreter, packages, name):
    """The wheels of these packages and of all that they need. Each is kept once, and a list of this name says which they are."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    listed, new = WHEELS / name, WHEELS / "new"
    with open(WHEELS / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not listed.exists():
            print(f"downloading {', '.join(packages)}", file=sys.stderr, flush=True)
            shutil.rmtree(new, ignore_errors=True)
            (new / "tmp").mkdir(parents=True)
            pip = [tools() / "python", "-m", "pip", "--python", interpreter, "wheel", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
            try:
                run(*pip, "--find-links", WHEELS, "--wheel-dir", new, *packages, env={**os.environ, "TMPDIR": str(new / "tmp")})
                names = sorted(path.name for path in new.glob("*.whl"))
                for each in names:
                    (new / each).replace(WHEELS / each)
            finally:
                shutil.rmtree(new, ignore_errors=True)
            listed.write_text("\n".join(names), encoding="utf-8")
            remove_unlisted()
        listed.touch()
        return [WHEELS / each for each in listed.read_text(encoding="utf-8").split("\n")]


def remove_unlisted():
    """Removes lists that were not used for a month, and wheels that are on no list."""
    for path in WHEELS.glob("*.txt"):
        if time.time() - path.stat().st_mtime > SECONDS_UNUSED:
            path.unlink()
    names = {name for path in WHEELS.glob("*.txt") for name in path.read_text(encoding="utf-8").split("\n")}
    for path in WHEELS.glob("*.whl"):
        if path.name not in names:
            path.unlink()


def unpack(wheels, interpreter, folder):
    """Makes an environment of these wheels alone."""
    uv, cache = tools() / "uv", folder.with_name(f"{folder.name}.cache")
    environment = {**os.environ, "UV_CACHE_DIR": str(cache), "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1"}
    try:
        run(uv, "venv", "--quiet", "--no-project", "--python", interpreter, folder, env=environment)
        run(uv, "pip", "install", "--quiet", "--no-deps", "--python", folder / "bin" / "python", *wheels, env=environment)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def tools():
    """The folder of the programs pip and uv."""
    folder = KEPT / "uv"
    with made(folder) as is_new:
        if is_new:
            run(sys.executable, "-m", "venv", folder)
            run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-compile", UV)
    return folder / "bin"


def let_go():
    """From here on, this process uses no environment. Removes those that no process uses, also what killed ones have left."""
    while HELD:
        HELD.popitem()[1].close()
    for path in ENVIRONMENTS.glob("*.lock"):
        folder = path.with_suffix("")
        with open(path, "a", encoding="utf-8") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / "complete").unlink(missing_ok=True)
            for each in (folder, folder.with_name(f"{folder.name}.cache"), Path(f"{PYCACHE}{folder}")):
                shutil.rmtree(each, ignore_errors=True)


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


def program_of_cargo(name, version):
    """A program of crates.io, built once. What the compiler needs besides is not kept."""
    folder = KEPT / "cargo" / f"{name}-{version}"
    with made(folder) as is_new:
        if is_new:
            print(f"building {name} {version}", file=sys.stderr, flush=True)
            run("cargo", "install", "--quiet", "--locked", "--root", folder, "--version", version, name)
    return folder / "bin" / name


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


def c_program(name, source, *options):
    """A program or a library of this C source."""
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("scripts/check: a C compiler is needed, called cc (Debian: build-essential)")
    digest = hashlib.sha256(f"{source}{options}".encode()).hexdigest()[:8]
    folder = KEPT / "c" / f"{name}-{digest}"
    with made(folder) as is_new:
        if is_new:
            folder.mkdir()
            subprocess.run([compiler, "-O2", "-Wall", "-x", "c", "-", *options, "-o", folder / name], input=source, text=True, check=True)
    return folder / name


def build_tracer():
    """The tracer that lets system calls go wrong."""
    if os.uname().machine != "x86_64" or sys.platform != "linux":
        sys.exit("scripts/check: system calls are traced on Linux on x86-64 alone")
    return c_program("faults", Path(__file__).with_name("faults.c").read_text(encoding="utf-8"))


@contextlib.contextmanager
def scratch_folder():
    """A folder for all attempts, removed at the end; what a killed run left is removed by the next one."""
    parent = KEPT / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        with contextlib.suppress(OSError), open(left / "lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    folder = parent / str(os.getpid())
    folder.mkdir()
    try:
        with open(folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
