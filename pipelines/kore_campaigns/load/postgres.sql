-- The queries of postgres.py; the name of each is above it.

-- name: owners
-- backend, start, address and lock of each lock owner in this database, the oldest first
select activity.pid, coalesce(
        to_char(activity.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        'an unknown time'  -- of a session that this role may not see
    ),
    coalesce(host(activity.client_addr), 'the server itself'), locks.objid::bigint
from pg_locks as locks
join pg_stat_activity as activity on locks.pid = activity.pid
where locks.locktype = 'advisory' and locks.granted and locks.classid::bigint = ?
    and activity.datid = (select oid from pg_database where datname = current_database())
order by activity.backend_start

-- name: owned
-- how many of our locks this session has
select count(*) from pg_locks
where locktype = 'advisory' and granted and pid = pg_backend_pid() and classid::bigint = ?

-- name: never_idle
-- the server ends no session that is idle; older servers do not have the setting
select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'

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

-- name: readers
-- views, of whatever schema, that read one of our views: directly, or through each other
with recursive readers as (
    select rewrites.ev_class as oid
    from pg_depend as depends
    join pg_rewrite as rewrites on rewrites.oid = depends.objid
    where depends.classid = 'pg_rewrite'::regclass
        and depends.refobjid = to_regclass('kore.' || ?)
        and rewrites.ev_class <> depends.refobjid
    union
    select rewrites.ev_class
    from readers
    join pg_depend as depends
        on depends.refobjid = readers.oid and depends.classid = 'pg_rewrite'::regclass
    join pg_rewrite as rewrites on rewrites.oid = depends.objid
    where rewrites.ev_class <> readers.oid
)

select nspname, relname
from readers
join pg_class on pg_class.oid = readers.oid
join pg_namespace on pg_namespace.oid = relnamespace
order by nspname, relname

-- name: rights
-- the statements that give the rights on a view, or on its columns, once more
select format('grant %s%s on kore.%I to %s%s', privilege_type, column_name, relname,
    case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    case when is_grantable then ' with grant option' else '' end)
from (
    select relname, relowner, '' as column_name, (aclexplode(relacl)).*
    from pg_class where oid = to_regclass('kore.' || ?)
    union all
    select relname, relowner, format(' (%I)', attname), (aclexplode(attacl)).*
    from pg_class
    join pg_attribute on attrelid = pg_class.oid
    where pg_class.oid = to_regclass('kore.' || ?)
) as granted
where grantee <> relowner

-- name: foreign
-- tables and views, of those named, that belong to a role of which this one is no member
select nspname || '.' || relname, pg_get_userbyid(relowner), current_user
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname || '.' || relname = any(?)
    and not pg_has_role(current_user, relowner, 'usage')
order by 1
