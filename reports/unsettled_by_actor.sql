-- Unsettled runs by Actor: which Actors have runs without a cost, or whose cost may still move? Most of them first; Actors
-- without such runs are left out.
-- For DuckDB 1.1 or newer, Spark 3.4 or newer, and Trino, over a table or view named `runs` that holds an export's rows:
--   DuckDB  CREATE VIEW runs AS SELECT * FROM 'OUT/runs.parquet';        (partitioned: 'OUT/runs/*/runs.parquet')
--   Spark   CREATE TEMPORARY VIEW runs USING parquet OPTIONS (path 'OUT/runs.parquet');        (partitioned: 'OUT/runs')
--   Trino   a table over the folder, in the connector of your choice, with the column types that docs/schema.md lists
-- usage_provisional_usd is exact: what runs whose cost may still move cost so far, NULL where there is no such run. `runs`
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
