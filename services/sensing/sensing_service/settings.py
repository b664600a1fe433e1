"""Settings of sensing's processes, besides those that every process has."""

from liandong.settings import Settings
from pydantic import Field


class SensingSettings(Settings):
    """Ports and protections of the gateway. Protections count real seconds, not the world's."""

    bind_host: str = Field("127.0.0.1", description="address that devices connect to")
    sl651_port: int = Field(0, description="TCP port of SL 651 stations; 0 picks a free one")
    hj212_port: int | None = Field(None, description="TCP port of HJ 212 stations; 0 picks a free one; unset: closed")
    szy206_port: int | None = Field(None, description="TCP port of SZY 206 terminals; 0: a free one; unset: closed")
    gb26875_port: int | None = Field(
        None, description="TCP port of GB/T 26875.3 transmission devices; 0 picks a free one; unset: closed"
    )
    sl651_password: str = Field("", description="password that SL 651 frames must carry, four digits; empty: any")
    hj212_password: str = Field("", description="password (PW) that HJ 212 packets must carry; empty: any")
    sl651_tolerate: str = Field("", description="tolerances changed for SL 651: NAME or -NAME, separated by commas")
    hj212_tolerate: str = Field("", description="tolerances changed for HJ 212, such as modbus_crc")
    szy206_tolerate: str = Field("", description="tolerances changed for SZY 206, such as flow_per_hour")
    gb26875_tolerate: str = Field("", description="tolerances changed for GB/T 26875.3")
    allow_from: str = Field(
        "", description="networks that devices may connect from (CIDR), separated by commas; empty: all"
    )
    http_port: int = Field(0, description="HTTP port of reports and device registration; 0 picks a free one")
    max_connections: int = Field(20_000, ge=1, description="connections at once per device port; more are closed")
    max_per_source: int = Field(4_000, ge=1, description="connections at once from one address per device port")
    idle_s: float = Field(600, gt=0, description="a connection without any byte for so long is closed")
    frame_s: float = Field(15, gt=0, description="a started frame or HTTP request head must be complete after so long")
    proof_s: float = Field(180, gt=0, description="a connection must bring its first good frame within this time")
    frames_per_s: float = Field(200, gt=0, description="frames per second of one connection; more have to wait")
    frames_burst: int = Field(1_000, ge=1, description="frames that may come at once before they have to wait")
    kafka_patience_s: float = Field(20, gt=0, description="HTTP requests wait so long for Kafka, then 503")
