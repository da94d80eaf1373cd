-- Calls of one account, in a file of its own.
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
