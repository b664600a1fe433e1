"""The judge's memory of recorded readings against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st
from sensing_service.domain import policy
from sensing_service.domain.memory import recall, remember

TIMES = st.integers(-(1 << 40), 1 << 42)
VALUES = (
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000)
)


@given(st.lists(st.tuples(TIMES, VALUES), max_size=60))
def test_everything_is_recalled_exactly(entries: list[tuple[int, float | None]]) -> None:
    seen = b""
    for at, value in entries:
        seen = remember(seen, at, value)
    assert recall(seen) == dict(entries)


@given(st.lists(st.tuples(st.integers(0, 30), VALUES), max_size=80), st.integers(1, 10))
def test_at_least_one_page_is_remembered(entries: list[tuple[int, float | None]], page: int) -> None:
    seen = b""
    for at, value in entries:
        seen = remember(seen, at, value, page)
    recalled = recall(seen)
    for at, value in dict(entries[-page:]).items():
        assert recalled[at] == value
    assert recalled.items() <= dict(entries[-2 * page :]).items() | set()


def test_regular_series_are_small() -> None:
    seen = b""
    for at in range(2 * policy.REMEMBERED):
        seen = remember(seen, 1_940_000_000_000 + at * 300_000, round(12.3 + (at % 7) / 1000, 3))
    assert len(recall(seen)) == 2 * policy.REMEMBERED
    assert len(seen) < 4 * 2 * policy.REMEMBERED
    assert recall(remember(seen, 1_950_000_000_000, 0.0)).keys() >= set(
        range(
            1_940_000_000_000 + policy.REMEMBERED * 300_000,
            1_940_000_000_000 + 2 * policy.REMEMBERED * 300_000,
            300_000,
        )
    )
