# /// script
# requires-python = ">=3.11"
# dependencies = []
#
# [tool.check]
# compares = "every cost, meter and sum of exports, and a reconciliation, with Python's decimals"
# minutes = 1
# ///
"""Compares every dollar with Python's decimal: an export with all details, and a reconciliation, of a made-up account that is
read here request by request. Each cost is rounded half-even at 18 places first, then added. Needs nothing but Python;
shares no code with the tool."""

import csv
import json
import tempfile
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from checks.support.account import (
    EXACT,
    METERS,
    Account,
    Checks,
    exact_sum,
    last_instant,
    must_run,
    needs_detail,
    plain,
    read_json,
    rounded,
    server,
)
from checks.support.environments import command_line

RUNS = 6000
ENDED = ("SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED")
DOLLAR = Decimal(1)


def column(meter):
    return f"usage_usd_{meter.lower()}"


def check_export(checks, binary, url, account, scratch):
    """With all details: each run's cost, meters and counts are what its detail says; so are the sums."""
    out = scratch / "all"
    arguments = ["export", "--from", "2025-09-01", "--to", "2025-10-01", "--api-url", url, "--rate", "0", "--out", out]
    must_run(binary, *arguments, "--details", "all", "--detail-rate", "0", "--quiet", cwd=scratch)
    manifest = read_json(out / "manifest.json")
    period = manifest["period"]
    details = {item["id"]: account.detail(item) for item in account.runs(period["from"], last_instant(period))}
    with open(out / "runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    checks.equal("all: as many runs as are served", len(rows), len(details))
    wrong = []
    for row in rows:
        detail = details[row["id"]]
        meters, stats = detail.get("usageUsd") or {}, detail.get("stats") or {}
        expected = {"usage_total_usd": rounded(detail.get("usageTotalUsd")), "compute_units": rounded(stats.get("computeUnits"))}
        expected |= {column(meter): rounded(meters.get(meter)) for meter in METERS}
        expected |= {name: stats.get(key) for name, key in [("duration_millis", "durationMillis"), ("resurrect_count", "resurrectCount")]}
        wrong += [(row["id"], name, row[name], value) for name, value in expected.items() if row[name] != (plain(value) or "")]
    checks.that("all: costs, meters and counts of every run are its detail's, NULL never 0", not wrong, wrong[:2])
    costs = [rounded(detail.get("usageTotalUsd")) for detail in details.values()]
    checks.equal("all: the total is Python's exact sum", manifest["totals"]["usage_total_usd"], plain(exact_sum(costs)))
    checks.equal("all: as many costs are unknown", manifest["totals"]["runs_cost_unknown"], costs.count(None))
    disagree = 0
    for detail, cost in zip(details.values(), costs):
        known = [rounded(value) for value in (detail.get("usageUsd") or {}).values() if value is not None]
        disagree += bool(known) and cost is not None and abs(exact_sum(known) - cost) > Decimal("1e-9")
    checks.that("all: some meters disagree with their total", disagree > 0)
    checks.equal("all: as many as the manifest counts", manifest["details"]["meters_disagree"], disagree)
    check_unit_costs(checks, out, details)
    return details


def quotient(dividend, divisor):
    """A quotient as reports have it: 6 places, half-even; nothing where there is nothing to divide by."""
    if divisor == 0:
        return ""
    places = EXACT.divide(dividend, divisor).quantize(Decimal("1e-6"), rounding=ROUND_HALF_EVEN, context=EXACT)
    return format(places, "f").replace("-0.000000", "0.000000")


def check_unit_costs(checks, out, details):
    """What Actors used and charged, and what that costs a unit."""
    with open(out / "unit_costs.csv", encoding="utf-8", newline="") as file:
        rows = {(row["act_id"], row["event"]): row for row in csv.DictReader(file)}
    actors = {}
    for detail in details.values():
        actors.setdefault(detail["actId"], []).append(detail)
    wrong, events = [], 0
    for act_id, runs in actors.items():
        stats = [(run, run.get("stats") or {}) for run in runs]
        is_known = lambda run, stats: None not in (run.get("usageTotalUsd"), stats.get("computeUnits"), stats.get("durationMillis"))
        counted = [run for run, of_run in stats if is_known(run, of_run)]
        expected = {"runs": str(len(counted)), "runs_left_out": str(len(runs) - len(counted))}
        usage = exact_sum(rounded(run["usageTotalUsd"]) for run in counted)
        expected["usage_total_usd"] = plain(usage) or ""
        units = exact_sum(rounded(run["stats"]["computeUnits"]) for run in counted) or Decimal(0)
        millis = sum(int(run["stats"]["durationMillis"]) for run in counted)
        expected["compute_units"] = plain(units)
        expected["usd_per_compute_unit"] = quotient(usage or Decimal(0), units)
        expected["usd_per_hour"] = quotient((usage or Decimal(0)) * 3_600_000, millis)
        charging = [run for run in counted if any((run.get("chargedEventCounts") or {}).values())]
        count = sum(int(count) for run in charging for count in run["chargedEventCounts"].values())
        meters = [rounded(usd) for run in charging for usd in (run.get("usageUsd") or {}).values()]
        paid = exact_sum(rounded(run["usageTotalUsd"]) for run in charging)
        paid = None if paid is None else EXACT.subtract(paid, exact_sum(meters) or Decimal(0))
        expected |= {"events": str(count), "events_usd": plain(paid) or ""}
        expected["usd_per_1000_events"] = quotient((paid or Decimal(0)) * 1000, count)
        found = rows.pop((act_id, ""))
        wrong += [(act_id, name, found[name], value) for name, value in expected.items() if found[name] != value]
        for name in {name for run in charging for name, count in run["chargedEventCounts"].items() if count}:
            found, events = rows.pop((act_id, name)), events + 1
            count = sum(int(run["chargedEventCounts"].get(name, 0)) for run in charging)
            wrong += [(act_id, name, found["events"], count)] * (found["events"] != str(count))
    checks.that("units: what each Actor used, charged and cost a unit is Python's", not wrong, wrong[:2])
    left = [key for key, row in rows.items() if row["events"] != "0" or not key[1]]
    checks.that("units: there are events, and no other rows", events > 0 and not left, (events, left[:2]))


def check_missing(checks, binary, url, account, details, scratch):
    """By default: details of exactly the runs that need them, and the same sum."""
    out = scratch / "missing"
    arguments = ["export", "--from", "2025-09-01", "--to", "2025-10-01", "--api-url", url, "--rate", "0", "--out", out]
    must_run(binary, *arguments, "--quiet", cwd=scratch)
    manifest = read_json(out / "manifest.json")
    queried_at = datetime.fromisoformat(manifest["queried_at"].replace("Z", "+00:00"))
    period = manifest["period"]
    items = list(account.runs(period["from"], last_instant(period)))
    needed = [item for item in items if needs_detail(item, queried_at)]
    checks.that("missing: some runs need a detail, most don't", 0 < len(needed) < len(items) / 2, len(needed))
    checks.equal("missing: as many details are asked for", manifest["details"]["asked"], len(needed))
    asked = {item["id"] for item in needed}
    costs = [rounded((details[item["id"]] if item["id"] in asked else item).get("usageTotalUsd")) for item in items]
    checks.equal("missing: the total is Python's exact sum", manifest["totals"]["usage_total_usd"], plain(exact_sum(costs)))
    actors = {}
    for item, cost in zip(items, costs):
        actors.setdefault(item["actId"], []).append(cost)
    expected = {act_id: plain(exact_sum(costs)) for act_id, costs in actors.items()}
    found = {row["act_id"]: row["usage_total_usd"] for row in read_json(out / "report.json")["cost_by_actor"]}
    checks.equal("missing: so are the sums by Actor", found, expected)
    check_list(checks, manifest["details"]["checked"], list(zip(items, costs)), queried_at)


def check_list(checks, counts, runs, queried_at):
    """The dearest settled runs, and one of each of the dearest Actors, are compared; the account's list and details agree."""
    until = queried_at - timedelta(minutes=10)
    ended = [(item, cost) for item, cost in runs if item["status"] in ENDED and item.get("usageTotalUsd") is not None]
    settled = [(item, cost) for item, cost in ended if datetime.fromisoformat(item["finishedAt"].replace("Z", "+00:00")) <= until]
    settled.sort(key=lambda run: (-run[1], run[0]["startedAt"], run[0]["id"]))
    sums = {}
    for item, cost in runs:
        sums.setdefault(item["actId"], []).append(cost)
    sums = {act_id: exact_sum(costs) for act_id, costs in sums.items()}
    actors = sorted((act_id for act_id in sums if sums[act_id] is not None), key=lambda act_id: (-sums[act_id], act_id))[:20]
    of_actors = [next((run for run in settled if run[0]["actId"] == act_id), None) for act_id in actors]
    chosen = {item["id"]: cost for item, cost in settled[:20] + [run for run in of_actors if run]}
    checks.that("missing: the list is compared with details of 20 to 40 runs", 20 <= len(chosen) <= 40, len(chosen))
    expected = {"asked": len(chosen), "compared": len(chosen), "differing": 0, "usage_compared_usd": plain(exact_sum(chosen.values()))}
    checks.equal("missing: the dearest are compared, and agree", {name: counts[name] for name in expected}, expected)


def check_reconcile(checks, binary, url, account, scratch):
    """The reconciliation's sides are the cycle's runs, its builds and its usage, as they are served, and its table adds up."""
    arguments = ["reconcile", "--cycle", "2025-09-15", "--api-url", url, "--rate", "0", "--detail-rate", "0"]
    done = must_run(binary, *arguments, "--details", "all", "--json", cwd=scratch)
    found = json.loads(done.stdout)
    usage = account.get("/v2/users/me/usage/monthly", date="2025-09-15")
    items = list(account.runs(usage["usageCycle"]["startAt"], usage["usageCycle"]["endAt"]))
    details = [account.detail(item) for item in items]
    runs = exact_sum(rounded(detail.get("usageTotalUsd")) for detail in details)
    services = {key: rounded(service["baseAmountUsd"]) for key, service in usage["monthlyServiceUsage"].items()}
    of_runs = exact_sum(usd for key, usd in services.items() if key in METERS or key.startswith("PAID_ACTORS_PER_"))
    checks.equal("reconcile: the sum of runs", found["runs"]["usage_total_usd"], plain(runs))
    checks.equal("reconcile: the services of runs", found["usage"]["belongs_to_runs_usd"], plain(of_runs))
    checks.equal("reconcile: the services outside", found["usage"]["outside_runs_usd"], plain(exact_sum(services.values()) - of_runs))
    cycle = usage["usageCycle"]
    listed = account.get("/v2/actor-builds", limit=1000)
    checks.equal("reconcile: the account's builds are on one page", listed["total"], len(listed["items"]))
    started = [item for item in listed["items"] if cycle["startAt"] <= item["startedAt"] <= cycle["endAt"]]
    known = [rounded(item["usageTotalUsd"]) for item in started if item.get("usageTotalUsd") is not None]
    builds = exact_sum(known)
    explained = found["usage_explained"]
    checks.equal(
        "reconcile: the builds",
        explained["builds"],
        {"cost_known": len(known), "usage_usd": plain(builds), "cost_unknown": len(started) - len(known), "is_at_least": False},
    )
    checks.equal("reconcile: the remainder", found["remainder_usd"], plain(of_runs - runs - builds))
    storage = exact_sum(usd for key, usd in services.items() if "_TIMED_STORAGE_" in key)
    counted = exact_sum(services.values())
    parts = [explained["runs"]["usage_usd"], explained["builds"]["usage_usd"], explained["storage_usd"], explained["not_attributed_usd"]]
    checks.equal("reconcile: all that Apify counts", explained["counted_usd"], plain(counted))
    checks.equal("reconcile: what is left", explained["not_attributed_usd"], plain(counted - runs - builds - storage))
    checks.equal("reconcile: the table adds up to the last digit", plain(exact_sum(map(Decimal, parts))), plain(counted))
    discounted = exact_sum(rounded(service["amountAfterVolumeDiscountUsd"]) for service in usage["monthlyServiceUsage"].values())
    checks.equal("reconcile: the discount", explained["volume_discount_usd"], plain(discounted - counted))
    meters = {
        meter: plain(exact_sum(rounded((detail.get("usageUsd") or {}).get(meter)) for detail in details) or Decimal(0))
        for meter in METERS
    }
    checks.equal("reconcile: each meter's sum", {row["key"]: row["runs_usd"] for row in found["meters"]}, meters)
    # Charged by result: no run shows it. By event, and proxies: a part is of no run. Builds whose cost the list lacks are cents.
    by_result = services["PAID_ACTORS_PER_DATASET_ITEM"]
    in_part = exact_sum(services[key] for key in ("PAID_ACTORS_PER_EVENT", "PROXY_RESIDENTIAL_TRANSFER_GBYTES", "PROXY_SERPS"))
    rest = of_runs - runs - builds
    checks.that("reconcile: what remains is what no run shows", by_result - DOLLAR < rest < by_result + in_part + DOLLAR)
    checks.equal("reconcile: and is named so", found["verdict"], "differs_by_named_items")


def check_usage(checks, binary, account, scratch):
    """What the export with all details keeps of Apify's count: the days of both billing cycles that September touches."""
    out = scratch / "all"
    days, services = {}, {}
    for date in ("2025-09-01", "2025-09-15"):
        for day in account.get("/v2/users/me/usage/monthly", date=date)["dailyServiceUsages"]:
            if "2025-09-01" <= day["date"][:10] < "2025-10-01":
                days[day["date"][:10]] = day["serviceUsage"]
    checks.equal("usage: thirty days are served", len(days), 30)
    fields = {"quantity": "quantity", "usage_usd": "baseAmountUsd", "usage_after_discount_usd": "amountAfterVolumeDiscountUsd"}
    expected = {}
    for day, of_day in days.items():
        for key, item in of_day.items():
            amounts = {name: rounded(item[field]) for name, field in fields.items()}
            expected[day, key] = {name: plain(amount) for name, amount in amounts.items()}
            for name, amount in amounts.items():
                services.setdefault(key, {}).setdefault(name, []).append(amount)
    found = {(row["day"], row["service"]): {name: row[name] for name in fields} for row in read_csv(out / "usage_by_day.csv")}
    checks.equal("usage: each day's services are those that are served", found, expected)
    sums = {key: {name: exact_sum(amounts) for name, amounts in of.items()} for key, of in services.items()}
    expected = {key: {name: plain(amount) for name, amount in of.items()} for key, of in sums.items()}
    found = {row["service"]: {name: row[name] for name in fields} for row in read_csv(out / "usage_by_service.csv")}
    checks.equal("usage: so are the sums by service", found, expected)
    counted = exact_sum(of["usage_usd"] for of in sums.values())
    explained = read_json(out / "report.json")["usage_explained"]
    parts = [explained[name]["usage_usd"] for name in ("runs", "builds")] + [explained["storage_usd"], explained["not_attributed_usd"]]
    checks.equal("usage: all that Apify counts", explained["counted_usd"], plain(counted))
    checks.equal("usage: the table adds up to the last digit", plain(exact_sum(map(Decimal, parts))), plain(counted))
    runs = [Decimal(row["usage_total_usd"]) for row in read_csv(out / "runs.csv") if row["usage_total_usd"]]
    checks.equal("usage: the runs are those of the export", explained["runs"]["usage_usd"], plain(exact_sum(runs)))
    listed = account.get("/v2/actor-builds", limit=1000)["items"]
    started = {item["id"]: item for item in listed if "2025-09-01" <= item["startedAt"] < "2025-10-01"}
    found = {row["id"]: row["usage_total_usd"] for row in read_csv(out / "builds.csv")}
    expected = {key: plain(rounded(item.get("usageTotalUsd"))) or "" for key, item in started.items()}
    checks.equal("usage: the builds are those that are served", found, expected)
    for grain in ("run", "day"):
        must_run(binary, "report", out, "--format", "focus", "--focus-grain", grain, "--out", scratch / grain, "--quiet", cwd=scratch)
        rows = read_csv(scratch / grain / "focus.csv")
        others = [row for row in rows if row["x_RowKind"] == "not-attributed"]
        checks.equal(f"usage: FOCUS by {grain} has a row more for each day", len(others), 30)
        billed = exact_sum(Decimal(row["BilledCost"]) for row in rows)
        checks.equal(f"usage: and comes to what Apify counts, by {grain}", plain(billed), plain(counted))


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_kept_cycle(checks, binary, url, account, scratch):
    """A cycle that an export holds is reconciled without asking, with the same figures as one that is asked for."""
    cycle = ["--cycle", "2025-09-15", "--api-url", url, "--rate", "0", "--detail-rate", "0"]
    must_run(binary, "export", *cycle, "--details", "all", "--out", scratch / "cycle", "--quiet", cwd=scratch)
    asked = json.loads(must_run(binary, "reconcile", *cycle, "--details", "all", "--json", cwd=scratch).stdout)
    kept = json.loads(must_run(binary, "reconcile", "cycle", "--api-url", "http://127.0.0.1:9", "--json", cwd=scratch).stdout)
    same = ("cycle", "is_over", "proven", "runs", "verdict", "named_items", "sentence")
    checks.equal("kept cycle: runs and verdict are the same", {name: kept[name] for name in same}, {name: asked[name] for name in same})
    checks.equal("kept cycle: so are the builds", kept["usage_explained"]["builds"], asked["usage_explained"]["builds"])
    # Each day of a service is rounded at the 18th place, and then added: so is the month, once.
    services = [{row["key"]: Decimal(row["usd"]) for row in found["usage"]["services"]} for found in (kept, asked)]
    apart = [key for key in services[1] if abs(services[0].get(key, Decimal(-1)) - services[1][key]) > Decimal("30e-18")]
    checks.equal("kept cycle: each service is the sum of its days", (apart, len(services[0])), ([], len(services[1])))


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-money-") as folder:
        scratch = Path(folder).resolve()
        with server(binary, "--runs", RUNS, "--cost-missing", 20) as url:
            account = Account(url)
            details = check_export(checks, binary, url, account, scratch)
            check_missing(checks, binary, url, account, details, scratch)
            check_reconcile(checks, binary, url, account, scratch)
            check_usage(checks, binary, account, scratch)
            check_kept_cycle(checks, binary, url, account, scratch)
    checks.close()


if __name__ == "__main__":
    main()
