-- Dearest runs: the 20 most expensive runs. Runs without a known cost are left out.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- Instants do not depend on the session's time zone; the engine shows them in that zone.
-- usage_total_usd is exact, and may still change if cost_state is 'provisional'.

SELECT
    id,
    act_id,
    status,
    started_at,
    finished_at,
    meta_origin,
    actor_task_id,
    usage_total_usd,
    cost_state,
    act_name,
    actor_task_name
FROM runs
WHERE usage_total_usd IS NOT NULL
ORDER BY usage_total_usd DESC, started_at, id
LIMIT 20;
