-- one row per campaign and run of it in Kore (`campaign_instance_id`), with its statuses
-- campaign_run_key (text): Key of the run: `<campaign_key>/<campaign_instance_id>`.
-- campaign_name (text): Name of the campaign in the newest version of this run.
-- first_seen_at (timestamp): Start of validity of the first version that names the run.
-- last_seen_at (timestamp): End of validity of the last version that names the run; empty while
--   that is the newest version of the campaign.
-- statuses (text): Statuses that the campaign had in this run, in their order.
-- version_count (bigint): Number of versions that name the run.
with history as (
    select
        *,
        lag(status) over (
            partition by stream_id, campaign_id, campaign_instance_id order by version asc
        ) as status_before,
        first_value(campaign_name) over (
            partition by stream_id, campaign_id, campaign_instance_id order by version desc
        ) as newest_name
    from kore.campaign_history
    where campaign_instance_id is not null and not is_deleted
),

grouped as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_key,
        campaign_instance_id,
        newest_name,
        min(valid_from) as first_seen_at,
        max(valid_to) as last_valid_to,
        max(case when is_current then 1 else 0 end) as is_newest,
        string_agg(
            case when status_before is null or status_before <> status then status end,
            ', ' order by version asc
        ) as statuses,
        count(*) as version_count
    from history
    group by account_id, stream_id, app_name, campaign_id, campaign_key, campaign_instance_id, newest_name
),

final as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_key,
        newest_name as campaign_name,
        campaign_instance_id,
        campaign_key || '/' || campaign_instance_id as campaign_run_key,
        first_seen_at,
        case when is_newest = 0 then last_valid_to end as last_seen_at,
        statuses,
        version_count
    from grouped
)

select * from final
