-- one row per finding about a campaign that needs attention
-- finding_key (text): Key of the finding: `<campaign_key>/<finding>`, and, where there are several,
--   the policy, the weekday and the place. It stays the same while the finding does.
-- finding (text): Kind of finding, for example `outside_permitted_hours`, `no_dnc_list`,
--   `stale`; docs/reference/findings.md lists all kinds.
-- severity (text): `high`: check today; `medium`: check soon; `low`: clean up; `info`: for
--   information.
-- value (text): Value of the campaign.
-- limit_value (text): Limit that `value` is compared with; empty if there is none.
-- sentence (text): The finding as text, to follow the campaign's name.
-- open_since (timestamp): Start of the unbroken period in which the campaign has had the finding;
--   kore.findings_history has earlier ones.
with history as (
    select * from kore.findings_history where resolved_at is null
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        finding,
        severity,
        policy_name,
        day_of_week,
        value,
        limit_value,
        minutes,
        sentence,
        app_name,
        campaign_key,
        finding_key,
        day_name,
        first_seen as open_since
    from history
)

select * from final
