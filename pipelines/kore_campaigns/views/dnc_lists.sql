-- one row per do-not-call list that campaigns name, in the state that a run last saw
-- live_campaigns (bigint): Number of live campaigns that name the list.
-- record_count_since (timestamp): Time since which all runs saw this number of records (UTC).
-- status_since (timestamp): Time since which all runs saw this status (UTC).
with states as (
    select * from kore.dnc_list_states
),

newest as (
    select * from states where is_current
),

-- a change of anything else does not count
others as (
    select
        newest.stream_id,
        newest.dnc_list_id,
        max(
            case
                when coalesce(states.record_count, -1) <> coalesce(newest.record_count, -1)
                    then states.valid_to
            end
        ) as count_changed_at,
        max(
            case when coalesce(states.status, '') <> coalesce(newest.status, '') then states.valid_to end
        ) as status_changed_at,
        min(states.seen_at) as first_seen_at
    from newest
    join states
        on newest.stream_id = states.stream_id
        and newest.dnc_list_id = states.dnc_list_id
    group by newest.stream_id, newest.dnc_list_id
),

uses as (
    select
        stream_id,
        dnc_list_id,
        max(dnc_list_name) as dnc_list_name,
        count(distinct campaign_id) as live_campaigns
    from kore.campaign_dnc_lists
    where dnc_list_id is not null
    group by stream_id, dnc_list_id
),

final as (
    select
        newest.account_id,
        newest.stream_id,
        newest.app_name,
        newest.dnc_list_id,
        coalesce(newest.dnc_list_name, uses.dnc_list_name) as dnc_list_name,
        newest.record_count,
        newest.status,
        newest.is_global,
        coalesce(uses.live_campaigns, 0) as live_campaigns,
        newest.updated_at,
        newest.updated_by,
        newest.error_code,
        newest.seen_at,
        newest.checked_at,
        coalesce(others.count_changed_at, others.first_seen_at) as record_count_since,
        coalesce(others.status_changed_at, others.first_seen_at) as status_since
    from newest
    join others
        on newest.stream_id = others.stream_id
        and newest.dnc_list_id = others.dnc_list_id
    left join uses
        on newest.stream_id = uses.stream_id
        and newest.dnc_list_id = uses.dnc_list_id
)

select * from final
