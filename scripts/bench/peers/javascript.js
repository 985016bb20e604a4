// The JavaScript client `apify-client` as scripts/bench/bench peers times it: MODULES URL FILE WRITER IN_FLIGHT. Lists every run of September
// 2025 by offset, as the client's documentation does, and writes them to one Parquet file, by @dsnp/parquetjs (of the packages that
// only do that, the one most used) or DuckDB (the fastest of four that were tried). Checks nothing.
"use strict";
const { createRequire } = require("module");

const [modules, url, file, writerName, inFlight] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { ApifyClient } = load("apify-client");

const PAGE = 1000;
const ROW_GROUP = 50_000;
const PERIOD = { startedAfter: "2025-09-01T00:00:00.000Z", startedBefore: "2025-09-30T23:59:59.999Z" };

// Each column: name, type, and where a run has it; the client has made Date objects of instants.
const COLUMNS = [
    ["id", "text", (run) => run.id],
    ["act_id", "text", (run) => run.actId],
    ["user_id", "text", (run) => run.userId],
    ["actor_task_id", "text", (run) => run.actorTaskId],
    ["status", "text", (run) => run.status],
    ["started_at", "instant", (run) => run.startedAt],
    ["finished_at", "instant", (run) => run.finishedAt],
    ["build_id", "text", (run) => run.buildId],
    ["build_number", "text", (run) => run.buildNumber],
    ["build_number_int", "integer", (run) => run.buildNumberInt],
    ["meta_origin", "text", (run) => run.meta?.origin],
    ["meta_client_ip", "text", (run) => run.meta?.clientIp],
    ["meta_user_agent", "text", (run) => run.meta?.userAgent],
    ["meta_schedule_id", "text", (run) => run.meta?.scheduleId],
    ["meta_scheduled_at", "instant", (run) => run.meta?.scheduledAt],
    ["usage_total_usd", "double", (run) => run.usageTotalUsd],
    ["default_key_value_store_id", "text", (run) => run.defaultKeyValueStoreId],
    ["default_dataset_id", "text", (run) => run.defaultDatasetId],
    ["default_request_queue_id", "text", (run) => run.defaultRequestQueueId],
];

// Pages in their order. One in flight: the client's own way, without its iterator's step for each run. More: the rest by offset,
// once the first page has told how many there are.
async function* pages() {
    const runs = new ApifyClient({ token: process.env.APIFY_TOKEN, baseUrl: url }).runs();
    const page = (offset) => runs.list({ ...PERIOD, offset, limit: PAGE });
    const first = await page(0);
    yield first.items;
    const waiting = [];
    for (let offset = PAGE; offset < first.total; offset += PAGE) {
        waiting.push(page(offset));
        if (waiting.length >= inFlight) yield (await waiting.shift()).items;
    }
    for (const one of waiting) yield (await one).items;
}

const WRITERS = {
    async parquetjs(pages) {
        const { ParquetSchema, ParquetWriter } = load("@dsnp/parquetjs");
        const types = { text: "UTF8", instant: "TIMESTAMP_MILLIS", integer: "INT64", double: "DOUBLE" };
        const field = (type) => ({ type: types[type], optional: true, compression: "SNAPPY" });
        const schema = new ParquetSchema(Object.fromEntries(COLUMNS.map(([name, type]) => [name, field(type)])));
        const writer = await ParquetWriter.openFile(schema, file, { rowGroupSize: ROW_GROUP });
        for await (const runs of pages) {
            for (const run of runs) {
                const row = {};
                for (const [name, , value] of COLUMNS) row[name] = value(run);
                await writer.appendRow(row);
            }
        }
        await writer.close();
    },

    async duckdb(pages) {
        const duckdb = load("@duckdb/node-api");
        const types = { text: duckdb.VARCHAR, instant: duckdb.TIMESTAMPTZ, integer: duckdb.BIGINT, double: duckdb.DOUBLE };
        const cells = {
            text: (value) => value,
            instant: (value) => new duckdb.DuckDBTimestampTZValue(BigInt(value.getTime()) * 1000n),
            integer: (value) => BigInt(value),
            double: (value) => value,
        };
        const connection = await (await duckdb.DuckDBInstance.create(":memory:")).connect();
        await connection.run(`CREATE TABLE runs (${COLUMNS.map(([name, type]) => `${name} ${types[type]}`).join(", ")})`);
        const appender = await connection.createAppender("runs");
        for await (const runs of pages) {
            const chunk = duckdb.DuckDBDataChunk.create(COLUMNS.map(([, type]) => types[type]));
            const column = ([, type, value]) => runs.map((run) => { const it = value(run); return it == null ? null : cells[type](it); });
            chunk.setColumns(COLUMNS.map(column));
            appender.appendDataChunk(chunk);
        }
        appender.closeSync();
        await connection.run(`COPY runs TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
    },
};

WRITERS[writerName](pages());
