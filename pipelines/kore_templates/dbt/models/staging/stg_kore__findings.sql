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
    campaign_key,
    finding_key,
    day_name
from {{ source('kore', 'findings') }}
