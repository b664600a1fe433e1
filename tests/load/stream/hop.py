"""One service of the latency chain: counts the key and passes the event on. `python -m tests.load.stream.hop JSON`."""

import json
import sys
from typing import Any

from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.stream.run import run_service
from liandong_contracts.base import Topic

from tests.load.stream.records import EIGHT, Passed, Step, codec


def main() -> None:
    """Run until SIGTERM."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    source = Topic(options["source"], "fact", "bench-feeder", ("key",), (Step,), EIGHT)
    target = Topic(options["target"], "fact", options["target"], ("key",), (Step,), EIGHT)
    hop = StreamService(options["source"])
    passed = hop.state(Passed, name="passed")

    @hop.on(source, Step, state=passed)
    def step(event: Event[Step], was: Passed | None, ctx: Context) -> Outcome[Passed]:
        out = Step(event.key, event.data.number)
        return Outcome(Passed(was.count + 1 if was else 1), [Out(target, out)])

    run_service(hop, Settings.model_validate(options["settings"]), codec=codec())


if __name__ == "__main__":
    main()
