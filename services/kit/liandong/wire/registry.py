"""A small client of a schema registry with the Confluent API: register, look up, fetch by id. No cache, no Avro."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from liandong.errors import ConfigError, Unavailable

FULL = "FULL_TRANSITIVE"
"""The rule of our subjects: each version reads every other one, both ways."""
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.1
_TIMEOUT_S = 5.0
_UNKNOWN = frozenset({40401, 40402, 40403})  # subject, version, schema; a bare 404 is another server's
_INCOMPATIBLE = 409
_BUSY = 429
_SERVER_ERROR = 500


class Registry:
    """Talks to one registry; tries again with growing pauses while it is away, then raises Unavailable."""

    def __init__(
        self, url: str, *, transport: httpx.BaseTransport | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(timeout=_TIMEOUT_S, transport=transport, trust_env=False)
        self._pause = pause

    def register(self, subject: str, schema: str) -> int:
        """Return the id of a schema under a subject, registering it when it is new.

        Raises ConfigError when it is incompatible with what is registered, Unavailable.
        """
        reply = self._call("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": schema})
        if reply.status_code == _INCOMPATIBLE:
            raise ConfigError(
                f"the registry refuses the schema for {subject}: this build and an earlier version of the record "
                f"cannot read each other ({_differences(_message(reply))}); "
                f"`liandong check --registry {self._url}` says which field, whom it hits and what to do"
            )
        return _id(reply, subject)

    def look_up(self, subject: str, schema: str) -> int:
        """Return the id that a schema has under a subject. Raises ConfigError when it is not registered."""
        reply = self._call("POST", f"/subjects/{quote(subject, safe='')}", {"schema": schema})
        if _is_unknown(reply):
            raise ConfigError(
                f"the schema of this build is not registered under {subject}: register it before the roll-out, "
                "or set LIANDONG_REGISTER_SCHEMAS=true in local mode"
            )
        return _id(reply, subject)

    def schema(self, schema_id: int) -> str | None:
        """Return the text of a schema, None when the registry does not know the id."""
        reply = self._call("GET", f"/schemas/ids/{schema_id}")
        if _is_unknown(reply):
            return None
        return str(_body(reply, f"schema {schema_id}")["schema"])

    def require_compatibility(self, level: str = FULL) -> None:
        """Make `level` the rule for all subjects without a rule of their own."""
        _body(self._call("PUT", "/config", {"compatibility": level}), "the compatibility rule")

    def compatibility(self) -> str:
        """Return the rule for all subjects without a rule of their own, `NONE` where none is set."""
        body = _body(self._call("GET", "/config"), "to tell the compatibility rule")
        return str(body.get("compatibilityLevel", "NONE"))

    def subjects(self) -> list[str]:
        """Return the names of all subjects."""
        return sorted(map(str, _list(self._call("GET", "/subjects"), "to list subjects")))

    def versions(self, subject: str) -> list[int]:
        """Return the version numbers of a subject."""
        reply = self._call("GET", f"/subjects/{quote(subject, safe='')}/versions")
        return sorted(map(int, _list(reply, f"to list versions of {subject}")))

    def version(self, subject: str, number: int) -> str:
        """Return the text of one version of a subject."""
        reply = self._call("GET", f"/subjects/{quote(subject, safe='')}/versions/{number}")
        return str(_body(reply, f"version {number} of {subject}")["schema"])

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> httpx.Response:
        """Call; an answer that blames the server or nobody is tried again."""
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                reply = self._http.request(method, self._url + path, json=body)
            except httpx.TransportError as error:
                problem = repr(error)
                continue
            if reply.status_code < _SERVER_ERROR and reply.status_code != _BUSY:
                return reply
            problem = f"HTTP {reply.status_code}: {_message(reply)}"
        raise Unavailable(f"schema registry {self._url} does not answer {method} {path}: {problem}")


def _differences(message: str) -> str:
    """Return the part of the registry's message that names the places in the schema."""
    found = re.search(r"diff types: \[(.*)\]", message, re.DOTALL)
    return found.group(1) if found else message


def _id(reply: httpx.Response, subject: str) -> int:
    return int(_body(reply, f"the schema of {subject}")["id"])


def _is_unknown(reply: httpx.Response) -> bool:
    try:
        return not reply.is_success and reply.json()["error_code"] in _UNKNOWN
    except (ValueError, KeyError, TypeError):
        return False


def _body(reply: httpx.Response, about: str) -> dict[str, Any]:
    if reply.is_success:
        try:
            body: dict[str, Any] = reply.json()
        except ValueError as error:
            raise ConfigError(f"{reply.url} does not answer like a schema registry: is the address right?") from error
        return body
    raise ConfigError(f"the registry refuses {about}: HTTP {reply.status_code}: {_message(reply)}")


def _list(reply: httpx.Response, about: str) -> list[Any]:
    found: Any = _body(reply, about)
    if not isinstance(found, list):
        raise ConfigError(f"{reply.url} does not answer like a schema registry: is the address right?")
    return found


def _message(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return reply.text[:200]
