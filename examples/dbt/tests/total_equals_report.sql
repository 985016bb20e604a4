-- Exports whose runs, unknown costs or exact total differ from those in report.json, and exports without a report.
{{ config(enabled=env_var('APIFY_EXPORTS', '') != '') }}

with loaded as (
    select
        export,
        count(*) as runs,
        count(*) - count(usage_total_usd) as runs_cost_unknown,
        sum(usage_total_usd) as usage_total_usd
    from {{ ref('exported_runs') }}
    group by export
),

reported as (
    select
        regexp_replace(filename, '/report[.]json$', '') as export,
        json_extract_string(content, '$.totals.runs')::bigint as runs,
        json_extract_string(content, '$.totals.runs_cost_unknown')::bigint as runs_cost_unknown,
        json_extract_string(content, '$.totals.usage_total_usd')::decimal(38, 18) as usage_total_usd
    from {{ source('exports', 'reports') }}
)

select export, loaded.usage_total_usd as loaded_usd, reported.usage_total_usd as reported_usd
from loaded full outer join reported using (export)
where coalesce(loaded.runs, 0) is distinct from reported.runs
    or coalesce(loaded.runs_cost_unknown, 0) is distinct from reported.runs_cost_unknown
    or loaded.usage_total_usd is distinct from reported.usage_total_usd
