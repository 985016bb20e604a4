{{ config(
    materialized='incremental',
    unique_key='id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns'
) }}

select * from {{ source('lake', 'lake_rows') }}
{% if is_incremental() %}
-- Equal too: a sync can make several commits with one queried_at, and loading a row twice does no harm.
where queried_at >= (select max(queried_at) from {{ this }})
{% endif %}
