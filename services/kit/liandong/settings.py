"""Every setting of a process, read from LIANDONG_* variables. The only place that reads the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from liandong.clock import Clock, clock_of


class Settings(BaseSettings):
    """What every process of a tier needs to know; services add their own fields."""

    model_config = SettingsConfigDict(env_prefix="LIANDONG_", env_file=None, extra="ignore")

    tier: str = Field("district", description="city, district or community: the tier that this process belongs to")
    area_code: str = Field("990101", description="area code of the node (GB/T 2260 form)")
    world: str = Field("", description="empty for the real world, else the prefix of a drill, demo or test world")
    instance: str = Field("0", description="stable name of this instance, for transactional ids and static membership")
    bootstrap: str = Field("127.0.0.1:21092", description="Kafka bootstrap servers")
    registry_url: str = Field("http://127.0.0.1:21081/apis/ccompat/v7", description="schema registry, Confluent API")
    register_schemas: bool = Field(True, description="register schemas at start; local mode only")
    max_value_bytes: int = Field(1_000_000, gt=5, description="most bytes of a Kafka value, read or written")
    native_codec: bool = Field(
        True, description="use what was built in C: codec, lane of the stream engine; false: Python"
    )
    data_dir: Path = Field(Path(".liandong/data"), description="where this process keeps its store or database")
    kek_dir: Path = Field(Path(".liandong/keys"), description="key-encryption keys of personal data, one file each")
    reference_dir: Path = Field(Path("tools/district"), description="reference data: areas, devices, spots, roster")
    ops_port: int = Field(0, description="HTTP port of /health and /metrics; 0 picks a free one")
    grpc_port: int = Field(0, description="gRPC port; 0 picks a free one")
    peers: dict[str, str] = Field(default_factory=dict, description='gRPC addresses by service, JSON {"flood": "h:p"}')
    clock_file: Path | None = Field(None, description="shared scaled clock of a demo or drill world")
    otlp_endpoint: str = Field("", description="OTLP/HTTP base URL that spans go to; empty: no export")
    trace_ratio: float = Field(0.01, ge=0, le=1, description="share of the chains whose spans are recorded")
    tuning: dict[str, int | float | str] = Field(
        default_factory=dict, description='figures of the stream engine, JSON {"latency_ms": 50}; see its Tuning'
    )
    log_json: bool = Field(False, description="JSON log lines (in pods) instead of readable ones")

    def clock(self) -> Clock:
        """Return the clock of this world."""
        return clock_of(self.clock_file)

    def scoped(self, name: str) -> str:
        """Return a group id or transactional id of this world and tier: `[world.]tier.name`."""
        return ".".join(part for part in (self.world, self.tier, name) if part)
