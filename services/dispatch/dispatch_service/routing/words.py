"""Words of a message: masked, then cut. Must not keep a telephone number or an identity number in any form."""

import re
import unicodedata
from collections.abc import Callable, Container
from itertools import pairwise

MASK = "＊"
MAX_CHARS = 2_000  # what decides stands at the beginning; a text of 1 MB costs as much as a long letter
LEAD = 12  # words; the title stands first and counts twice

_PHONE = r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8})(?!\d)"
_IDENTITY = r"(?<!\d)\d{17}[\dXx](?![0-9A-Za-z])"
_PERSONAL = re.compile(f"{_IDENTITY}|{_PHONE}")
_NUMBERS = re.compile(rf"{_IDENTITY}|{_PHONE}|\d{{6,}}[Xx]?")  # in prose any long number may be somebody's


def masked(text: str) -> str:
    """Return the text in one width of digits, telephone and identity numbers and other numbers of 6 digits masked."""
    whole = text.encode("utf-8", "replace").decode("utf-8")  # half characters stop no message
    return _NUMBERS.sub(MASK, unicodedata.normalize("NFKC", whole))


def masked_field(value: str) -> str:
    """Return a field's value with telephone and identity numbers masked; ids of areas and units stay."""
    return _PERSONAL.sub(MASK, value)


def segmented(text: str) -> list[str]:
    """Return the words of a text that blanks already separate."""
    return masked(text[: 4 * MAX_CHARS]).split()


def cutter() -> Callable[[str], list[str]]:
    """Return what cuts raw text into words; loads the dictionary, about a second."""
    import rjieba  # only here: who has segmented text needs no dictionary

    rjieba.cut("字")  # loads the dictionary now, not with the first citizen

    def cut(text: str) -> list[str]:
        return [word for word in rjieba.cut(masked(text[:MAX_CHARS])) if not word.isspace()]

    return cut


def terms_of(words: list[str], known: Container[str]) -> list[str]:
    """Return single words and pairs of neighbours, of known words only: unknown ones and stop words fall out alike."""
    kept = [word for word in words if word in known]
    kept = kept[:LEAD] + kept
    return kept + [f"{left} {right}" for left, right in pairwise(kept)]
