{{ config(materialized='view') }}

with rows_of_exports as (
    -- OUT/runs.parquet, or by day OUT/runs/started_on=YYYY-MM-DD/runs.parquet
    select * exclude (filename), regexp_replace(filename, '/runs(/started_on=[^/]+/runs)?[.]parquet$', '') as export
    from {{ source('exports', 'rows') }}
),

manifests as (
    select
        regexp_replace(filename, '/manifest[.]json$', '') as export,
        json_extract_string(content, '$.queried_at')::timestamptz as queried_at
    from {{ source('exports', 'manifests') }}
)

select * from rows_of_exports inner join manifests using (export)
