"""Structured logs: a constant event name and fields. Ids only; never names, mails, tokens or session ids."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up(*, level: int = logging.INFO) -> None:
    """JSON lines on standard error, for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


log = structlog.get_logger()
