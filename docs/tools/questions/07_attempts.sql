-- Which campaigns may call one contact more than three times in 24 hours?
select name, max_attempts_per_record, retry_period_minutes, attempts_per_24h
from (
    select
        name,
        max_attempts_per_record,
        retry_period_minutes,
        least(
            max_attempts_per_record,
            cast(ceil(1440.0 / retry_period_minutes) as bigint)
        ) as attempts_per_24h
    from kore.campaigns
    where retry_period_minutes > 0
) as attempts
where attempts_per_24h > 3
order by name
