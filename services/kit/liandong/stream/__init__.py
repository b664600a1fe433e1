"""Stream services: pure handlers over keyed state; input positions, state and outputs commit in one Kafka transaction.

The names below are the public ones; `api` says what a handler may do.
"""

from liandong.stream.api import KEEP, Context, Due, Out, Outcome, State, StreamService

__all__ = ["KEEP", "Context", "Due", "Out", "Outcome", "State", "StreamService"]
