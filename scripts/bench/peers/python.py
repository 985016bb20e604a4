"""What scripts/bench/bench peers times in Python, with the runs of September 2025. `URL FILE IN_FLIGHT`: the client `apify-client`, 2.x or
3.x, lists them by offset, page by page with the plain client, or several at once with the asynchronous one, and pyarrow writes
them to one Parquet file. `URL FOLDER`: dlt with its REST API source. Each is in an environment without the other. Checks nothing."""

import asyncio
import os
import sys
from collections import deque
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

PAGE = 1000
PAGES_A_ROW_GROUP = 50
DLT_PERIOD = {"startedAfter": "2025-09-01T00:00:00.000Z", "startedBefore": "2025-09-30T23:59:59.999Z"}
PERIOD = {"started_after": "2025-09-01T00:00:00.000Z", "started_before": "2025-09-30T23:59:59.999Z"}

INSTANT = pa.timestamp("ms", tz="UTC")
# Each column: its name, its type, and by what key of the run, or of its `meta`, the API has it.
OF_RUN = [
    ("id", pa.string(), "id"),
    ("act_id", pa.string(), "actId"),
    ("user_id", pa.string(), "userId"),
    ("actor_task_id", pa.string(), "actorTaskId"),
    ("status", pa.string(), "status"),
    ("started_at", INSTANT, "startedAt"),
    ("finished_at", INSTANT, "finishedAt"),
    ("build_id", pa.string(), "buildId"),
    ("build_number", pa.string(), "buildNumber"),
    ("build_number_int", pa.int64(), "buildNumberInt"),
    ("usage_total_usd", pa.float64(), "usageTotalUsd"),
    ("default_key_value_store_id", pa.string(), "defaultKeyValueStoreId"),
    ("default_dataset_id", pa.string(), "defaultDatasetId"),
    ("default_request_queue_id", pa.string(), "defaultRequestQueueId"),
]
OF_META = [
    ("meta_origin", pa.string(), "origin"),
    ("meta_client_ip", pa.string(), "clientIp"),
    ("meta_user_agent", pa.string(), "userAgent"),
    ("meta_schedule_id", pa.string(), "scheduleId"),
    ("meta_scheduled_at", INSTANT, "scheduledAt"),
]
SCHEMA = pa.schema([(name, type) for name, type, _ in OF_RUN + OF_META])


class File:
    """The Parquet file, a row group for so many pages."""

    def __init__(self, path):
        self.writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self.batches = []

    def add(self, items):
        # 2.x gives dicts, in which the client has made datetimes of instants; 3.x gives models.
        runs = [item if isinstance(item, dict) else item.model_dump(by_alias=True) for item in items]
        metas = [run.get("meta") or {} for run in runs]
        columns = [pa.array([run.get(key) for run in runs], type) for _, type, key in OF_RUN]
        columns += [pa.array([meta.get(key) for meta in metas], type) for _, type, key in OF_META]
        self.batches.append(pa.record_batch(columns, schema=SCHEMA))
        if len(self.batches) == PAGES_A_ROW_GROUP:
            self.flush()

    def flush(self):
        table = pa.Table.from_batches(self.batches, SCHEMA)
        self.writer.write_table(table, row_group_size=PAGE * PAGES_A_ROW_GROUP)
        self.batches = []

    def close(self):
        self.flush()
        self.writer.close()


def one_after_the_other(client, file):
    offset = 0
    while True:
        page = client.runs().list(limit=PAGE, offset=offset, **PERIOD)
        file.add(page.items)
        offset += len(page.items)
        if not page.items or offset >= page.total:
            return


async def several_at_once(client, file, in_flight):
    """The rest by offset, once the first page has told how many there are; written in their order."""

    def start(offset):
        return asyncio.ensure_future(client.runs().list(limit=PAGE, offset=offset, **PERIOD))

    first = await start(0)
    offsets = iter(range(PAGE, first.total, PAGE))
    waiting = deque(start(offset) for offset in islice(offsets, in_flight))
    file.add(first.items)
    while waiting:
        page = await waiting.popleft()
        waiting.extend(start(offset) for offset in islice(offsets, 1))
        file.add(page.items)


def load_by_dlt(url, folder):
    """Loads the runs into Parquet files under a folder, as dlt's documentation shows it: offset paginator, primary key, `replace`."""
    # dlt reports each run of a pipeline to its makers unless told not to.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.destinations import filesystem
    from dlt.sources.helpers.rest_client.paginators import OffsetPaginator
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/v2/",
                "auth": {"type": "bearer", "token": os.environ["APIFY_TOKEN"]},
                "paginator": OffsetPaginator(limit=1000, total_path="data.total"),
            },
            "resources": [
                {
                    "name": "runs",
                    "primary_key": "id",
                    "write_disposition": "replace",
                    "endpoint": {"path": "actor-runs", "data_selector": "data.items", "params": DLT_PERIOD},
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        pipeline_name="apify",
        pipelines_dir=f"{folder}/pipelines",
        destination=filesystem(bucket_url=f"file://{folder}/loaded"),
        dataset_name="apify",
    )
    pipeline.run(source, loader_file_format="parquet")


def main():
    if len(sys.argv) == 3:
        return load_by_dlt(*sys.argv[1:])
    from apify_client import ApifyClient, ApifyClientAsync

    url, path, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3])
    token, file = os.environ["APIFY_TOKEN"], File(path)
    if in_flight == 1:
        one_after_the_other(ApifyClient(token, api_url=url), file)
    else:
        asyncio.run(several_at_once(ApifyClientAsync(token, api_url=url), file, in_flight))
    file.close()


if __name__ == "__main__":
    main()
