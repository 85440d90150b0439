"""What an import of 10,000 rows costs, history and ledger included."""

from __future__ import annotations

from collections.abc import Iterator

from crm.bench.ground import Ground
from crm.bench.measure import Figure


def measure(ground: Ground) -> Iterator[Figure]:
    raise NotImplementedError
