from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crm.connectors.metabase import Metabase
from tests.connectors.bad_answers import KEY, QUESTIONS, Scripted, scripted


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as running:
        yield running


@pytest.fixture
def metabase(server: Scripted) -> Callable[..., Metabase]:
    """The connector towards the scripted server, without pauses between its tries."""

    def made(**other: Any) -> Metabase:
        return Metabase(server.url, KEY, QUESTIONS, **{"pause_seconds": 0.0, **other})

    return made
