-- one row per do-not-call list that campaigns name, in the state that a run last saw
-- live_campaigns (bigint): Number of live campaigns that name the list.
with states as (
    select * from kore.dnc_list_states where is_current
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
        states.account_id,
        states.stream_id,
        states.app_name,
        states.dnc_list_id,
        coalesce(states.dnc_list_name, uses.dnc_list_name) as dnc_list_name,
        states.record_count,
        states.status,
        states.is_global,
        coalesce(uses.live_campaigns, 0) as live_campaigns,
        states.updated_at,
        states.updated_by,
        states.error_code,
        states.seen_at,
        states.checked_at
    from states
    left join uses
        on states.stream_id = uses.stream_id
        and states.dnc_list_id = uses.dnc_list_id
)

select * from final
