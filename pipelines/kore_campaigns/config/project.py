"""A project folder: where `.dlt/`, the file of campaign ids and the database are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.providers.toml import TomlProviderReadException

from kore_campaigns.config.campaign_ids import read_campaign_ids
from kore_campaigns.config.policies import read_policies
from kore_campaigns.config.settings import DEFAULT_POLICIES, KoreSettings
from kore_campaigns.errors import SettingInvalid


def project_folder(project_dir: str | Path | None = None) -> Path:
    """The folder that settings and relative paths belong to: given, `DLT_PROJECT_DIR`, or the
    current.
    """
    try:
        found = dlt.current.run_context().run_dir
    except TomlProviderReadException as unreadable:
        reason = str(unreadable).splitlines()[-1]
        raise SettingInvalid(
            key=f".dlt/{unreadable.file_name}", value="(not shown)", expected=f"TOML; {reason}"
        ) from None
    return Path(project_dir or found).absolute()


def configured_ids(
    settings: KoreSettings, folder: Path, *, connection: str | None = None
) -> list[str]:
    """The ids this connection is asked for; raises `CampaignIdsInvalid`."""
    campaigns = read_campaign_ids(folder / settings.campaign_ids)
    named = {campaign.connection for campaign in campaigns} - {"", connection or ""}
    if named and connection is None:
        raise SettingInvalid(
            key="connection",
            value=", ".join(sorted(named)),
            expected=(
                f"`--connection` with the name of one: {settings.campaign_ids} has ids of several"
            ),
        )
    found = [c.campaign_id for c in campaigns if c.connection in ("", connection or "")]
    if not found:
        raise SettingInvalid(
            key="connection",
            value=connection,
            expected=f"one that {settings.campaign_ids} has ids of: {', '.join(sorted(named))}",
        )
    return found


def configured_policies(settings: KoreSettings, folder: Path) -> list[dict[str, Any]]:
    """Rows of `kore_raw.policies` for this app; raises `PoliciesInvalid`.

    Nobody needs policies: the file that is looked for by default may be missing.
    """
    path = folder / settings.policies
    if settings.policies == DEFAULT_POLICIES and not path.exists():
        return []
    return [{"stream_id": settings.stream_id, **row} for row in read_policies(path)]
