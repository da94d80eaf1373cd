-- The queries of reader.py; the name of each is above it.

-- name: comment
-- it says which version of the program made the tables and views
select description
from pg_catalog.pg_description
join pg_catalog.pg_class on pg_class.oid = objoid
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
where nspname = 'kore_raw' and relname = '_dlt_version' and objsubid = 0

-- name: columns
select table_name, table_schema, column_name, data_type
from information_schema.columns
where table_schema in ('kore_raw', 'kore')
order by table_name, table_schema, column_name

-- name: views
select viewname, definition
from pg_catalog.pg_views where schemaname = 'kore' order by viewname
