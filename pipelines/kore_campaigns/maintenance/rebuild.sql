-- The queries of rebuild.py; the name of each is above it. `{schema}` is that of the raw tables,
-- `{child}` a nested table with its schema. As in the views, a version counts once its load was
-- completed.

-- name: history
-- what a rebuild must not change, a row per version
select account_id, stream_id, campaign_id, version, content_hash, observed_at,
    least(valid_from, observed_at) as valid_from, is_deleted, md5(raw::varchar) as raw_hash
from {schema}.campaign_versions
where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)

-- name: missing
-- versions of the history `some` that `others` does not have as they are
select stream_id, campaign_id, version from ({some} except all {others}) as missing

-- name: twice
select stream_id, campaign_id, version from {schema}.campaign_versions
where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)
group by stream_id, campaign_id, version having count(*) > 1

-- name: orphans
select distinct stream_id, campaign_id, version from {child} as child
where not exists (
    select 1 from {schema}.campaign_versions as parent
    where parent._dlt_id = child._dlt_root_id and parent.stream_id = child.stream_id
        and parent.campaign_id = child.campaign_id and parent.version = child.version
)

-- name: doubles
select stream_id, campaign_id, version from {child}
group by stream_id, campaign_id, version, position having count(*) > 1
