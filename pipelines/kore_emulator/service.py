"""Answer a request as Kore does. No sockets here."""

from __future__ import annotations

import time

from . import answers
from .answers import Answer, success
from .catalogue import Catalogue
from .contact_lists import ContactLists
from .faults import FAULTS, FaultPlan
from .journal import Journal, RecordedRequest
from .limits import SlidingLog
from .listing import Listing
from .misbehaviour import Scene
from .request import Endpoint, Request
from .settings import Settings
from .tokens import TokenCheck, TokenRefusedError

HOUR = 3600.0


class Service:
    def __init__(
        self, settings: Settings, catalogue: Catalogue, faults: FaultPlan, journal: Journal
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._faults = faults
        self._journal = journal
        self._tokens = TokenCheck(settings)
        self._listing = Listing(catalogue)
        self.contact_lists = ContactLists(catalogue)
        self._minute = SlidingLog(settings.requests_per_minute, settings.window_seconds)
        self._hour = SlidingLog(settings.requests_per_hour, HOUR)

    def answer(self, request: Request, record: RecordedRequest) -> Answer:
        """Answer in Kore's order: gateway first, then an active fault, then the endpoint."""
        if request.endpoint in (Endpoint.WRITE, Endpoint.WRONG_METHOD):
            return answers.METHOD_NOT_ALLOWED
        refused = self._refusal(request, record) or self._over_budget(record.at)
        if refused is not None:
            return refused
        active = self._faults.take(request)
        if active is None:
            return self._read(request)
        scene = Scene(request, active.options, self._catalogue, self._read)
        return FAULTS[active.fault].play(scene)

    def _refusal(self, request: Request, record: RecordedRequest) -> Answer | None:
        try:
            claims = self._tokens.claims(request.headers.get("auth"), time.time())
        except TokenRefusedError as refused:
            self._journal.token_rejected()
            return refused.answer
        self._journal.identified(record, claims)
        settings = self._settings
        streams = {request.stream_id or settings.stream_id, request.headers.get("iid")}
        accounts = {request.query.get("accountId"), request.headers.get("accountid")}
        if streams != {settings.stream_id} or accounts != {settings.account_id}:
            return answers.INVALID_CREDENTIALS
        return None if settings.scope_granted else answers.SCOPE_MISSING

    def _over_budget(self, now: float) -> Answer | None:
        self._minute.limit = self._settings.requests_per_minute
        self._minute.seconds = self._settings.window_seconds
        self._hour.limit = self._settings.requests_per_hour
        if self._minute.is_full(now):
            return answers.PER_MINUTE_EXCEEDED
        if self._hour.is_full(now):
            return answers.PER_HOUR_EXCEEDED
        # a refused request does not count, otherwise a client that retries would never recover
        self._minute.grant(now)
        self._hour.grant(now)
        return None

    def _read(self, request: Request) -> Answer:
        match request.endpoint:
            case Endpoint.DETAIL:
                body = self._catalogue.body(request.subject_id)
                return answers.CAMPAIGN_NOT_FOUND if body is None else Answer(200, body)
            case Endpoint.LISTING:
                return self._listing.page(request.body, cap=self._settings.listing_cap)
            case Endpoint.STATUS:
                return self._status(request)
            case Endpoint.CONTACT_LISTS:
                return success("", self.contact_lists.rows())
            case Endpoint.CONTACT_LIST:
                row = self.contact_lists.detail(request.subject_id)
                return answers.LIST_NOT_FOUND if row is None else success("", row)
        return answers.NOT_FOUND

    def _status(self, request: Request) -> Answer:
        if request.query.get("view") != "status":
            return answers.INVALID_ARGUMENTS
        status = self._catalogue.status(request.subject_id)
        return answers.CAMPAIGN_NOT_FOUND if status is None else success(None, status)
