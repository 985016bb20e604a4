-- Unsettled runs by Actor: runs whose cost is unknown or may still change. Actors with most such runs first; Actors without
-- such runs are left out.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` with the rows of an export:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- usage_provisional_usd is exact: the present cost of the runs whose cost may still change, NULL if there are none. `runs`
-- counts all runs of the Actor.

SELECT
    act_id,
    COUNT(*) AS runs,
    COUNT(*) FILTER (WHERE cost_state = 'unknown') AS runs_cost_unknown,
    COUNT(*) FILTER (WHERE cost_state = 'provisional') AS runs_provisional,
    SUM(usage_total_usd) FILTER (WHERE cost_state = 'provisional') AS usage_provisional_usd,
    MAX(act_name) AS act_name
FROM runs
GROUP BY act_id
HAVING COUNT(*) FILTER (WHERE cost_state IN ('unknown', 'provisional')) > 0
ORDER BY runs_cost_unknown DESC, runs_provisional DESC, act_id;
