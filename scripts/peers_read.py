"""What peers wrote, held against what the server has: called by bench-peers beside what it times, with pyarrow. URL, then a line of
JSON on stdin for each peer's files, and a line of JSON on stdout for each. Prints first what the server has."""

import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo import Account, exact_sum, plain, rounded

PERIOD = "2025-09-01T00:00:00.000Z", "2025-09-30T23:59:59.999Z"
COST = "usage_total_usd"


def costs_of(table):
    """Each row's cost, and the sum as an engine adds the column up. dlt makes a column for each type that it met."""
    columns = [table[name] for name in table.column_names if name == COST or name.startswith(f"{COST}__v_")]
    column = pc.coalesce(*columns) if len(columns) > 1 else columns[0]
    return column.to_pylist(), pc.sum(column).as_py()


def same(cost, true):
    """Whether a cost is the server's, as well as its type can say."""
    if cost is None or true is None:
        return cost is true
    return cost == (rounded(true) if isinstance(cost, Decimal) else float(true))


def verdict(files, truth):
    ids, costs, total = [], [], 0
    columns = set()
    for file in files:
        table = pq.read_table(file)
        some, subtotal = costs_of(table)
        ids += table["id"].to_pylist()
        costs += some
        total += subtotal or 0
        columns |= {name for name in table.column_names if name.startswith(COST)}
    times = Counter(ids)
    others = [id for id, cost in zip(ids, costs) if id in truth and not same(cost, truth[id])]
    return {
        "rows": len(ids),
        "lacks": len(truth.keys() - times.keys()),
        "not the server's": len(times.keys() - truth.keys()),
        "repeated": len(ids) - len(times),
        "without a cost": sum(cost is None for cost in costs),
        "costs that the list lacks": sum(not truth[id] for id in others),
        "costs that aren't nearest to the server's": sum(bool(truth[id]) for id in others),
        "cost columns": sorted(columns),
        "sum": plain(total) if isinstance(total, Decimal) else repr(total),
        "files": len(files),
        "bytes": sum(Path(file).stat().st_size for file in files),
    }


def main():
    truth = {run["id"]: run.get("usageTotalUsd") for run in Account(sys.argv[1]).runs(*PERIOD)}
    known = [cost for cost in truth.values() if cost is not None]
    print(json.dumps({"runs": len(truth), "sum": plain(exact_sum(known)), "without a cost": len(truth) - len(known)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(verdict(json.loads(line), truth)), flush=True)


if __name__ == "__main__":
    main()
