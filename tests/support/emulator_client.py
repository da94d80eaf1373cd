"""A caller of Kore's API that is independent of the code under test."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import requests

from kore_emulator import Emulator

TIMEOUT = 10


class Caller:
    """Signs each call afresh, and sends whatever the test wants to be wrong."""

    def __init__(self, kore: Emulator) -> None:
        self.kore = kore
        self.base = f"{kore.url}/campaign/api/v2/public/{kore.stream_id}/campaign"

    def token(self, key: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
        """A valid token; a claim given as None is left out."""
        now = int(time.time())
        usual = {"sub": "1", "appId": self.kore.client_id, "iat": now, "exp": now + 300}
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(payload, key or self.kore.client_secret, algorithm)

    def headers(self, token: str | None = None) -> dict[str, str]:
        return {
            "auth": token or self.token(jti=str(uuid.uuid4())),
            "iid": self.kore.stream_id,
            "accountId": self.kore.account_id,
        }

    def call(self, method: str, path: str, **wanted: Any) -> requests.Response:
        wanted.setdefault("headers", self.headers())
        wanted.setdefault("timeout", TIMEOUT)
        wanted["params"] = {"accountId": self.kore.account_id, **wanted.get("params", {})}
        wanted.setdefault("allow_redirects", False)
        return requests.request(method, f"{self.base}/{path}", **wanted)

    def detail(self, campaign_id: str, **wanted: Any) -> requests.Response:
        return self.call("GET", campaign_id, **wanted)

    def status(self, campaign_id: str) -> int:
        return self.detail(campaign_id).status_code

    def listing(self, **body: Any) -> requests.Response:
        return self.call("POST", "getAllCampaignDetails", json={"type": "voice", **body})

    def page(self, **body: Any) -> dict[str, Any]:
        page = self.listing(**body).json()["data"]
        assert isinstance(page, dict)
        return page
