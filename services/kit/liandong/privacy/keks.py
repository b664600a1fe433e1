"""Key-encryption keys: a folder with one file each, as a mounted Kubernetes secret is. They wrap data keys.

The newest by name wraps; every one that is there unwraps. A file holds 32 bytes, raw or as base64 text.
"""

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from liandong_contracts.kit import SubjectKey

from liandong.errors import ConfigError
from liandong.privacy.tokens import KEY_BYTES, NONCE_BYTES, DataKey, Random

LOCAL_KEK = "local-0001"
"""Name of the key that local mode makes when there is none."""
_LOOK_AGAIN_S = 5.0


class Keks(Protocol):
    """Where key-encryption keys come from."""

    def newest(self) -> tuple[str, bytes]:
        """Return the id and the key to wrap with. Raises ConfigError when there is none."""
        ...

    def find(self, kek_id: str) -> bytes | None:
        """Return a key; None when it is not there."""
        ...


class KekFolder:
    """The keys in a folder, read again now and then because a mounted secret changes under a running process."""

    def __init__(self, folder: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._monotonic = monotonic
        self._keys: dict[str, bytes] = {}
        self._looked_at = -_LOOK_AGAIN_S

    def newest(self) -> tuple[str, bytes]:
        """Return the last key by name. Raises ConfigError when the folder has none."""
        self._look()
        if not self._keys:
            raise ConfigError(
                f"no key-encryption key in {self.folder}: mount the secret there, or set LIANDONG_KEK_DIR to where it "
                "is (`liandong keys generate` makes one for this machine)"
            )
        name = max(self._keys)
        return name, self._keys[name]

    def find(self, kek_id: str) -> bytes | None:
        """Return the key of this name."""
        self._look()
        return self._keys.get(kek_id)

    def names(self) -> list[str]:
        """Return the names of all keys, the newest last."""
        self._look()
        return sorted(self._keys)

    def _look(self) -> None:
        if self._monotonic() - self._looked_at < _LOOK_AGAIN_S:
            return
        found = sorted(path for path in self.folder.glob("*") if path.is_file() and not path.name.startswith("."))
        self._keys = {path.name: _key_in(path) for path in found}
        self._looked_at = self._monotonic()


def generate(folder: Path, name: str) -> bool:
    """Write a new random key for this machine, readable by its user only; False when one of this name is there.

    Two processes may try at once: the file appears complete and once.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{name}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, folder / name)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def wrap(key: DataKey, subject: str, keks: Keks, at: datetime, random: Random) -> SubjectKey:
    """Return the record that keeps a data key, under the newest key-encryption key."""
    kek_id, kek = keks.newest()
    nonce = random(NONCE_BYTES)
    wrapped = nonce + AESGCM(kek).encrypt(nonce, key.secret, _bound(subject, key.key_id, kek_id))
    return SubjectKey(subject=subject, key_id=key.key_id, kek_id=kek_id, wrapped=wrapped, created_at=at)


def unwrap(kept: SubjectKey, keks: Keks) -> bytes | None:
    """Return the data key in a record; None when its key-encryption key is not there or the record was altered."""
    kek = keks.find(kept.kek_id)
    if kek is None or len(kept.wrapped) < NONCE_BYTES:
        return None
    nonce, body = kept.wrapped[:NONCE_BYTES], kept.wrapped[NONCE_BYTES:]
    try:
        return AESGCM(kek).decrypt(nonce, body, _bound(kept.subject, kept.key_id, kept.kek_id))
    except InvalidTag:
        return None


def _bound(*parts: str) -> bytes:
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _key_in(path: Path) -> bytes:
    raw = path.read_bytes()
    if len(raw) != KEY_BYTES:
        try:
            raw = b64decode(raw.strip(), validate=True)
        except ValueError:
            raw = b""
    if len(raw) != KEY_BYTES:
        raise ConfigError(f"{path}: a key-encryption key is {KEY_BYTES} random bytes, raw or as base64 text")
    return raw
