"""One function per fault: how it changes the correct answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .answers import (
    CAMPAIGN_NOT_FOUND,
    HTML,
    INVALID_CREDENTIALS,
    PER_MINUTE_EXCEEDED,
    SCOPE_MISSING,
    Answer,
    encode,
    refusal,
)
from .catalogue import Catalogue
from .request import Request

LOGIN_PAGE = b"<!doctype html><html><title>Sign in</title><form action=/login></form></html>"
PROXY_PAGE = b"<html><body><h1>%d</h1>upstream error</body></html>"


@dataclass(frozen=True, slots=True)
class Scene:
    request: Request
    options: Mapping[str, Any]
    catalogue: Catalogue
    read: Callable[[Request], Answer]
    """Answer of a healthy Kore to any request."""

    def answer(self) -> Answer:
        return self.read(self.request)


def rate_limit(_: Scene) -> Answer:
    return PER_MINUTE_EXCEEDED


def rate_limit_retry_after(scene: Scene) -> Answer:
    return replace(PER_MINUTE_EXCEEDED, headers=_retry_after(scene))


def rate_limit_text(scene: Scene) -> Answer:
    body = encode({"status": "failure", "message": scene.options["text"]})
    return Answer(int(scene.options["status"]), body, headers=_retry_after(scene))


def server_error(scene: Scene) -> Answer:
    status = int(scene.options["status"])
    return Answer(status, PROXY_PAGE % status, HTML, _retry_after(scene))


def slow(scene: Scene) -> Answer:
    return replace(scene.answer(), wait=scene.options["seconds"])


def slow_body(scene: Scene) -> Answer:
    return replace(scene.answer(), trickle=scene.options["seconds"])


def reset(scene: Scene) -> Answer:
    return replace(scene.answer(), reset=True)


def truncated_json(scene: Scene) -> Answer:
    body = scene.answer().body
    return Answer(200, body[: len(body) // 2])


def cut_body(scene: Scene) -> Answer:
    return replace(scene.answer(), cut=True)


def html(_: Scene) -> Answer:
    return Answer(200, LOGIN_PAGE, HTML)


def status_failure(scene: Scene) -> Answer:
    return Answer(200, encode({"status": "failure", "message": scene.options["message"]}))


def wrong_id(scene: Scene) -> Answer:
    others = (key for key in scene.catalogue.ids() if key != scene.request.subject_id)
    other = next(others, None)
    if other is None:
        return _with_content(scene, {"_id": "cd-0000000-0000-4000-8000-000000000000"})
    return Answer(200, scene.catalogue.body(other) or b"")


def no_data(scene: Scene) -> Answer:
    envelope: dict[str, Any] = {"status": "success", "message": "Campaign  retrieved successfully"}
    shapes: dict[str, dict[str, Any]] = {"null": {"data": None}, "list": {"data": []}}
    return Answer(200, encode(envelope | shapes.get(scene.options["data"], {})))


def not_json_object(_: Scene) -> Answer:
    return Answer(200, encode([{"status": "success"}]))


def not_found(_: Scene) -> Answer:
    return CAMPAIGN_NOT_FOUND


def redirect(scene: Scene) -> Answer:
    return Answer(scene.options["status"], b"", headers={"Location": scene.options["location"]})


def unauthorized(_: Scene) -> Answer:
    return INVALID_CREDENTIALS


def forbidden(_: Scene) -> Answer:
    return refusal(403, "Forbidden")


def scope(_: Scene) -> Answer:
    return SCOPE_MISSING


def unknown_field(scene: Scene) -> Answer:
    name = scene.options["field"]
    content = _content(scene)
    nested = {**(content.get("dialingStrategy") or {}), name: {"isEnabled": True}}
    return _with_content(scene, {name: "added by Kore", "dialingStrategy": nested})


def silent_change(scene: Scene) -> Answer:
    campaign_id = scene.request.subject_id
    if campaign_id is not None and scene.catalogue.body(campaign_id) is not None:
        scene.catalogue.edit(campaign_id, scene.options["changes"], silent=True)
    return scene.answer()


def partial_listing(scene: Scene) -> Answer:
    page = _content(scene)
    if "results" not in page:
        return scene.answer()
    kept = page["results"][: max(0, len(page["results"]) - scene.options["drop"])]
    return _with_content(scene, {"results": kept})


def lying_listing(scene: Scene) -> Answer:
    page, options = _content(scene), scene.options
    if "results" not in page:
        return scene.answer()
    rows = [row for row in page["results"] if row.get("_id", row.get("id")) != options["hide"]]
    changes: dict[str, Any] = {"results": rows[:1] + rows if options["duplicate"] else rows}
    if options["total_results"] is not None:
        changes["totalResults"] = options["total_results"]
    return _with_content(scene, changes)


def listing_ignores(scene: Scene) -> Answer:
    ignored = scene.options["ignores"]
    ignored = {ignored} if isinstance(ignored, str) else set(ignored)
    wanted = {key: value for key, value in _wanted(scene).items() if key not in ignored}
    return scene.read(replace(scene.request, body=encode(wanted)))


def listing_order(scene: Scene) -> Answer:
    wanted = _wanted(scene) | {"sortBy": scene.options["sort_by"]}
    return scene.read(replace(scene.request, body=encode(wanted)))


def listing_limit(scene: Scene) -> Answer:
    if int(_wanted(scene).get("limit") or 0) > scene.options["most"]:
        return refusal(int(scene.options["status"]), "Validation errors/ Invalid arguments")
    return scene.answer()


def listing_totals(scene: Scene) -> Answer:
    page = _content(scene)
    numbers = {key: page.pop(key, None) for key in ("totalResults", "totalPages", "hasMore")}
    totals: dict[str, dict[str, Any]] = {
        "missing": {},
        "text": {key: str(value).lower() for key, value in numbers.items()},
        "page": {"totalResults": len(page["results"]), "totalPages": 1, "hasMore": False},
    }
    return _with_data(scene, page | totals[scene.options["totals"]])


def shifting_listing(scene: Scene) -> Answer:
    wanted = _wanted(scene) | {"sortBy": {"updatedAt": "desc"}}
    answer = scene.read(replace(scene.request, body=encode(wanted)))
    everything = encode({"type": wanted["type"], "limit": 1, "sortBy": {"updatedAt": "asc"}})
    oldest = json.loads(scene.read(replace(scene.request, body=everything)).body)["data"]
    for row in oldest["results"]:
        scene.catalogue.edit(row.get("_id", row.get("id")), {}, silent=False)
    return answer


def null_listing(scene: Scene) -> Answer:
    if scene.options["type"] not in (None, _wanted(scene)["type"]):
        return scene.answer()
    if scene.options["where"] == "data":
        return _with_data(scene, None)
    return _with_data(scene, {"results": None})


def _wanted(scene: Scene) -> dict[str, Any]:
    wanted = json.loads(scene.request.body)
    return wanted if isinstance(wanted, dict) else {}


def _retry_after(scene: Scene) -> dict[str, str]:
    value = scene.options["retry_after"]
    return {} if value is None else {"Retry-After": str(value)}


def _content(scene: Scene) -> dict[str, Any]:
    content = json.loads(scene.answer().body).get("data", {})
    return content if isinstance(content, dict) else {}


def _with_content(scene: Scene, changes: Mapping[str, Any]) -> Answer:
    return _with_data(scene, {**_content(scene), **changes})


def _with_data(scene: Scene, data: Any) -> Answer:
    answer = scene.answer()
    envelope = json.loads(answer.body)
    if "data" not in envelope:
        return answer
    return replace(answer, body=encode(envelope | {"data": data}))
