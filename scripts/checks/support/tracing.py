"""The tracer that lets system calls go wrong (faults.c), compiled, and a folder in which the tool is tried. Holds no check itself."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from checks.support.environments import KEPT


def build_tracer():
    """The tracer, compiled where it is older than its source."""
    source, built = Path(__file__).with_name("faults.c"), KEPT / "faults"
    if os.uname().machine != "x86_64" or sys.platform != "linux":
        sys.exit("scripts/check: system calls are traced on Linux on x86-64 alone")
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc")
        if compiler is None:
            sys.exit("scripts/check: a C compiler is needed, called cc (Debian: build-essential)")
        built.parent.mkdir(parents=True, exist_ok=True)
        aside = built.with_name(f"faults.{os.getpid()}")
        subprocess.run([compiler, "-O2", "-Wall", "-o", aside, source], check=True)
        aside.rename(built)
    return built


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
