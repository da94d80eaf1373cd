-- one row per date of kore.calling_windows_utc: one week back, four weeks ahead
-- calendar_date (date): The date in the campaign's time zone.
with days as (
    -- in UTC: `current_date` depends on the time zone of the session
    select
        cast(current_timestamp at time zone 'UTC' as date) + cast(number as integer)
            as calendar_date
    from generate_series(-7, 28) as numbers (number)
),

dated as (
    select
        calendar_date,
        -- 1 January 1970 was a Thursday
        cast((calendar_date - date '1970-01-01' + 3) % 7 + 1 as bigint) as day_of_week
    from days
),

final as (
    select
        calendar_date,
        day_of_week
    from dated
)

select * from final
