"""The Python client `apify-client`, 2.x or 3.x, as scripts/check clients drives it: a plan as JSON on stdin, an answer a step as a line
of JSON on stdout. Knows nothing of what is right: that check judges."""

import json
import sys
from datetime import datetime

from apify_client import ApifyClient

NAMES = {"startedAfter": "started_after", "startedBefore": "started_before"}


def plain(value):
    """What the client gives, as JSON has it: 2.x has dicts and pages with attributes, 3.x models."""
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, mode="json", exclude_unset=True)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if hasattr(value, "items") and hasattr(value, "total"):
        return {name: plain(getattr(value, name)) for name in ("total", "offset", "limit", "count", "desc", "items")}
    return value


def collection(client, step):
    if step["what"] != "runs":
        return getattr(client, step["what"])()
    if "actor" in step:
        return client.actor(step["actor"]).runs()
    if "task" in step:
        return client.task(step["task"]).runs()
    return client.runs()


def options(step):
    """The step's options as keywords; instants as the client's own type, where the plan says so."""
    given = {NAMES.get(name, name): value for name, value in step.get("options", {}).items()}
    if step.get("native"):
        dates = {name: datetime.fromisoformat(given[name]) for name in NAMES.values() if name in given}
        given.update(dates)
    return given


def iterate(of, given):
    """All items: 3.x has an iterator for that, 2.x leaves paging to its user."""
    if hasattr(of, "iterate"):
        return list(of.iterate(**given))
    items, start, most = [], given.pop("offset", 0), given.pop("limit", None)
    while True:
        more = {} if most is None else {"limit": min(1000, most - len(items))}
        page = of.list(offset=start + len(items), **more, **given)
        items += page.items
        if not page.items or len(items) == most or start + len(items) >= page.total:
            return items


def take(client, step):
    if step["do"] == "list":
        return collection(client, step).list(**options(step))
    if step["do"] == "iterate":
        return iterate(collection(client, step), options(step))
    if step["what"] == "me":
        return client.user().get()
    if step["what"] == "limits":
        return client.user().limits()
    return getattr(client, step["what"])(step["id"]).get()


def main():
    plan = json.load(sys.stdin)
    client = ApifyClient(plan["token"], api_url=plan["url"])
    for step in plan["steps"]:
        try:
            answer = {"value": plain(take(client, step))}
        except Exception as error:  # whatever it is, the checks are to see it
            status, kind = getattr(error, "status_code", None), getattr(error, "type", None)
            answer = {"error": {"status": status, "type": kind, "message": f"{type(error).__name__}: {error}"}}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
