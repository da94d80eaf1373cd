"""What the program needs of a database: one base class, one file a kind of database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from kore_campaigns.errors import (
    DestinationUnavailable,
    SettingInvalid,
    causes,
    first_line,
    first_line_of_driver,
)
from kore_campaigns.load.reader import Reader

if TYPE_CHECKING:
    import dlt

    from kore_campaigns.config.settings import KoreSettings


class Destination(ABC):
    """A database that runs write and commands read.

    Its methods raise `DestinationUnavailable` when the database cannot be used. A class that cannot
    do something raises `SettingInvalid`, which names the setting `destination`.
    """

    kind: str
    """The value of `--destination`."""
    name: str
    """Name in reports and messages, without secrets."""
    short_name: str
    """Name on a page that is sent to others."""
    flags: str = ""
    """What a recommended command needs to address it."""
    notes: list[str]
    """What a run found and could not change, for the operator."""
    way_back: str = "restore a backup of the server"
    """What to do about a damaged history."""
    stop: Event = Event()
    """Once it is set, a wait for others ends with `Interrupted`; a run has an event of its own."""
    _pipeline: Callable[[], dlt.Pipeline]
    """The pipeline of the run."""

    @property
    def size_bytes(self) -> int:
        """Size of the file; 0 for a server."""
        return 0

    # a run
    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other commands that write; raises `DatabaseLocked`. A server locks each account
        in `open` instead.
        """
        yield

    @abstractmethod
    def open(self, settings: KoreSettings) -> AbstractContextManager[None]:
        """Open it for the run of one connection, with all tables and views of this version."""

    @contextmanager
    def step(self, versions: int | None) -> Iterator[None]:
        """Load a chunk of so many versions; None for the record of the start.

        It is durable and visible to readers when the block ended without error.
        """
        yield

    @abstractmethod
    def loaded(self) -> AbstractContextManager[Reader]:
        """Read what the run has loaded so far, published or not; small tables are written here."""

    def load(self, versions: Iterable[Mapping[str, Any]]) -> None:
        """Load versions as one load package; durable when this returns."""
        from kore_campaigns.load.dlt_load import load

        load(self._pipeline(), versions)

    @contextmanager
    def _with_pipeline(self, opened: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
        """Open the pipeline of dlt when it is first used: most runs load nothing."""
        with ExitStack() as stack:
            self._pipeline = cache(lambda: stack.enter_context(opened()))
            yield

    # other commands
    def read(self) -> AbstractContextManager[Reader]:
        """Read what analysts see; raises `DestinationUnavailable` if nothing was loaded yet."""
        raise unsupported(self.kind, "`duckdb` or `postgres`")

    @abstractmethod
    def read_if_any(self) -> AbstractContextManager[Reader | None]:
        """Read what analysts see; None if there is no database yet."""

    @abstractmethod
    def check(self, settings: KoreSettings | None) -> str:
        """Test what a run needs; a sentence about the result."""

    def writer(self) -> tuple[int, str] | None:
        """Process (on a server: backend) and start of a run in progress."""
        return None

    def published_state(self) -> object:
        """Differs after something was published; None where readers see each commit."""
        return None

    # rebuild and copy
    def rebuild_lock(self) -> AbstractContextManager[None]:
        """Exclude all runs; raises `DestinationUnavailable` if there is nothing to rebuild."""
        raise unsupported(self.kind, "`duckdb` or `postgres`")

    def rebuild_pipeline(self) -> AbstractContextManager[dlt.Pipeline]:
        """A pipeline for rebuilt versions, which readers do not see before `exchange`."""
        raise unsupported(self.kind, "`duckdb` or `postgres`")

    def exchange(self, history: str) -> AbstractContextManager[tuple[Reader, str, str]]:
        """Replace versions by rebuilt ones; published when the block ends without error.

        `history` selects the history of a `{schema}`. Yields a reader, the select of the history
        before, and the schema after.
        """
        raise unsupported(self.kind, "`duckdb` or `postgres`")

    def receive_copy(self) -> AbstractContextManager[Reader]:
        """All tables of this version, open for a copy that is committed or rolled back."""
        raise unsupported(self.kind, "`postgres`")


def unsupported(kind: str, expected: str) -> SettingInvalid:
    """The error of a kind of destination that cannot do this."""
    return SettingInvalid(key="destination", value=kind, expected=expected)


# by name: commands that only read a file import neither dlt nor the driver of Postgres
_LIBRARIES: Final = ("dlt", "duckdb", "_duckdb", "psycopg2")


@contextmanager
def destination_errors(database: str) -> Iterator[None]:
    """Map what dlt, a driver or the file system raises to `DestinationUnavailable`."""
    try:
        yield
    except Exception as failed:
        if isinstance(failed, OSError) or _library(failed) in _LIBRARIES:
            raise DestinationUnavailable(database, _reason(failed)) from failed
        raise


def _reason(failed: Exception) -> str:
    """The first cause: what dlt makes of it says less, or something else."""
    # Python makes folders from the last to the first, so what it says first is no cause
    is_clear = isinstance(failed, OSError) and failed.strerror
    chain = [failed] if is_clear else [*causes(failed)]
    for error in reversed(chain):
        if isinstance(error, OSError) and error.strerror:
            return f"{error.strerror} ({error.filename})"
        if _library(error).endswith("duckdb"):
            return first_line(error)
    return first_line_of_driver(chain[-1])


def _library(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]
