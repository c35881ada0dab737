"""Event hook deliveries made by hand, where a test decides what is in which and in which order they come."""

import http.client
import json
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.sandbox import HOOK_PASSWORD, Sandbox

Event = dict[str, Any]


@dataclass(frozen=True)
class Response:
    """What the hook answered."""

    status: int
    body: str


def call(url: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Response:
    """A request to the hook's address, with any body and any headers."""
    place = urllib.parse.urlsplit(url)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    try:
        connection.request(method, place.path, body, headers or {})
        answer = connection.getresponse()
        return Response(answer.status, answer.read().decode())
    finally:
        connection.close()


def envelope(events: list[Event], event_id: str | None = None) -> dict[str, Any]:
    """A delivery of these events, in the form in which Okta sends it."""
    return {
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "contentType": "application/json",
        "source": "https://acme.okta.com/api/v1/eventHooks/who1",
        "eventId": event_id or str(uuid.uuid4()),
        "eventTime": events[-1]["published"] if events else "2026-11-24T10:00:00.000Z",
        "data": {"events": events},
    }


def post(sandbox: Sandbox, body: bytes, secret: str | None = HOOK_PASSWORD) -> Response:
    """A POST of this body, as Okta makes it."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    if secret is not None:
        headers["authorization"] = secret
    return call(sandbox.hook_url, "POST", body, headers)


def deliver(sandbox: Sandbox, events: list[Event], event_id: str | None = None) -> Response:
    """A delivery of these events."""
    return post(sandbox, json.dumps(envelope(events, event_id)).encode())


def taken(sandbox: Sandbox, *changes: dict[str, Any]) -> list[Event]:
    """Makes changes in Okta and takes away the events, which Okta then does not deliver: they are to be delivered by hand."""
    since = len(happened(sandbox))
    sandbox.okta.deliver(paused=True, lose=1.0)
    sandbox.okta.change(*changes)
    sandbox.okta.flush()
    sandbox.okta.deliver(paused=False, lose=0.0)
    return happened(sandbox, since)


def happened(sandbox: Sandbox, since: int = 0) -> list[Event]:
    """The events in Okta's System Log, oldest first, from the `since`th on."""
    events: list[Event] = sandbox.okta.control("GET", "events")
    return events[since:]
