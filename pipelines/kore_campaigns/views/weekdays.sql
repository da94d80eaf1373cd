-- one row per weekday, Monday first
-- iso_weekday (bigint): Number of the weekday: 1 = Monday to 7 = Sunday.
-- day_name (text): Name of the weekday in English, for example `Monday`; empty where there is no
--   `day_of_week`.
with final as (
    select
        cast(named.iso_weekday as bigint) as iso_weekday,
        named.day_name
    from (
        values
            (1, 'Monday'), (2, 'Tuesday'), (3, 'Wednesday'), (4, 'Thursday'),
            (5, 'Friday'), (6, 'Saturday'), (7, 'Sunday')
    ) as named (iso_weekday, day_name)
)

select * from final
