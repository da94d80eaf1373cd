-- The queries of postgres.py; the name of each is above it.

-- name: owners
-- backend, start, address and lock of each lock owner, the oldest first
select activity.pid, coalesce(
        to_char(activity.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        'an unknown time'  -- of a session that this role may not see
    ),
    coalesce(host(activity.client_addr), 'the server itself'), locks.objid::bigint
from pg_locks as locks
join pg_stat_activity as activity on locks.pid = activity.pid
where locks.locktype = 'advisory' and locks.granted and locks.classid::bigint = ?
order by activity.backend_start

-- name: owned
-- how many of our locks this session has
select count(*) from pg_locks
where locktype = 'advisory' and granted and pid = pg_backend_pid() and classid::bigint = ?

-- name: lacking
-- where a run creates tables, and this role may not
select what, current_user
from (
    select 1 as place, 'the database ' || current_database() as what,
        has_database_privilege(current_database(), 'create') as is_allowed
    union all
    select 2, 'its schema ' || nspname, has_schema_privilege(nspname, 'create')
    from pg_namespace where nspname in (?, ?)
) as needed
where not is_allowed
order by place, what
