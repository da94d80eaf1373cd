-- The queries of notify.py; the name of each is above it. `{name}` is a raw table.

-- name: unsent
select message_id, content from {notifications}
where stream_id = ? and sent_at is null order by written_at, message_id

-- name: messages
select count(*) from {notifications} where stream_id = ?

-- name: known_versions
select campaign_id, version from {notified_campaigns} where stream_id = ?

-- name: newest_versions
select campaign_id, max(version) from {campaign_versions}
where stream_id = ? and _dlt_load_id in (select load_id from {_dlt_loads} where status = 0)
group by campaign_id

-- name: risky_changes
select changes.campaign_id, changes.campaign_name, changes.version, changes.kind,
    history.change_summary
from kore.campaign_changes as changes
join kore.campaign_history as history
    on changes.stream_id = history.stream_id
    and changes.campaign_id = history.campaign_id
    and changes.version = history.version
left join {notified_campaigns} as known
    on changes.stream_id = known.stream_id
    and changes.campaign_id = known.campaign_id
where changes.stream_id = ? and changes.is_risky and changes.version > coalesce(known.version, 0)
order by changes.campaign_name, changes.campaign_id, changes.version, changes.position

-- name: findings
select stream_id, finding_key, campaign_id, campaign_name, finding, severity, sentence
from kore.findings where stream_id = ?
order by campaign_name, campaign_id, finding_key

-- name: known_findings
select stream_id, finding_key, campaign_id, campaign_name, finding, severity, sentence
from {notified_findings} where stream_id = ?
order by campaign_name, campaign_id, finding_key
