-- Calls of one account, in a file of its own.

-- name: tables
-- ends: when the response came back; for a call in flight, when its lease runs out.
-- autoincrement: an id is never given to a second call, even after its row is deleted.
begin immediate;
create table if not exists calls (
    call_id integer primary key autoincrement, ends real not null, in_flight integer not null
);
create index if not exists calls_by_end on calls (ends);
create table if not exists pause (
    only_row integer primary key check (only_row = 1), until real not null
);
insert or ignore into pause values (1, 0);
commit;

-- name: paused_until
select until from pause

-- name: end_of
select ends from calls order by ends desc limit 1 offset :place

-- name: forget
delete from calls where ends <= :until

-- name: add
insert into calls (ends, in_flight) values (:ends, true)

-- name: finish
-- inserted if the row was deleted, because the call outlived its lease
insert or replace into calls values (:call_id, :now, false)

-- name: pause
update pause set until = :until

-- name: cap
update calls
set ends = iif(in_flight, :in_flight, :answered)
where ends > iif(in_flight, :in_flight, :answered)
