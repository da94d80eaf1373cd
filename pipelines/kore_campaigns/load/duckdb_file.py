"""A DuckDB file: a run writes a working copy, and publishes it by replacing the file.

    <folder>/<stem>.duckdb                               what analysts open
    <folder>/.kore_campaigns/<stem>/<stem>.duckdb        the working copy that a run writes
    <folder>/.kore_campaigns/<stem>/dlt/                 dlt's working directory
    <folder>/.kore_campaigns/<stem>/generations/         the files that the last runs replaced
    <folder>/.kore_campaigns/<stem>/run.lock             locked while a run writes

DuckDB opens no file that another process writes, and writes none that another process reads. With
two files readers and runs do not wait for each other.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
from filelock import FileLock, Timeout

from kore_campaigns import schema
from kore_campaigns.config import paths
from kore_campaigns.errors import (
    DatabaseLocked,
    DestinationUnavailable,
    ForeignTables,
    SettingInvalid,
    WorkingCopyDamaged,
    first_line,
    shorten,
)
from kore_campaigns.load.destination import Destination, destination_errors
from kore_campaigns.load.reader import Reader, is_made, of_statements
from kore_campaigns.views.apply import VIEWS

if TYPE_CHECKING:
    import dlt
    import pyarrow as pa

    from kore_campaigns.config.settings import KoreSettings

DEFAULT_DATABASE: Final = "kore_campaigns.duckdb"
_NAME: Final = "%Y%m%dT%H%M%S.%fZ.duckdb"
_NAMES: Final = f"{8 * '[0-9]'}T{6 * '[0-9]'}.{6 * '[0-9]'}Z.duckdb"


class DuckDBReader(Reader):
    """A connection of DuckDB's own."""

    missing_table = duckdb.CatalogException

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # by default they follow the machine
        connection.execute("set timezone = 'UTC'; set calendar = 'gregorian'")

    @contextmanager
    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        # DuckDB imports pandas to look at a parameter, which takes longer than all else in a run
        yield self._connection.execute("".join(_with_values(self.named(sql), parameters)))

    # DuckDB takes a JSON text in a fourth of the time of as many literals
    def insert(self, table: str, columns: str, rows: Sequence[Any]) -> None:
        for given in _from_json(table, columns, rows):
            self.execute(f"insert into {self.qualified(table)} ({columns}) {given}")  # our names

    def delete(self, table: str, columns: str, keys: Sequence[Any]) -> None:
        for given in _from_json(table, columns, keys):
            self.execute(f"delete from {self.qualified(table)} where ({columns}) in ({given})")  # noqa: S608

    def record_batches(self, sql: str, schema: pa.Schema, *, size: int) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with self.cursor(sql) as found:
            # one method, which has another name since DuckDB 1.5
            in_batches = getattr(found, "to_arrow_reader", None) or found.fetch_record_batch
            for batch in in_batches(size):
                arrays = [each.cast(field.type) for each, field in zip(batch, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _from_json(table: str, columns: str, rows: Sequence[Any]) -> Iterator[str]:
    """Selects of the rows, in the types of the columns."""
    names = columns.split(", ")
    types = {column.name: column.data_type for column in schema.ALL_TABLES[table].columns}
    structure = {name: _TYPES.get(types.get(name, "text"), types.get(name)) for name in names}
    for some in of_statements(rows):
        text = json.dumps([dict(zip(names, row, strict=True)) for row in some], default=str)
        given = f"from_json_strict({literal(text)}, {literal(json.dumps([structure]))})"
        yield f"select {columns} from (select unnest({given}, recursive := true))"  # noqa: S608


_TYPES: Final = {"text": "varchar", "json": "varchar", "timestamp": "timestamptz"}


def _with_values(sql: str, parameters: Sequence[Any]) -> Iterator[str]:
    """The SQL with a literal in place of each `?`."""
    first, *others = sql.split("?") if parameters else [sql]
    yield first
    for value, following in zip(parameters, others, strict=True):
        yield literal(value)
        yield following


def literal(value: Any) -> str:
    """A value as DuckDB reads it in SQL."""
    if value is None or isinstance(value, bool | int):
        return "null" if value is None else str(value)
    text = str(value).replace("'", "''").replace("\0", "' || chr(0) || '")
    if isinstance(value, str):
        return f"('{text}')"
    if isinstance(value, datetime):
        return f"'{text}'::{'timestamp' if value.tzinfo is None else 'timestamptz'}"
    return f"'{text}'::{_KINDS[type(value)]}"


_TABLES: Final = """
select schema_name, table_name from duckdb_tables() where not internal
union all
select schema_name, view_name from duckdb_views() where not internal
order by 1, 2
"""
_KINDS: Final = {date: "date", time: "time", float: "double"}


@dataclass(frozen=True, slots=True)
class Generations:
    """The kept files of one database."""

    published: Path
    folder: Path
    room: paths.Room

    def files(self) -> list[Path]:
        """Newest first, without files of others and without the published one."""
        return [path for path in self._all() if not self._is_published(path)]

    def keep(self) -> Path | None:
        """Keep the published file, which is about to be replaced; None if there is none."""
        self.tidy()
        if not self.published.exists():
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        moment = datetime.now(UTC)
        for newest in self._all()[:1]:  # later than all names, also if the clock was set back
            last = datetime.strptime(newest.name, _NAME).replace(tzinfo=UTC)
            moment = max(moment, last + timedelta(microseconds=1))
        kept = self.folder / moment.strftime(_NAME)
        paths.link_or_copy(self.published, self._unfinished, self.room)
        self._unfinished.rename(kept)
        paths.to_disk(self.folder)
        return kept

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep`."""
        for path in self.files()[keep:]:
            path.unlink()

    def tidy(self) -> None:
        """Remove what a killed run left: half a copy, or a second name of the published file."""
        self._unfinished.unlink(missing_ok=True)
        for path in self._all():
            if self._is_published(path):
                path.unlink()

    @property
    def _unfinished(self) -> Path:
        return self.folder / ".unfinished.tmp"

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob(_NAMES), reverse=True)

    def _is_published(self, path: Path) -> bool:
        return self.published.exists() and self.published.samefile(path)


@contextmanager
def run_lock(folder: Path, database: str) -> Iterator[None]:
    """Lock a file, which the system releases when this process is killed; `run.json` names us.

    Raises `DatabaseLocked`, which names the lock owner.
    """
    with ExitStack() as stack:
        with destination_errors(database):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(FileLock(folder / "run.lock", timeout=0))
            except Timeout:
                owner = _recorded_owner(folder)
                pid, since = owner.get("pid"), owner.get("since")
                holder = f"process {pid}, since {since}" if pid else "another process"
                reason = f"another run holds it ({holder})"
                way = f"wait for it, or stop it with `kill {pid or 'PID'}`; then run again"
                raise DatabaseLocked(
                    database, reason, next_step=way, pid=pid, since=since
                ) from None
            record = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
            (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
        yield


def lock_owner(folder: Path) -> dict[str, Any]:
    """`pid` and `since` of the lock owner; empty if it is not locked."""
    file = folder / "run.lock"
    if not file.exists():
        return {}
    try:
        with FileLock(file, timeout=0):
            return {}
    except Timeout:
        return _recorded_owner(folder)


def _recorded_owner(folder: Path) -> dict[str, Any]:
    """What `run.json` says, if it is of the process that has the lock now."""
    try:
        found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the owner is about to write it
        return {}
    holder = _holder(folder / "run.lock")
    if holder is None or holder == found["pid"]:
        return found
    try:
        started = datetime.fromtimestamp(Path(f"/proc/{holder}").stat().st_mtime, UTC)
    except OSError:  # it has just ended
        return {}
    return {"pid": holder, "since": started.isoformat(timespec="seconds")}


def _holder(lock: Path) -> int | None:
    """The process that has a lock, as Linux lists it; None on other systems, or if it is hidden."""
    with suppress(OSError):
        inode = str(lock.stat().st_ino)
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:815 0 EOF
            _, kind, _, _, pid, file, *_ = line.split()
            if kind == "FLOCK" and file.rpartition(":")[2] == inode and Path("/proc", pid).exists():
                return int(pid)
    return None


class DuckDBFile(Destination):
    """The published file and its working copy.

    `chunk` is how many campaigns one step may load: the disk is checked for so many beforehand.
    """

    kind = "duckdb"
    way_back = "`kore-campaigns restore` restores an earlier state; or replace the file by a backup"

    def __init__(
        self,
        published: Path,
        keep_generations: int = 3,
        chunk: int = 0,
        protect_foreign_tables: bool = False,
        free_bytes: Callable[[Path], int] = paths.free_bytes,
    ) -> None:
        if published.stem.casefold() in (schema.RAW_SCHEMA, schema.VIEW_SCHEMA):
            # DuckDB names the catalogue after the file: `kore.campaigns` would be ambiguous
            expected = (
                f"a file name other than its schemas `{schema.VIEW_SCHEMA}` and "
                f"`{schema.RAW_SCHEMA}`"
            )
            raise SettingInvalid(key="database", value=published, expected=expected)
        if "?" in str(published):
            expected = "a path without `?`: DuckDB reads what follows it as options"
            raise SettingInvalid(key="database", value=published, expected=expected)
        self.published = published
        self.name = str(published)
        self.short_name = published.name
        self.keep_generations = keep_generations
        self.chunk = chunk
        self.protect_foreign_tables = protect_foreign_tables
        self.free_bytes = free_bytes
        # `x.db` and `x.duckdb` are two databases
        folder = published.stem if published.suffix == ".duckdb" else published.name
        self.folder = published.parent / ".kore_campaigns" / folder
        self.working_copy = self.folder / published.name
        # names the published file that the working copy equals; missing while it is ahead
        self._origin = self.folder / "origin.json"
        self._is_kept = self._is_prepared = False
        self._seen: str | None = None
        """The published file as this run has left it."""
        self._held: duckdb.DuckDBPyConnection | None = None
        self.notes = []

    @classmethod
    def in_folder(
        cls, folder: Path, database: str | Path | None = None, **options: Any
    ) -> DuckDBFile:
        """The database file of a project folder, or another one relative to it."""
        path = paths.local_path(database or DEFAULT_DATABASE, key="database", folder=folder)
        return cls(path, **options)

    @property
    def size_bytes(self) -> int:
        return paths.size_of(self.published)

    @property
    def generations(self) -> Generations:
        return Generations(self.published, self.folder / "generations", self._room)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A run may publish meanwhile; this reader keeps the file that it opened."""
        if not self.published.exists():
            reason = "it does not exist; `kore-campaigns run` makes it"
            next_step = "run it, or name another file with `--database`"
            raise DestinationUnavailable(self.name, reason, next_step=next_step)
        try:
            with duckdb.connect(self.name, read_only=True) as connection:
                yield DuckDBReader(connection)
        except duckdb.Error as failed:
            raise DestinationUnavailable(self.name, first_line(failed)) from failed

    @contextmanager
    def read_if_any(self) -> Iterator[Reader | None]:
        if not self.published.exists():
            yield None
            return
        with self.read() as reader:
            yield reader

    @contextmanager
    def loaded(self) -> Iterator[Reader]:
        with self._writing():
            if self._held is None:
                # DuckDB opens a file once in a process: the connections of dlt share this one
                self._held = duckdb.connect(str(self.working_copy))
                self._held.execute("set threads = 1")
            yield DuckDBReader(self._held)

    def load(self, versions: Iterable[Mapping[str, Any]]) -> None:
        # an open file keeps in memory what dlt writes
        self._release()
        super().load(versions)

    def check(self, settings: KoreSettings | None) -> str:
        # a lock would leave a folder behind where no run ever was
        lock = self.locked() if self.folder.exists() else nullcontext()
        with lock, self._writing(), self.read_if_any() as reader:
            paths.require_replaceable(self.published)
            self._heed_others(self._read_origin())
            name = self.name if reader else f"{self.name}, made by the first run"
            return "; ".join([name, *self.notes])

    def writer(self) -> tuple[int, str] | None:
        owner = lock_owner(self.folder)
        return (owner["pid"], owner["since"]) if owner else None

    def published_state(self) -> object:
        return self._identity()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock it for one command, which keeps one generation; raises `DatabaseLocked`.

        Failures inside name a full disk or a damaged working copy, where that is the reason.
        """
        self._is_kept = self._is_prepared = False
        try:
            with run_lock(self.folder, self.name):
                yield
        except DestinationUnavailable as failed:
            if type(failed) is not DestinationUnavailable:
                raise
            text = f"{failed}, {failed.__cause__}"
            if said := paths.said_full(text):
                raise self._room.lacking(self._step_bytes(), said=said) from failed
            if self._is_prepared and paths.said_damaged(text):  # before that, the published file is
                folder = self.published.parent
                free = self.free_bytes(folder)
                raise WorkingCopyDamaged(
                    self.name, failed.reason, folder=str(folder), free=free
                ) from failed
            raise

    @contextmanager
    def open(self, settings: KoreSettings | None = None) -> Iterator[None]:
        self.prepare()
        with self._with_pipeline(self._opened):
            try:
                with self.loaded() as reader:
                    was_made = is_made(reader)
                if not was_made:
                    self._release()
                    with self._writing():
                        from kore_campaigns.load.dlt_load import make_tables_and_views

                        make_tables_and_views(self._pipeline())
                yield
            finally:
                self._release()

    @contextmanager
    def _opened(self) -> Iterator[dlt.Pipeline]:
        from kore_campaigns.load.dlt_load import duckdb_pipeline

        with (
            paths.plainly_named(self.folder / "dlt") as folder,
            duckdb_pipeline(self.working_copy, pipelines_dir=folder) as pipeline,
        ):
            yield pipeline

    def _release(self) -> None:
        """Close the working copy."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def step(self, versions: int | None) -> Iterator[None]:
        with self._writing():
            self.begin_step()
            yield
            self.publish(is_settled=versions is not None)

    def prepare(self) -> None:
        """Make the working copy a copy of the published file; a run begins with this.

        The published file is the truth: a run follows it after it was restored or deleted.
        The rest of a killed run is dropped and fetched again: dlt's replay of a load that was
        killed between a copy into staging and its record doubles rows of the parent.

        Raises `NoRoom` if the disk cannot take what the run may write; nothing is changed then.
        """
        with self._writing():
            paths.require_replaceable(self.published)
            origin = self._read_origin()
            self._heed_others(origin)
            self._remove_leftovers()
            is_settled = origin == self._identity() and self.working_copy.exists()
            if not is_settled:
                shutil.rmtree(self.folder / "dlt", ignore_errors=True)
                for leftover in (self.working_copy, _log_of(self.working_copy)):
                    leftover.unlink(missing_ok=True)
            self._room.require(self._step_bytes(is_settled=is_settled))
            self.begin_step()
            if not is_settled and self.published.exists():
                self._copy_published()
            if self.published.exists():
                with suppress(PermissionError):  # it is of another user of the group
                    self.working_copy.chmod(0o600 | self.published.stat().st_mode & 0o777)
            self._seen = self._identity()
        self._is_prepared = True

    def _read_origin(self) -> str | None:
        """Identity of the published file that the working copy is equal to."""
        return self._origin.read_text(encoding="utf-8") if self._origin.exists() else None

    def begin_step(self) -> None:
        """Record that the working copy is ahead of the published file until `publish`."""
        self._origin.unlink(missing_ok=True)

    def publish(self, *, is_settled: bool = True) -> None:
        """Replace the published file by a complete, checkpointed copy; readers keep the old one.

        The first time in a run the replaced file is kept: it is the result of the run before.
        Unless it `is_settled`, the working copy is about to be written again.
        """
        with self._writing():
            with duckdb.connect(str(self.working_copy)) as connection:
                connection.execute("force checkpoint")
            self._heed_others(self._seen)
            paths.copy_durably(self.working_copy, self._draft, self._room)
            if self.keep_generations and not self._is_kept:
                self.generations.keep()
            self._heed_others(self._seen)
            self._replace_published()
            self._seen = self._identity()
            self._is_kept = True
            self.generations.prune(self.keep_generations)
            if is_settled:
                temporary = self._origin.with_suffix(".tmp")  # a fixed name, which never piles up
                temporary.write_text(self._identity(), encoding="utf-8")
                temporary.replace(self._origin)

    def restore(self, generation: Path) -> Path | None:
        """Publish a generation. The replaced file becomes one instead, and is returned if there was
        any: their number stays, and another restore can undo this one.
        """
        with self._writing():
            self._remove_leftovers()
            self.begin_step()
            paths.link_or_copy(generation, self._draft, self._room)
            replaced = self.generations.keep()
            self._replace_published()
            generation.unlink()
            return replaced

    @contextmanager
    def rebuild_lock(self) -> Iterator[None]:
        with self.read():
            pass  # creates no folder if there is no file
        with self.locked(), self._writing():
            yield

    @contextmanager
    def rebuild_pipeline(self) -> Iterator[dlt.Pipeline]:
        with self.open():
            yield self._pipeline()

    @contextmanager
    def exchange(self, history: str) -> Iterator[tuple[Reader, str, str]]:
        """The working copy has the rebuilt versions already."""
        with duckdb.connect() as connection:
            for name, path in {"before": self.published, "after": self.working_copy}.items():
                quoted = str(path).replace("'", "''")
                connection.execute(f"attach '{quoted}' as {name} (read_only)")
            before, after = (f"{name}.{schema.RAW_SCHEMA}" for name in ("before", "after"))
            yield DuckDBReader(connection), history.format(schema=before), after
        self.publish()

    @property
    def _draft(self) -> Path:
        return paths.draft_of(self.published)

    @property
    def _room(self) -> paths.Room:
        return paths.Room(self.published, self.folder / "generations", self.free_bytes)

    def _remove_leftovers(self) -> None:
        """Remove what a killed run had not finished."""
        self._draft.unlink(missing_ok=True)
        self.generations.tidy()
        shutil.rmtree(f"{self.working_copy}.tmp", ignore_errors=True)  # DuckDB's temporary files

    def _copy_published(self) -> None:
        try:
            shutil.copyfile(self.published, self.working_copy)
            # it may be any file, or one of a later DuckDB
            duckdb.connect(str(self.working_copy)).close()
        except OSError:
            self.working_copy.unlink(missing_ok=True)  # half a copy must not fill the disk
            raise
        except duckdb.Error as failed:
            if not self.generations.files():
                raise
            way_back = "`kore-campaigns restore` lists earlier states to go back to"
            raise DestinationUnavailable(
                self.name, first_line(failed), next_step=way_back
            ) from failed

    def _heed_others(self, expected: str | None) -> None:
        """Note a program that writes into the published file, or raise `ForeignTables`.

        If the file is not the `expected` one, tables of others show that a program has written.
        """
        if not self.published.exists():
            return
        if is_written(self.published):  # DuckDB locks it then
            found = f"another program has `{self.name}` open for writing"
        elif expected == self._identity() and not _log_of(self.published).exists():
            return
        elif tables := self._foreign_tables():
            found = f"`{self.name}` has tables of another program: {shorten(tables)}"
        else:
            return
        recipe = (
            "write into a file of your own, and read this one there with "
            f"`attach '{self.published.name}' as kore_campaigns (read_only)`"
        )
        if self.protect_foreign_tables:
            raise ForeignTables(self.name, found, recipe)
        if not self.notes:
            self.notes.append(
                f"{found}, and what it writes there is lost, because a run replaces this file. "
                f"Next: {recipe}"
            )

    def _foreign_tables(self) -> list[str]:
        """Tables and views of the published file that are not ours."""
        ours = {f"{schema.VIEW_SCHEMA}.{name}" for name in VIEWS}
        mine = (schema.RAW_SCHEMA, f"{schema.RAW_SCHEMA}_staging")
        with suppress(duckdb.Error), duckdb.connect(self.name, read_only=True) as connection:
            return [
                f"{schema_name}.{name}"
                for schema_name, name in connection.execute(_TABLES).fetchall()
                if schema_name not in mine and f"{schema_name}.{name}" not in ours
            ]
        return []  # what it is, the run says when it opens it

    def _replace_published(self) -> None:
        for file in (self.published, self.published.resolve()):
            # DuckDB would replay a log of the old file onto the new one
            _log_of(file).unlink(missing_ok=True)
        paths.replace(self.published, self._draft)
        paths.to_disk(self._draft.parent)

    def _step_bytes(self, *, is_settled: bool = True) -> int:
        """A chunk, the copy to publish, and the working copy if it is not there yet."""
        copies = [self.working_copy] if is_settled else 2 * [self.published]
        return sum(map(paths.size_of, copies)) + paths.room_for(self.chunk)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises `DestinationUnavailable`; removes half a copy, which would fill the disk."""
        try:
            with destination_errors(self.name):
                yield
        except DestinationUnavailable:
            with suppress(OSError):
                self._draft.unlink()
            raise

    def _identity(self) -> str:
        try:
            status = self.published.stat()
        except FileNotFoundError:
            return "nothing"
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def is_written(database: Path) -> bool:
    """True if another process has the file open for writing."""
    import fcntl

    with database.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _log_of(database: Path) -> Path:
    """DuckDB's write-ahead log of a file."""
    return Path(f"{database}.wal")
