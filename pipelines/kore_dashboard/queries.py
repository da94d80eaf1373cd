"""SQL of the dashboard, by name. The same text runs on DuckDB and on Postgres."""

from __future__ import annotations

from typing import Final

LAST_RUN: Final = """
select started_at, state, planned, new_versions, failed from kore.runs
order by run_number desc limit 1
"""
NUMBERS: Final = """
select
    (select count(*) from kore.campaigns) as live,
    (
        select count(*) from kore.campaign_freshness where is_configured and is_stale
    ) as stale
"""
HIGH: Final = "select count(*) as findings from kore.findings where severity = 'high'"
STATUSES: Final = """
select coalesce(status, '(none)') as status, count(*) as campaigns
from kore.campaigns group by status order by campaigns desc, status
"""
RUNS: Final = """
select started_at, state, sweep, planned, new_versions, unchanged, vanished, failed, requests,
    duration_seconds
from kore.runs order by run_number desc limit 50
"""
STALE: Final = """
select campaign_name, campaign_id, last_confirmed_at, last_error_code, last_error_message
from kore.campaign_freshness where is_stale
order by campaign_name, campaign_id
"""
LOCAL_HOURS: Final = """
select hours.campaign_id, hours.campaign_name,
    (hours.day_of_week - 1) * 1440 + hours.start_minute as opens,
    (hours.day_of_week - 1) * 1440 + hours.end_minute as closes
from kore.open_hours as hours
where strpos(lower(hours.campaign_name), ?) > 0
order by hours.campaign_name
"""
# 1 January 1970 was a Thursday, so weeks begin three days after it
UTC_HOURS: Final = """
select windows.campaign_id, windows.campaign_name,
    cast(floor(extract(epoch from greatest(windows.starts_at, week.begins)) / 60) as bigint)
        as opens,
    cast(floor(extract(epoch from least(windows.ends_at, week.ends)) / 60) as bigint) as closes
from kore.calling_windows_utc as windows
cross join (
    select
        cast(current_date as timestamp with time zone) as begins,
        cast(current_date + 7 as timestamp with time zone) as ends
) as week
where strpos(lower(windows.campaign_name), ?) > 0
    and windows.ends_at > week.begins and windows.starts_at < week.ends
order by windows.campaign_name
"""
FINDINGS: Final = """
select severity, campaign_name, finding, sentence, policy_name, value, limit_value, minutes
from kore.findings order by campaign_name, finding, policy_name, day_of_week, sentence
"""
CAMPAIGNS: Final = """
select campaign_id, name, count(*) over (partition by name) as same_name
from kore.campaign_history where is_current
order by case when version > 1 then 0 else 1 end, valid_from desc, name, campaign_id
"""
VERSIONS: Final = """
select version, valid_from, change_summary,
    exists (
        select 1 from kore.campaign_changes as changes
        where changes.stream_id = history.stream_id
            and changes.campaign_id = history.campaign_id
            and changes.version = history.version
            and changes.is_risky
    ) as is_risky,
    is_deleted, valid_to, name, status, priority, dialing_mode, caller_id, timezone,
    max_attempts_per_record, retry_period_minutes, max_ring_seconds
from kore.campaign_history as history where campaign_id = ? order by version
"""
HOURS_IN_FORCE: Final = """
select day, start_text, end_text from kore.calling_hours_history
where campaign_id = ? and valid_from <= ? and (valid_to is null or ? < valid_to)
order by position
"""
DNC_IN_FORCE: Final = """
select dnc_list_name, dnc_list_id from kore.dnc_list_history
where campaign_id = ? and valid_from <= ? and (valid_to is null or ? < valid_to)
order by position
"""
CHANGES: Final = """
select version, kind, is_risky, path, old_value, new_value from kore.campaign_changes
where campaign_id = ? order by version, position
"""
DNC_COVERAGE: Final = """
select coalesce(lists.dnc_list_name, lists.dnc_list_id, '(none of its own)') as dnc_list,
    count(*) as campaigns
from kore.campaigns as campaigns
left join kore.campaign_dnc_lists as lists
    on campaigns.stream_id = lists.stream_id and campaigns.campaign_id = lists.campaign_id
group by coalesce(lists.dnc_list_name, lists.dnc_list_id, '(none of its own)')
order by campaigns desc, dnc_list
"""
DNC_COVERS: Final = """
select coalesce(lists.dnc_list_name, lists.dnc_list_id) as dnc_list,
    campaigns.name as campaign_name, campaigns.campaign_id, campaigns.status
from kore.campaign_dnc_lists as lists
join kore.campaigns as campaigns
    on lists.stream_id = campaigns.stream_id and lists.campaign_id = campaigns.campaign_id
order by dnc_list, campaigns.name, campaigns.campaign_id
"""
WITHOUT_DNC: Final = """
select campaign_name, campaign_id, sentence from kore.findings
where finding = 'no_dnc_list' order by campaign_name
"""
DNC_CHANGES: Final = """
select changed_at, campaign_name, path, old_value, new_value, is_risky
from kore.campaign_changes where kind = 'dnc' order by changed_at desc, campaign_name, path
"""
SHARED: Final = """
select shared, shared_name, campaign_count, weekly_minutes, is_compared
from kore.shared_resources order by campaign_count desc, shared, shared_name
"""
OVERLAPS: Final = """
select shared, shared_name, campaign_name, other_campaign_name, overlap_minutes, first_overlap_at
from kore.campaign_overlaps order by overlap_minutes desc, campaign_name, other_campaign_name
limit 500
"""
LISTS: Final = """
select lists.contact_list_name, lists.status, lists.record_count, lists.list_timezone,
    count(uses.campaign_id) as campaigns
from kore.contact_lists as lists
left join kore.contact_list_campaigns as uses
    on lists.stream_id = uses.stream_id and lists.contact_list_id = uses.contact_list_id
group by lists.contact_list_name, lists.status, lists.record_count, lists.list_timezone
order by campaigns desc, lists.contact_list_name
"""
