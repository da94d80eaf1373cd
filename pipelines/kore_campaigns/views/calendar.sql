-- one row per date of kore.calling_windows_utc: one week back, four weeks ahead
-- calendar_date (date): The date in the campaign's time zone.
with today as (
    -- in UTC, from seconds: a date of the session depends on its time zone and calendar
    select cast(floor(extract(epoch from current_timestamp) / 86400) as bigint) as day_number
),

days as (
    select today.day_number + number as day_number
    from today
    cross join generate_series(-7, 28) as numbers (number)
),

dated as (
    select
        date '1970-01-01' + cast(day_number as integer) as calendar_date,
        -- 1 January 1970 was a Thursday
        cast((day_number + 3) % 7 + 1 as bigint) as day_of_week
    from days
),

final as (
    select
        calendar_date,
        day_of_week,
        day_name
    from dated
    left join kore.weekdays as weekdays on dated.day_of_week = weekdays.iso_weekday
)

select * from final
