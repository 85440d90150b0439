"""The Customers page's filters as saved views keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crm.ui.customers import asks
from crm.ui.view_params import Param, Screen, by_text


def screen(markets: Mapping[str, str], segments: Sequence[str]) -> Screen:
    """Every filter of the page by its name in the address."""
    ordered, contact, lead = [*asks.ORDERED, *asks.NOT_ORDERED], list(asks.CONTACT), list(asks.LEADS)
    found = {
        "view": Param("all", by_text(asks.VIEWS)),
        "q": Param(""),
        "market": Param([], by_text(markets), is_many=True),
        "segment": Param([], _each(segments), is_many=True),
        "ordered": Param(ordered[0], _each(ordered)),
        "contact": Param(contact[0], _each(contact)),
        "lead": Param(lead[0], _each(lead)),
        "sort": Param("-last_order_at", by_text(asks.SORTS)),
    }
    return Screen("customers", "Customers", found)


def _each(texts: Iterable[str]) -> dict[str, str]:
    return {text: text for text in texts}
