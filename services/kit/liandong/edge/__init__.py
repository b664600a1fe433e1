"""Edge services: the world outside. In: acknowledged to the device only after Kafka has it. No state, no judgement.

def main() -> None:
    run("sensing-gateway", SensingSettings(), serve)

async def serve(edge: Edge) -> None:
    ...                                   # open ports, then
    edge.ready("listening")
    await edge.stopping.wait()
"""

from liandong.edge.producer import EdgeProducer, Publication
from liandong.edge.run import Edge, run

__all__ = ["Edge", "EdgeProducer", "Publication", "run"]
