"""`liandong keys`: the keys of personal data. For operators; it works on the topics, whether services run or not."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from liandong.clock import real_now
from liandong.errors import ConfigError, Unavailable
from liandong.local.client import LocalStack
from liandong.privacy.keks import KekFolder, generate
from liandong.refs.subject_keys import KeyKeeper
from liandong.settings import Settings
from liandong.wire import codec_of

app = typer.Typer(no_args_is_help=True, help="Keys of personal data: count, generate, rotate, erase.")
World = Annotated[str | None, typer.Option(help="World; default: that of LIANDONG_WORLD, else the real one.")]
console = Console()


@app.command("status")
def keys_status(world: World = None) -> None:
    """Count data keys by service, and by the key-encryption key that wraps them."""
    settings = settings_of(world)
    there = KekFolder(settings.kek_dir).names()
    _say(f"key-encryption keys in {settings.kek_dir}: {', '.join(there) or 'none'}")
    for count in KeyKeeper(settings, codec_of(settings)).status():
        wrapped = ", ".join(f"{name} {n}{'' if name in there else ' (missing!)'}" for name, n in count.by_kek.items())
        _say(f"{count.service}: {count.keys} data keys of {count.subjects} subjects; wrapped by {wrapped or 'none'}")


@app.command("generate")
def keys_generate(
    folder: Annotated[Path | None, typer.Argument(help="Where to put it; default: LIANDONG_KEK_DIR.")] = None,
) -> None:
    """Write a new key-encryption key, 0600, named by the time; on a cluster it becomes an entry of the secret."""
    where = folder or settings_of(None).kek_dir
    name = f"kek-{real_now():%Y%m%d-%H%M%S}"
    names = KekFolder(where).names()
    if names and name <= names[-1]:
        raise ConfigError(f"{where} holds {names[-1]}, which comes after {name} and would stay the newest: rename it")
    generate(where, name)
    _say(f"{where / name}")


@app.command("rotate")
def keys_rotate(world: World = None) -> None:
    """Wrap every data key with the newest key-encryption key. Events are not touched."""
    settings = settings_of(world)
    keks = KekFolder(settings.kek_dir)
    for service, count in KeyKeeper(settings, codec_of(settings)).rotate(keks, os.urandom).items():
        _say(f"{service}: {count} data keys wrapped with {keks.newest()[0]}")


@app.command("erase")
def keys_erase(
    subject: Annotated[str, typer.Argument(help="Id of the subject, as the records name it.")], world: World = None
) -> None:
    """Delete the data keys of a subject: all that was encrypted for it is unreadable from then on. For ever."""
    settings = settings_of(world)
    gone = KeyKeeper(settings, codec_of(settings)).erase(subject)
    for service, count in gone.items():
        _say(f"{service}: {count} data keys of {subject} deleted")
    if not any(gone.values()):
        raise ConfigError(f"no data key of {subject} was found: is the id right?")


def settings_of(world: str | None) -> Settings:
    """Return the environment's settings; without any, those of the stack that runs here."""
    settings = Settings()
    if "bootstrap" not in settings.model_fields_set:
        stack = LocalStack()
        try:
            at = stack.addresses(world or settings.world)
        except Unavailable:
            return settings.model_copy(update={"kek_dir": stack.layout.keys})
        update = {"bootstrap": at.bootstrap, "registry_url": at.registry_url, "kek_dir": stack.layout.keys}
        settings = settings.model_copy(update=update)
    return settings if world is None else settings.model_copy(update={"world": world})


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
