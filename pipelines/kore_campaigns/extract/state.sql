-- The queries of state.py; the name of each is above it. `{name}` is a raw table.
-- A version counts once its load was completed, as in the views.

-- name: newest_versions
select campaign_id, version, content_hash, valid_from, updated_at, is_deleted, observed_at,
    campaign_type
from (
    select
        versions.*,
        row_number() over (
            partition by versions.campaign_id order by versions.version desc
        ) as newest
    from {campaign_versions} as versions
    join {_dlt_loads} as loads on versions._dlt_load_id = loads.load_id and loads.status = 0
    where versions.stream_id = ?
) as ranked
where newest = 1

-- name: runs
select run_id, sweep, started_at, full_sweep_started_at, finished_at is not null,
    confirmed_through, unsettled, listing_state, listed, listing_page_size
from {extraction_runs} where stream_id = ?
order by coalesce(run_number, 0) desc, started_at desc

-- name: errors
select campaign_id, error_code from {extraction_errors} where run_id = ? and stream_id = ?

-- name: requested
select campaign_id from {requested_campaigns} where run_id = ? and stream_id = ?

-- name: listing
select campaign_id, version, campaign_type, summary_hash, row_hash,
    execution_type, execution_type_since
from {campaign_listings} where stream_id = ?

-- name: dnc_lists_in_use
select lists.campaign_id, lists.dnc_list_id
from {campaign_versions__dnc_lists} as lists
join (
    select versions.campaign_id, max(versions.version) as version
    from {campaign_versions} as versions
    join {_dlt_loads} as loads on versions._dlt_load_id = loads.load_id and loads.status = 0
    where versions.stream_id = ?
    group by versions.campaign_id
) as newest on lists.campaign_id = newest.campaign_id and lists.version = newest.version
where lists.stream_id = ? and lists.dnc_list_id is not null

-- name: newest_runs
select stream_id, coalesce(run_number, 0), started_at
from (
    select
        *,
        row_number() over (
            partition by stream_id order by coalesce(run_number, 0) desc, started_at desc
        ) as recency
    from {extraction_runs}
    where coalesce(sweep, '') <> 'only'
) as ordered
where recency = 1

-- name: app_name
select app_name from {apps} where stream_id = ?

-- name: last_recorded
select coalesce(max(run_number), 0), max(coalesce(finished_at, started_at))
from {extraction_runs}
where coalesce(run_number, 0) = (select coalesce(max(run_number), 0) from {extraction_runs})

-- name: is_deleted
select campaign_id, is_deleted from kore.campaign_history where stream_id = ? and is_current

-- name: raw
select campaign_id, version, raw from {campaign_versions} where stream_id = ?

-- name: newest_raw
select campaign_id, version, raw from {campaign_versions}
join (
    select campaign_id, max(version) as version from {campaign_versions}
    where stream_id = ?
        and _dlt_load_id in (select load_id from {_dlt_loads} where status = 0)
    group by campaign_id
) as newest using (campaign_id, version)
where stream_id = ?

-- name: versions_of_campaigns
select stream_id, campaign_id, count(*) from {campaign_versions}
where _dlt_load_id in (select load_id from {_dlt_loads} where status = 0)
group by stream_id, campaign_id order by stream_id, campaign_id
