"""The demo's eleven markets and their currencies. Alone in its file: the stand-in production needs no more of the organisation than this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """`usd_per_unit` is where the currency's rate starts, `drift` its yearly trend, `swing` its weekly noise (shares)."""

    name: str
    currency: str
    usd_per_unit: float
    drift: float = 0.0
    swing: float = 0.0


MARKETS: Mapping[str, Market] = {
    "AE": Market("United Arab Emirates", "AED", 0.272294),
    "SA": Market("Saudi Arabia", "SAR", 0.266667),
    "KW": Market("Kuwait", "KWD", 3.255, 0.001, 0.0006),
    "JO": Market("Jordan", "JOD", 1.410437),
    "EG": Market("Egypt", "EGP", 0.0208, -0.04, 0.004),
    "GB": Market("United Kingdom", "GBP", 1.272, 0.02, 0.006),
    "DE": Market("Germany", "EUR", 1.083, 0.03, 0.006),
    "PL": Market("Poland", "PLN", 0.251, 0.03, 0.008),
    "KE": Market("Kenya", "KES", 0.00771, 0.0, 0.003),
    "ZA": Market("South Africa", "ZAR", 0.0545, 0.02, 0.01),
    "MA": Market("Morocco", "MAD", 0.0999, 0.02, 0.004),
}
