select
    account_id,
    stream_id,
    campaign_id,
    version,
    campaign_name,
    position,
    dnc_list_id,
    dnc_list_name,
    app_name,
    campaign_key,
    version_key
from {{ source('kore', 'campaign_dnc_lists') }}
