"""How long a process that died waits before it is started again. Pure."""

_FIRST_S = 0.2
_LONGEST_S = 5.0
_STEADY_S = 30.0


class Backoff:
    """200 ms, doubled with every death up to 5 s; a run of 30 s or more counts as healthy and begins anew."""

    def __init__(self) -> None:
        self._next = _FIRST_S
        self.in_a_row = 0

    def after(self, ran_s: float) -> float:
        """Return the seconds to wait after a run of `ran_s` seconds that ended by itself."""
        if ran_s >= _STEADY_S:
            self._next, self.in_a_row = _FIRST_S, 0
        wait, self._next = self._next, min(self._next * 2, _LONGEST_S)
        self.in_a_row += 1
        return wait
