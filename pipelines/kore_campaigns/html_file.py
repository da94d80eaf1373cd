"""`kore-campaigns report`: the page, written whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kore_campaigns.disk import replace_text
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.file_errors import in_bytes
from kore_campaigns.html_page import html_page
from kore_campaigns.page_facts import read_page_facts
from kore_campaigns.publish import Workspace
from kore_campaigns.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class WrittenPage:
    file: str
    bytes_written: int

    @property
    def size(self) -> str:
        return in_bytes(self.bytes_written)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def write_page(place: Workspace | Warehouse, file: str) -> WrittenPage:
    """Write the page of what readers see there.

    Raises `DestinationUnavailable` if there is none, `SettingInvalid` if the file cannot be
    written; a page that is there stays then.
    """
    text = html_page(read_page_facts(place))
    target = Path(file)
    try:
        replace_text(target, text)
    except OSError as failed:
        expected = f"a file that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="html", value=file, expected=expected) from failed
    return WrittenPage(str(target), len(text.encode()))
