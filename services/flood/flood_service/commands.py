"""gRPC commands: a weather warning is checked, then asked for on flood's own request topic. Kafka's word is awaited."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock
from liandong.edge import Publication
from liandong.ids import event_id
from liandong.rpc.context import current_traceparent
from liandong_contracts import topics
from liandong_contracts.common import Colour
from liandong_contracts.flood import WarningAction, WeatherWarningSubmitted
from liandong_contracts.rpc import flood_pb2 as pb
from liandong_contracts.rpc import flood_pb2_grpc as rpc

Publish = Callable[[Publication], None]
_REMEMBERED = 1000


class CommandServicer(rpc.FloodCommandServicer):
    """FloodCommand. `publish` returns when Kafka has the event and raises otherwise; `area_code`: the node's."""

    def __init__(self, publish: Publish, clock: Clock, area_code: str) -> None:
        self._publish = publish
        self._clock = clock
        self._area6 = area_code[:6]
        self._done: OrderedDict[str, pb.SubmitWarningReply] = OrderedDict()
        self._lock = Lock()

    def SubmitWarning(  # noqa: N802
        self, request: pb.SubmitWarningRequest, context: grpc.ServicerContext
    ) -> pb.SubmitWarningReply:
        """Take a warning. A repeated request_id gives the same reply and no second effect."""
        with self._lock:
            known = self._done.get(request.request_id)
        if known is not None:
            return known
        reply = self._submit(request)
        with self._lock:
            self._done[request.request_id] = reply
            while len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
        return reply

    def _submit(self, request: pb.SubmitWarningRequest) -> pb.SubmitWarningReply:
        if not request.request_id:
            raise ValueError("request_id is missing: it tells a repetition from a second warning")
        refusal = _refusal(request) or self._wrong_area(request.area_code)
        if refusal is not None:
            return refusal
        record = WeatherWarningSubmitted(
            area_code=self._area6,
            warning_id=request.warning_id,
            event_code=request.event_code,
            colour=Colour(request.colour),
            action=WarningAction(request.action),
            effective=_time(request.effective),
            expires=_time(request.expires),
            issuer=request.issuer,
        )
        self._publish(
            Publication(
                topic=topics.FLOOD_REQUEST,
                record=record,
                event_id=event_id(f"flood.submit-warning|{request.request_id}", record.FULL_NAME, 0),
                time=self._clock.now(),
                area_code=self._area6,
                traceparent=current_traceparent(),
            )
        )
        return pb.SubmitWarningReply(accepted=True)

    def _wrong_area(self, area_code: str) -> pb.SubmitWarningReply | None:
        """Refuse a warning for somewhere else; one for a street of the district or for its city counts here."""
        if area_code and (area_code.startswith(self._area6) or self._area6.startswith(area_code)):
            return None
        return _no("WRONG_AREA", f"area {area_code or '(none)'} is not of this node, {self._area6}")


def _refusal(request: pb.SubmitWarningRequest) -> pb.SubmitWarningReply | None:
    for field in ("warning_id", "event_code", "issuer"):
        if not getattr(request, field):
            return _no("MISSING_FIELD", f"{field} is missing")
    if request.colour not in Colour.__members__ or request.colour == Colour.UNKNOWN:
        return _no("WRONG_COLOUR", f"{request.colour or '(none)'} is no colour: WHITE, BLUE, YELLOW, ORANGE or RED")
    if request.action not in WarningAction.__members__ or request.action == WarningAction.UNKNOWN:
        return _no("WRONG_ACTION", f"{request.action or '(none)'} is no action: ISSUE, UPDATE or CANCEL")
    if not request.HasField("effective") or not request.HasField("expires"):
        return _no("WRONG_TIME", "effective and expires are both needed")
    if _time(request.expires) <= _time(request.effective):
        return _no("WRONG_TIME", "the warning expires before it takes effect")
    return None


def _no(code: str, reason: str) -> pb.SubmitWarningReply:
    return pb.SubmitWarningReply(accepted=False, code=code, reason=reason)


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
