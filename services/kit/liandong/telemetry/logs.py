"""Logging of a process: readable lines locally, JSON lines in pods; standard library loggers come out the same way."""

import logging

import structlog

from liandong.privacy.scrub import scrubbed


class _Scrubbing(structlog.stdlib.ProcessorFormatter):
    """Cuts personal values out of the finished line, whatever message or traceback brought them there."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(super().format(record))


def setup_logs(service: str, *, as_json: bool = False, level: int = logging.INFO) -> None:
    """Send every logger of the process to standard error in one form; call once, before anything else."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    formatter = _Scrubbing(foreign_pre_chain=shared, processor=last)
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("aiokafka", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)
