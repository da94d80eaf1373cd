-- one row per time zone and period with a constant offset from UTC
with zone_offsets as (
    select * from kore_raw.zone_offsets
),

final as (
    select
        timezone,
        starts_at,
        ends_at,
        utc_offset_minutes
    from zone_offsets
)

select * from final
