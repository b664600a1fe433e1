"""pytest fixtures on real components: one broker and registry a session, a world of its own for every test.

Register it in the root conftest: `pytest_plugins = ["liandong.testing.plugin"]`. Nothing starts until a test asks.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from liandong.errors import ConfigError
from liandong.local import artifacts
from liandong.local.client import LocalStack
from liandong.local.settings import LocalSettings
from liandong.settings import Settings

if TYPE_CHECKING:
    from liandong.testing.postgres import PostgresForTests

_BROKER = "kafka"


class KafkaForTests:
    """A real broker and registry on free ports in a temporary folder, both under the product's own supervisor."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        at = stack.addresses()
        self.bootstrap: str = at.bootstrap
        self.registry_url: str = at.registry_url

    def kill_broker(self) -> None:
        """Send SIGKILL to the broker, by its process id; returns when the supervisor has a new one ready."""
        self.stack.wait_ready(_BROKER, after_pid=self.stack.kill(_BROKER))

    def kill_registry(self) -> None:
        """Send SIGKILL to the registry; returns when the supervisor has a new one ready."""
        self.stack.wait_ready("registry", after_pid=self.stack.kill("registry"))

    def hold_broker(self) -> None:
        """Send SIGKILL to the broker and keep it down."""
        self.stack.hold(_BROKER)

    def start_broker(self) -> None:
        """Start a held broker again and wait until it serves."""
        self.stack.release(_BROKER)
        self.stack.wait_ready(_BROKER)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[KafkaForTests]:
    """One broker and one registry for the whole session; skips when their files were not downloaded (CI: fails)."""
    settings = LocalSettings(project=pytestconfig.rootpath)
    stack = LocalStack(tmp_path_factory.mktemp("kafka"), settings=settings, tethered=True)
    try:
        artifacts.require(artifacts.read_lock(stack.layout.lock), stack.layout.lib)
    except ConfigError as error:
        if settings.ci:
            pytest.fail(str(error))
        pytest.skip(str(error))
    stack.up(services=False)
    yield KafkaForTests(stack)
    stack.down()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator["PostgresForTests"]:
    """One PostgreSQL server for the whole session; skips where there is none (CI: fails)."""
    from liandong.testing.postgres import PostgresForTests, find_binaries  # needs a driver that not all have

    binaries = find_binaries()
    if binaries is None:
        reason = "no PostgreSQL: install pgserver, or Debian's postgresql"
        if LocalSettings(project=pytestconfig.rootpath).ci:
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgresForTests(binaries)
    yield server
    server.stop()


@pytest.fixture
def world() -> str:
    """Return a world name that no other test has."""
    return f"t-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def settings(
    kafka: KafkaForTests, world: str, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Callable[..., Settings]:
    """Return a factory of settings in this test's world; keyword arguments replace single fields."""
    folder = tmp_path_factory.mktemp(world)

    def make(**fields: object) -> Settings:
        base: dict[str, object] = {
            "world": world,
            "bootstrap": kafka.bootstrap,
            "registry_url": kafka.registry_url,
            "data_dir": folder,
            "kek_dir": folder / "keys",
            "reference_dir": pytestconfig.rootpath / "tools" / "district",
        }
        return Settings.model_validate(base | fields)

    return make
