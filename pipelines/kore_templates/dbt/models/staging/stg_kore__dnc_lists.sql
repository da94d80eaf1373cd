select
    account_id,
    stream_id,
    app_name,
    dnc_list_id,
    dnc_list_name,
    record_count,
    status,
    is_global,
    live_campaigns,
    updated_at,
    updated_by,
    error_code,
    seen_at,
    checked_at,
    record_count_since,
    status_since
from {{ source('kore', 'dnc_lists') }}
