"""Settings of the console; the variables are read by `liandong.settings`, nowhere else."""

from liandong.workflow import WorkflowSettings
from pydantic import Field


class ConsoleSettings(WorkflowSettings):
    """What the console needs to know beyond the common settings."""

    http_host: str = Field("127.0.0.1", description="address of the page; no login yet, so keep it on loopback")
    http_port: int = Field(21000, ge=0, description="HTTP port of the page; 0 picks a free one")
    operator: str = Field("DUTY_LEADER", description="post or person that presses the buttons unless another is chosen")
    district_name: str = Field("", description="name in the header; empty: the name of the node's area")
    sse_clients: int = Field(200, ge=1, description="pages that may be open at once; each costs one connection")
