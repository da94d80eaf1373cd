-- one row per minute of a day, and one for its end: the minute as a clock time
-- minute_of_day (bigint): Minutes after midnight, 0 to 1440.
-- clock (text): The minute as a text that sorts, `00:00` to `24:00`.
-- clock_time (time): The minute as a time of day; 00:00 also for the end of the day.
with minutes as (
    select
        cast(numbers.minute as bigint) as minute_of_day,
        lpad(cast(cast(floor(numbers.minute / 60) as integer) as varchar), 2, '0')
        || ':' || lpad(cast(numbers.minute % 60 as varchar), 2, '0') as clock
    from generate_series(0, 1440) as numbers (minute)
),

final as (
    select
        minute_of_day,
        clock,
        cast(case when minute_of_day = 1440 then '00:00' else clock end as time) as clock_time
    from minutes
)

select * from final
