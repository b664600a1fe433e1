"""Scrub: personal values that this process has handled lately are cut out of logs and error texts.

The last line of defence, for an exception that quotes a value. It knows only what was sealed or read in the clear.
"""

import threading

from liandong_contracts.base import MASK

_REMEMBERED = 512
_SHORTEST = 2  # a single character would cut every text to pieces

_lock = threading.Lock()
_seen: dict[str, None] = {}


def remember(text: str) -> None:
    """Cut this value out of what is printed from now on; the oldest of 512 are forgotten."""
    if len(text) < _SHORTEST or text == MASK:
        return
    with _lock:
        _seen.pop(text, None)
        _seen[text] = None
        if len(_seen) > _REMEMBERED:
            del _seen[next(iter(_seen))]


def scrubbed(text: str) -> str:
    """Return the text without the remembered values, also where they are escaped as JSON or repr would."""
    with _lock:
        values = sorted(_seen, key=len, reverse=True)
    for value in values:
        for form in {value, repr(value)[1:-1], ascii(value)[1:-1]}:
            if form in text:
                text = text.replace(form, MASK)
    return text
