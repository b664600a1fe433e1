"""Tokens: one encrypted value as printable text, `p1.<key id>.<base64url of nonce, ciphertext, tag>`. Pure.

AES-256-GCM under a subject's data key; record, field, subject and key id are authenticated, so a token that is moved or
altered anywhere does not open. Base64 is checked to be canonical: one value has one token text.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from liandong.privacy.sealed import Place

Random = Callable[[int], bytes]

KEY_BYTES = 32
NONCE_BYTES = 12
_KEY_ID_BYTES = 12
_VERSION = "p1"
_TOKEN = re.compile(r"p1\.([0-9a-f]{24})\.([A-Za-z0-9_-]{39,})", re.ASCII)


class BadToken(ValueError):
    """Not a token, or not one of this place and key."""


class DataKey(NamedTuple):
    """A key that encrypts values of one subject."""

    key_id: str
    secret: bytes


def new_data_key(random: Random) -> DataKey:
    """Return a fresh key."""
    return DataKey(random(_KEY_ID_BYTES).hex(), random(KEY_BYTES))


def seal(text: str, place: Place, key: DataKey, random: Random) -> str:
    """Return the token of a value. A lone surrogate, which no UTF-8 text has, passes as it is."""
    nonce = random(NONCE_BYTES)
    body = nonce + AESGCM(key.secret).encrypt(nonce, text.encode("utf-8", "surrogatepass"), _bound(place, key.key_id))
    return f"{_VERSION}.{key.key_id}.{urlsafe_b64encode(body).rstrip(b'=').decode()}"


def key_id_of(token: str) -> str | None:
    """Return the id of the data key that a token needs; None when it is no token."""
    match = _TOKEN.fullmatch(token)
    return match and match[1]


def open_token(token: str, place: Place, secret: bytes) -> str:
    """Return the value in a token. Raises BadToken, which never says what was in it."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise BadToken("not a token")
    try:
        body = urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4))
    except ValueError:
        raise BadToken("not base64") from None
    if urlsafe_b64encode(body).rstrip(b"=").decode() != match[2]:
        raise BadToken("not canonical base64")
    try:
        raw = AESGCM(secret).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], _bound(place, match[1]))
    except InvalidTag:
        raise BadToken("altered, moved, or of another key") from None
    return raw.decode("utf-8", "surrogatepass")


def _bound(place: Place, key_id: str) -> bytes:
    """Return the associated data; lengths keep one part from passing for another."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (_VERSION, *place, key_id)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
