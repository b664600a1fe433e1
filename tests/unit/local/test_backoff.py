"""How long a process that died waits."""

from liandong.local.backoff import Backoff


def test_deaths_in_a_row_wait_longer_up_to_five_seconds() -> None:
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert backoff.in_a_row == 7


def test_a_healthy_run_begins_anew() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.after(0.1)
    assert backoff.after(30.0) == 0.2
    assert backoff.in_a_row == 1
