-- one row per time zone that a campaign version names: whether it exists, its name, its country
with time_zones as (
    select * from kore_raw.time_zones
),

final as (
    select
        timezone,
        is_iana,
        is_legacy,
        canonical_timezone,
        country_code
    from time_zones
)

select * from final
