from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

class Program:
    def __new__(cls, nodes: tuple[tuple[Any, ...], ...], writes: bool) -> Program: ...
    def decode(self, raw: bytes, at: int = 0, /) -> Any: ...
    def decode_many(self, raws: Iterable[bytes | None], at: int = 0, /) -> list[Any]: ...
    def encode(self, record: Any, prefix: bytes = b"", /) -> bytes: ...

class Frames:
    def __new__(
        cls,
        programs: Mapping[int, Program],
        otherwise: Callable[[bytes | None, Exception | None], Any],
        bad: type[Exception],
        limit: int,
    ) -> Frames: ...
    def __call__(self, value: bytes | None, /) -> Any: ...
    def many(self, values: Sequence[bytes | None], /) -> list[Any]: ...

class Events:
    def __new__(
        cls,
        type: type[Any],
        fields: tuple[str, ...],
        defaults: tuple[Any, ...],
        texts: dict[str, str],
        numbers: dict[str, str],
    ) -> Events: ...
    def __call__(
        self, data: Any, headers: Any, topic: str, partition: int, offset: int, ms: int, key: str, /
    ) -> Any: ...

class Lane:
    def __new__(
        cls,
        routes: dict[str, dict[bytes, tuple[int, Callable[..., Any], str, str, type[Any]]]],
        events: Events,
        codec: Any,
        now: Callable[[], Any],
        refs: Any,
        keep: Any,
        event: type[Any],
        cell: type[Any],
        outcome: type[Any],
        context: type[Any],
        most_bytes: int,
        most_recent: int,
    ) -> Lane: ...
    def __call__(self, message: Any, topic: str, tables: list[Any], /) -> bool: ...

def set_foreign_time(function: Callable[[Any], int], /) -> None: ...
