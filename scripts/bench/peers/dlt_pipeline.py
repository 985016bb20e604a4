"""dlt with its REST API source, as scripts/bench/bench peers times it: URL FOLDER. Loads every run of September 2025 into Parquet files under FOLDER,
as dlt's documentation shows it: offset paginator, primary key, `replace`. Checks nothing."""

import os
import sys

# dlt reports each run of a pipeline to its makers unless told not to.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
from dlt.destinations import filesystem
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator
from dlt.sources.rest_api import rest_api_source

PERIOD = {"startedAfter": "2025-09-01T00:00:00.000Z", "startedBefore": "2025-09-30T23:59:59.999Z"}


def main():
    url, folder = sys.argv[1:]
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
                    "endpoint": {"path": "actor-runs", "data_selector": "data.items", "params": PERIOD},
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


if __name__ == "__main__":
    main()
