"""One value as a token: it opens at its place and under its key, and nowhere else, whatever is done to it."""

import copy
import os
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.privacy.sealed import Clear, Place, Sealed
from liandong.privacy.tokens import BadToken, DataKey, key_id_of, new_data_key, open_token, seal

KEY = DataKey("0123456789abcdef01234567", b"k" * 32)
PLACE = Place("liandong.dispatch.ReportReceived", "reporter_phone", "report-1")
ANYTHING = st.text(st.characters(), max_size=60)  # every code point, lone surrogates too


@settings(deadline=None)
@given(ANYTHING)
def test_any_text_comes_back_and_is_not_in_the_token(text: str) -> None:
    token = seal(text, PLACE, KEY, os.urandom)
    assert token.isascii()
    assert token.isprintable()
    assert not text or open_token(token, PLACE, KEY.secret) == text  # nobody seals the empty text
    assert len(text) < 4 or text not in token


@settings(deadline=None)
@given(st.data())
def test_a_token_with_any_byte_altered_does_not_open(data: st.DataObject) -> None:
    token = seal(data.draw(st.text(min_size=1, max_size=20)), PLACE, KEY, os.urandom)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))
    with pytest.raises(BadToken):
        open_token(token[:at] + other + token[at + 1 :], PLACE, KEY.secret)


@pytest.mark.parametrize(
    "place",
    [
        PLACE._replace(record="liandong.dispatch.CaseOpened"),
        PLACE._replace(field="reporter_name"),
        PLACE._replace(subject="report-2"),
        Place(PLACE.record + PLACE.field, "", PLACE.subject),
    ],
)
def test_a_token_that_was_moved_does_not_open(place: Place) -> None:
    token = seal("00000000001", PLACE, KEY, os.urandom)
    with pytest.raises(BadToken):
        open_token(token, place, KEY.secret)


def test_every_spare_bit_of_the_base64_counts() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = seal("ab", PLACE, KEY, os.urandom)  # 30 bytes: no spare bits; 31: four
    spare = seal("abc", PLACE, KEY, os.urandom)
    assert len(spare.rpartition(".")[2]) % 4 == 2
    opened = [c for c in alphabet if _opens(spare[:-1] + c)]
    assert opened == [spare[-1]]
    assert _opens(token)


def _opens(token: str) -> bool:
    try:
        open_token(token, PLACE, KEY.secret)
    except BadToken:
        return False
    return True


def test_two_tokens_of_one_value_differ() -> None:
    key = new_data_key(os.urandom)
    assert seal("x", PLACE, key, os.urandom) != seal("x", PLACE, key, os.urandom)
    assert key_id_of(seal("x", PLACE, key, os.urandom)) == key.key_id


def test_a_sealed_value_is_the_mask_to_everyone() -> None:
    token = seal("00000000001", PLACE, KEY, os.urandom)
    sealed = Sealed(token, PLACE)
    assert f"{sealed}|{sealed!r}|{sealed:>3}|" + str(sealed) == "***|'***'|***|***"
    assert sealed == "***"
    assert sealed != Sealed("", PLACE)
    for twin in (copy.deepcopy(sealed), pickle.loads(pickle.dumps(sealed)), Sealed.from_stored(sealed.stored)):
        assert twin == sealed
        assert twin.place == PLACE
        assert twin.token == token


def test_a_stored_value_keeps_a_subject_with_any_sign() -> None:
    place = PLACE._replace(subject="a@b@c")
    assert Sealed.from_stored(Sealed("t", place).stored).place == place
    assert Sealed.from_stored("plain text of an old row").token == ""


def test_a_clear_value_is_shown_only_when_asked() -> None:
    value = Clear("00000000001")
    assert f"{value} {value!r} {value!s} {value:>20}" == "*** *** *** ***"
    assert value.reveal() == "00000000001"
