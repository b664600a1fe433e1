import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from liandong.errors import ConfigError, Unavailable
from liandong.wire import Registry, RegistryIds
from liandong_contracts.base import schema_of
from liandong_contracts.sensing import ReadingObserved

TOPIC = "district.sensing.reading.v1"
SUBJECT = f"{TOPIC}-liandong.sensing.ReadingObserved"
UNKNOWN_SUBJECT = {"error_code": 40401, "message": "Subject not found."}
UNKNOWN_SCHEMA = {"error_code": 40403, "message": "Schema not found."}


class Server:
    """Answers from a list, remembers what was asked."""

    def __init__(self, *replies: tuple[int, Any] | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.registry = Registry(
            "http://registry.test/api/", transport=httpx.MockTransport(self._answer), pause=self.pauses.append
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        status, body = reply
        return httpx.Response(status, json=body) if not isinstance(body, str) else httpx.Response(status, text=body)


def test_register_posts_under_the_record_subject() -> None:
    server = Server((200, {"id": 7}))
    assert RegistryIds(server.registry, register=True).id_of(TOPIC, ReadingObserved) == 7
    request = server.asked[0]
    assert (request.method, request.url.path) == ("POST", f"/api/subjects/{SUBJECT}/versions")
    assert json.loads(request.content) == {"schema": schema_of(ReadingObserved)}


def test_look_up_does_not_register() -> None:
    server = Server((200, {"id": 7, "version": 1}))
    assert RegistryIds(server.registry, register=False).id_of(TOPIC, ReadingObserved) == 7
    assert server.asked[0].url.path == f"/api/subjects/{SUBJECT}"


def test_a_subject_is_quoted() -> None:
    server = Server((200, {"id": 7}))
    server.registry.look_up("a/b c", "{}")
    assert server.asked[0].url.raw_path == b"/api/subjects/a%2Fb%20c"


@pytest.mark.parametrize(
    ("reply", "call", "words"),
    [
        ((409, {"message": "type changed"}), lambda r: r.register("s", "{}"), "cannot read each other"),
        ((422, {"message": "not a schema"}), lambda r: r.register("s", "{}"), "HTTP 422: not a schema"),
        ((404, UNKNOWN_SUBJECT), lambda r: r.look_up("s", "{}"), "not registered under s"),
        ((404, "<html>not here"), lambda r: r.look_up("s", "{}"), "HTTP 404: <html>not here"),
        ((404, "<html>not here"), lambda r: r.schema(1), "HTTP 404"),
        ((200, "<html>hello"), lambda r: r.schema(1), "does not answer like a schema registry"),
        ((403, {"message": "no"}), lambda r: r.require_compatibility(), "HTTP 403: no"),
    ],
)
def test_a_refusal_says_what_to_do(reply: tuple[int, Any], call: Callable[[Registry], Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        call(Server(reply).registry)


def test_tries_again_with_growing_pauses() -> None:
    server = Server(httpx.ConnectError("refused"), (503, "busy"), (429, "slower"), (200, {"id": 7}))
    assert server.registry.register("s", "{}") == 7
    assert server.pauses == [0.1, 0.2, 0.4]


def test_gives_up_as_unavailable() -> None:
    server = Server(httpx.ReadTimeout("slow"))
    with pytest.raises(Unavailable, match="does not answer GET /schemas/ids/3"):
        server.registry.schema(3)
    assert len(server.asked) == 4


def test_an_unknown_id_is_asked_for_again_only_later() -> None:
    server = Server((404, UNKNOWN_SCHEMA), (200, {"schema": '"string"'}))
    now = [0.0]
    ids = RegistryIds(server.registry, register=False, monotonic=lambda: now[0])
    assert ids.schema(5) is None
    now[0] = 29.0
    assert ids.schema(5) is None
    assert len(server.asked) == 1
    now[0] = 31.0
    assert ids.schema(5) == "string"
    assert len(server.asked) == 2


def test_a_schema_that_is_not_json_is_handed_on_as_text() -> None:
    server = Server((200, {"schema": "syntax = proto3"}))
    assert RegistryIds(server.registry, register=False).schema(5) == "syntax = proto3"


def test_lists_versions_and_the_rule() -> None:
    assert Server((200, {"compatibilityLevel": "BACKWARD"})).registry.compatibility() == "BACKWARD"
    assert Server((200, ["b", "a"])).registry.subjects() == ["a", "b"]
    server = Server((200, [2, 1]))
    assert server.registry.versions("a/b") == [1, 2]
    assert server.asked[0].url.raw_path == b"/api/subjects/a%2Fb/versions"
    assert Server((200, {"schema": "{}"})).registry.version("s", 2) == "{}"
    with pytest.raises(ConfigError, match="does not answer like a schema registry"):
        Server((200, {"not": "a list"})).registry.subjects()
