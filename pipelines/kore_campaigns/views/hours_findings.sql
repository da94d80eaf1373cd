-- one row per finding about when a campaign may dial
-- known_since (timestamp): Time since when the listing, a contact list or a run shows the finding;
--   empty if versions and policies show it.
with limits as (
    select * from kore.policy_limits
),

campaigns as (
    select * from kore.campaigns
),

time_zones as (
    select * from kore.time_zones
),

checks as (
    select * from kore.calling_window_checks
),

open_hours as (
    select * from kore.open_hours
),

policy_days as (
    select
        open_hours.account_id,
        open_hours.stream_id,
        open_hours.app_name,
        open_hours.campaign_id,
        open_hours.campaign_name,
        open_hours.day_of_week,
        open_hours.day_name,
        open_hours.start_minute,
        open_hours.end_minute,
        limits.policy_name,
        -- clock times as text; as a time, the end of the day is its start
        substr(cast(open_hours.start_time as varchar), 1, 5) || '-'
        || case
            when open_hours.end_minute = 1440 then '24:00'
            else substr(cast(open_hours.end_time as varchar), 1, 5)
        end as hours,
        case
            when limits.latest_minute = 0 then 'closed'
            else coalesce(substr(cast(limits.earliest_time as varchar), 1, 5), '00:00') || '-'
                || case
                    when limits.latest_minute < 1440
                        then substr(cast(limits.latest_time as varchar), 1, 5)
                    else '24:00'
                end
        end as permitted,
        case
            when limits.earliest_minute > open_hours.start_minute
                then least(open_hours.end_minute, limits.earliest_minute) - open_hours.start_minute
            else 0
        end
        + case
            when limits.latest_minute < open_hours.end_minute
                then open_hours.end_minute - greatest(open_hours.start_minute, limits.latest_minute)
            else 0
        end as minutes
    from open_hours
    join limits
        on open_hours.stream_id = limits.stream_id
        and open_hours.campaign_id = limits.campaign_id
        and open_hours.day_of_week = limits.day_of_week
),

outside as (
    select
        policy_days.account_id,
        policy_days.stream_id,
        policy_days.app_name,
        policy_days.campaign_id,
        policy_days.campaign_name,
        policy_days.policy_name,
        policy_days.day_of_week,
        policy_days.day_name,
        string_agg(policy_days.hours, ', ' order by policy_days.start_minute asc) as hours,
        policy_days.permitted,
        cast(sum(policy_days.minutes) as bigint) as minutes
    from policy_days
    where policy_days.minutes > 0
    group by
        policy_days.account_id,
        policy_days.stream_id,
        policy_days.app_name,
        policy_days.campaign_id,
        policy_days.campaign_name,
        policy_days.policy_name,
        policy_days.day_of_week,
        policy_days.day_name,
        policy_days.permitted
),

outside_permitted_hours as (
    select
        outside.account_id,
        outside.stream_id,
        outside.app_name,
        outside.campaign_id,
        outside.campaign_name,
        'outside_permitted_hours' as finding,
        'high' as severity,
        outside.policy_name,
        outside.day_of_week,
        outside.day_name,
        outside.hours as value,
        outside.permitted as limit_value,
        outside.minutes,
        'may dial on ' || outside.day_name || ' ' || outside.hours || ', '
        || cast(outside.minutes as varchar) || ' minutes outside `' || outside.policy_name
        || '` (' || outside.permitted || ')' as sentence,
        cast(null as varchar) as place,
        cast(null as timestamp with time zone) as known_since
    from outside
),

weekend_calling as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'weekend_calling' as finding,
        'info' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as day_name,
        cast(weekend_minutes as varchar) as value,
        cast(null as varchar) as limit_value,
        weekend_minutes as minutes,
        'may dial ' || cast(weekend_minutes as varchar)
        || ' minutes on Saturday and Sunday' as sentence,
        cast(null as varchar) as place,
        cast(null as timestamp with time zone) as known_since
    from kore.weekly_minutes as weekly_minutes
    where weekend_minutes > 0
),

no_calling_hours as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'no_calling_hours' as finding,
        'high' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as day_name,
        cast(null as varchar) as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'has no calling hours that could be read; nothing shows when it must not dial' as sentence,
        cast(null as varchar) as place,
        cast(null as timestamp with time zone) as known_since
    from kore.weekly_minutes as weekly_minutes
    where weekly_minutes = 0
),

-- the listing alone shows it, so it stays in the row once it was seen
emergency_run as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'emergency_run' as finding,
        'high' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as day_name,
        execution_type as value,
        'NORMAL' as limit_value,
        cast(null as bigint) as minutes,
        'was run as `' || execution_type || '`, not as `NORMAL`: that likely overrides its '
        || 'schedule and calling hours' as sentence,
        cast(null as varchar) as place,
        execution_type_since as known_since
    from campaigns
    where execution_type <> 'NORMAL'
),

windows_in_doubt as (
    select
        checks.account_id,
        checks.stream_id,
        checks.app_name,
        checks.campaign_id,
        checks.campaign_name,
        case checks.check_name
            when 'unparsed' then 'unparsed_time'
            when 'zero_length' then 'zero_length_window'
            when 'duplicate' then 'duplicate_window'
            else 'overlapping_windows'
        end as finding,
        case checks.check_name
            when 'unparsed' then 'high'
            when 'zero_length' then 'medium'
            else 'low'
        end as severity,
        cast(null as varchar) as policy_name,
        checks.day_of_week,
        checks.day_name,
        'window ' || cast(checks.position as varchar) as value,
        cast(null as varchar) as limit_value,
        checks.minutes,
        'window ' || cast(checks.position as varchar)
        || case checks.check_name
            when 'unparsed' then ' has a weekday or a time that could not be read'
            when 'zero_length' then ' ends at its start time; it counts as 24 hours'
            when 'duplicate' then ' exists twice'
            else ' overlaps another window of the same campaign'
        end as sentence,
        'window ' || cast(checks.position as varchar)
        || coalesce(' from ' || cast(checks.start_minute as varchar), '') as place,
        cast(null as timestamp with time zone) as known_since
    from checks
    where checks.check_name <> 'gap'
),

zone_in_doubt as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        case
            when time_zones.is_legacy then 'legacy_timezone'
            else 'unknown_timezone'
        end as finding,
        case when time_zones.is_legacy then 'low' else 'high' end as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as day_name,
        campaigns.timezone as value,
        time_zones.canonical_timezone as limit_value,
        cast(null as bigint) as minutes,
        case
            when time_zones.is_legacy
                then 'uses the time zone `' || campaigns.timezone || '`, an old name of `'
                    || coalesce(time_zones.canonical_timezone, '?') || '`'
            when campaigns.timezone is null or campaigns.timezone = ''
                then 'has no time zone: its hours cannot be converted to UTC'
            else 'has the time zone `' || campaigns.timezone
                || '`, which is not an IANA name: its hours cannot be converted to UTC'
        end as sentence,
        cast(null as varchar) as place,
        cast(null as timestamp with time zone) as known_since
    from campaigns
    left join time_zones on campaigns.timezone = time_zones.timezone
    where not coalesce(time_zones.is_iana, false) or time_zones.is_legacy
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
        stream_id || '/' || campaign_id as campaign_key,
        stream_id || '/' || campaign_id || '/' || finding
        || coalesce('/' || policy_name, '')
        || coalesce('/' || cast(day_of_week as varchar), '')
        || coalesce('/' || place, '') as finding_key,
        day_name,
        known_since
    from (
        select * from outside_permitted_hours
        union all
        select * from weekend_calling
        union all
        select * from no_calling_hours
        union all
        select * from emergency_run
        union all
        select * from windows_in_doubt
        union all
        select * from zone_in_doubt
    ) as found
)

select * from final
