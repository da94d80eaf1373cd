"""A parsed request: its endpoint and its campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, unquote

BASE = ("", "campaign", "api", "v2", "public")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Endpoint(StrEnum):
    DETAIL = "detail"
    LISTING = "listing"
    STATUS = "status"
    CONTACT_LISTS = "contact_lists"
    CONTACT_LIST = "contact_list"
    WRITE = "write"
    WRONG_METHOD = "wrong_method"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    endpoint: Endpoint
    stream_id: str | None
    subject_id: str | None
    """The campaign or contact list that the path names."""


def parse_request(
    method: str, target: str, headers: Mapping[str, str], body: bytes, *, detail_method: str
) -> Request:
    """Parse a request. Split the path before decoding: an id may contain an encoded slash."""
    path, _, raw_query = target.partition("?")
    segments = [unquote(segment) if "%" in segment else segment for segment in path.split("/")]
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    stream_id, endpoint, subject_id = None, Endpoint.UNKNOWN, None
    if tuple(segments[:5]) == BASE and len(segments) > 7 and segments[6] == "campaign":
        stream_id = segments[5]
        endpoint, subject_id = _endpoint(method, segments[7:], query, detail_method)
    elif method not in READ_METHODS:
        endpoint = Endpoint.WRITE
    return Request(method, path, query, headers, body, endpoint, stream_id, subject_id)


def _endpoint(
    method: str, rest: list[str], query: Mapping[str, str], detail_method: str
) -> tuple[Endpoint, str | None]:
    match method, rest:
        case "POST", ["getAllCampaignDetails"]:
            return Endpoint.LISTING, None
        case "POST", ["contactList", "getAllListDetails"]:
            return Endpoint.CONTACT_LISTS, None
        case "GET", ["contactList", list_id]:
            return Endpoint.CONTACT_LIST, list_id
        case "POST", [campaign_id, "status"]:
            return Endpoint.STATUS, campaign_id
        case _, [campaign_id] if method == detail_method and "campaignType" not in query:
            return Endpoint.DETAIL, campaign_id
        case _ if method not in READ_METHODS:
            # everything else that is not a plain read edits, starts or stops something at Kore
            return Endpoint.WRITE, rest[0]
        case _, [campaign_id]:
            return Endpoint.WRONG_METHOD, campaign_id
    return Endpoint.UNKNOWN, None
