select
    account_id,
    stream_id,
    campaign_id,
    campaign_name,
    is_configured,
    last_confirmed_at,
    last_changed_at,
    last_error_at,
    last_error_code,
    last_error_message,
    is_stale,
    app_name,
    campaign_key,
    listing_state
from {{ source('kore', 'campaign_freshness') }}
