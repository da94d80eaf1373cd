-- one row per date, a year back and a year ahead
-- calendar_date (date): The date; in the campaign's time zone, next to calling hours.
-- days_from_today (bigint): Days from today in UTC; negative for a date in the past.
with today as (
    -- in UTC, from seconds: a date of the session depends on its time zone and calendar
    select cast(floor(extract(epoch from current_timestamp) / 86400) as bigint) as day_number
),

days as (
    select
        today.day_number + number as day_number,
        cast(number as bigint) as days_from_today
    from today
    cross join generate_series(-366, 366) as numbers (number)
),

dated as (
    select
        date '1970-01-01' + cast(day_number as integer) as calendar_date,
        days_from_today,
        -- 1 January 1970 was a Thursday
        cast((day_number + 3) % 7 + 1 as bigint) as day_of_week
    from days
),

final as (
    select
        calendar_date,
        day_of_week,
        day_name,
        days_from_today
    from dated
    left join kore.weekdays as weekdays on dated.day_of_week = weekdays.iso_weekday
)

select * from final
