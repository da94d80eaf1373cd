-- one row per finding about a date of the coming 60 days on which a campaign must not dial
with closed as (
    select
        *,
        cast(closed_date - date '1970-01-01' as bigint) as day_number
    from kore_raw.policy_history
    where closed_date is not null and valid_to is null
),

-- the clock of each zone now; UTC if the zone is not known
offsets as (
    select timezone, utc_offset_minutes
    from kore.zone_offsets
    where starts_at <= current_timestamp and ends_at > current_timestamp
),

campaigns as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name,
        campaigns.valid_from,
        lower(campaigns.timezone) as zone_text,
        time_zones.country_code,
        coalesce(offsets.utc_offset_minutes, 0) * 60 as utc_offset
    from kore.campaigns as campaigns
    left join kore.time_zones as time_zones on campaigns.timezone = time_zones.timezone
    left join offsets on campaigns.timezone = offsets.timezone
),

dated as (
    select
        *,
        cast(
            floor((extract(epoch from current_timestamp) + utc_offset) / 86400) as bigint
        ) as today
    from campaigns
),

applied as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        closed.policy_name,
        closed.day_of_week,
        closed.day_number,
        cast(extract(year from closed.closed_date) as varchar)
        || '-' || lpad(cast(extract(month from closed.closed_date) as varchar), 2, '0')
        || '-' || lpad(cast(extract(day from closed.closed_date) as varchar), 2, '0') as closed_on,
        -- open since the date came near, the policy was written, or the campaign got its hours
        greatest(
            to_timestamp((closed.day_number - 60) * 86400 - campaigns.utc_offset),
            closed.valid_from,
            campaigns.valid_from
        ) as known_since
    from dated as campaigns
    join closed
        on campaigns.stream_id = closed.stream_id
        and closed.day_number >= campaigns.today
        and closed.day_number <= campaigns.today + 60
    where (closed.zone_like is null or campaigns.zone_text like closed.zone_like escape '!')
        and (closed.country_code is null or closed.country_code = campaigns.country_code)
        and (
            closed.campaign_like is null
            or lower(campaigns.name) like closed.campaign_like escape '!'
            or lower(campaigns.campaign_id) like closed.campaign_like escape '!'
        )
),

-- clock times as text; as a time, the end of the day is its start
open_hours as (
    select
        stream_id,
        campaign_id,
        day_of_week,
        start_minute,
        minutes,
        substr(cast(start_time as varchar), 1, 5) || '-'
        || case
            when end_minute = 1440 then '24:00' else substr(cast(end_time as varchar), 1, 5)
        end as hours
    from kore.open_hours
),

-- a policy may name a date on several lines
opened as (
    select
        applied.account_id,
        applied.stream_id,
        applied.app_name,
        applied.campaign_id,
        applied.campaign_name,
        applied.policy_name,
        applied.day_of_week,
        applied.closed_on,
        applied.day_number,
        min(applied.known_since) as known_since
    from applied
    group by
        applied.account_id,
        applied.stream_id,
        applied.app_name,
        applied.campaign_id,
        applied.campaign_name,
        applied.policy_name,
        applied.day_of_week,
        applied.closed_on,
        applied.day_number
),

found as (
    select
        opened.account_id,
        opened.stream_id,
        opened.app_name,
        opened.campaign_id,
        opened.campaign_name,
        opened.policy_name,
        opened.day_of_week,
        opened.closed_on,
        opened.known_since,
        string_agg(open_hours.hours, ', ' order by open_hours.start_minute asc) as hours,
        cast(sum(open_hours.minutes) as bigint) as minutes
    from opened
    join open_hours
        on opened.stream_id = open_hours.stream_id
        and opened.campaign_id = open_hours.campaign_id
        and opened.day_of_week = open_hours.day_of_week
    group by
        opened.account_id,
        opened.stream_id,
        opened.app_name,
        opened.campaign_id,
        opened.campaign_name,
        opened.policy_name,
        opened.day_of_week,
        opened.closed_on,
        opened.known_since
),

final as (
    select
        found.account_id,
        found.stream_id,
        found.campaign_id,
        found.campaign_name,
        'dials_on_closed_date' as finding,
        'high' as severity,
        found.policy_name,
        found.day_of_week,
        found.hours as value,
        'closed' as limit_value,
        found.minutes,
        'may dial on ' || weekdays.day_name || ' ' || found.closed_on || ' ' || found.hours
        || ', a date on which `' || found.policy_name || '` permits no calls' as sentence,
        found.app_name,
        found.stream_id || '/' || found.campaign_id as campaign_key,
        found.stream_id || '/' || found.campaign_id || '/dials_on_closed_date/'
        || found.policy_name || '/' || found.closed_on as finding_key,
        weekdays.day_name,
        found.known_since
    from found
    join kore.weekdays as weekdays on found.day_of_week = weekdays.iso_weekday
)

select * from final
