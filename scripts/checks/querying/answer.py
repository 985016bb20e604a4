"""The answers of one engine as JSON, in a process of its own, since engines disturb each other in one: `answer
ENGINE JOB RESULT`. Started by engines.py, which compares the answers. Ends all that the engine started, also when engines.py is killed."""

import json
import os
import sys
import time
import traceback
from pathlib import Path

from checks.querying import clusters, descendants, readers


def read(engine, job):
    """All answers of one engine, by source."""
    found = {}
    if engine.has_sql:
        engine.open_rules()
    for source in engine.sources:
        engine.open(source)
        figures = {
            name: sorted([list(map(readers.as_value, row)) for row in rows], key=lambda row: str(row[0]))
            for name, rows in engine.figures(source).items()
        }
        reports = {name: engine.report(statements) for name, statements in job["reports"].items()} if engine.has_sql else {}
        found[source] = {"figures": figures, "reports": reports}
    return found


def main():
    name, job_path, result_path = sys.argv[1:]
    descendants.adopt_orphans()
    descendants.end_with_stdin()
    job, start, code = json.loads(Path(job_path).read_text(encoding="utf-8")), time.monotonic(), 0
    result = {}
    try:
        engine = clusters.ENGINES[name](job)
        try:
            result = {"version": engine.version(), "sources": read(engine, job)}
        finally:
            engine.close()
        result |= {"how": engine.how, "workers": engine.workers, "seconds": time.monotonic() - start}
    except ImportError as error:
        result = {"missing": str(error)}
    except BaseException:  # a panic of Rust's is no Exception
        traceback.print_exc()
        result, code = {}, 1
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")
    descendants.end_descendants(os.getpid())
    # Ends also where an engine's threads don't.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
