-- What changed since 9 December 2025, with old and new values, and which changes let a campaign do more?
select campaign_name, kind, is_risky, path, old_value, new_value
from kore.campaign_changes
where changed_at >= timestamp with time zone '2025-12-09 00:00:00+00' and path <> 'updatedAt'
order by campaign_name, path
