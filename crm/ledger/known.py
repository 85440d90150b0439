"""Reading what was so with the knowledge of a past day: the same SQL over the same rows, as they were known then.

Whatever is learnt late is learnt of a lead's last days: nothing is said to have been before its last change. So what was known is the beginning of its
history, and a few functions of the database answer it: instead of a table, whoever asks reads the function of its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from crm.clock import end_of
from crm.db.queries import Item, Query
from crm.errors import Invalid

_THEN = "cast(:known_before as timestamptz)"
_BOTH = f"(cast(:true_before as timestamptz), {_THEN})"
_KNOWN = {
    **{name: f"crm.known_{name}{_BOTH}" for name in ("stays", "unfolded_stays", "unfolded_postings")},
    "activities": f"crm.known_activities({_THEN})",
    # Readers take nothing from the fold of leads that are listed: here also those with which something was written down since.
    "unfolded_activities": "(select u.lead_id from crm.unfolded_activities as u union all"
    f" select a.lead_id from crm.activities as a where a.updated_at >= {_THEN})",
}
_TABLE = re.compile(rf"\bcrm\.({'|'.join(_KNOWN)}) as\b")


@dataclass(frozen=True, slots=True)
class Known:
    """What was so before the one moment, as far as it was known before the other, which is not earlier."""

    true_before: datetime
    known_before: datetime

    @property
    def binds(self) -> dict[str, datetime]:
        """The parameters of what `as_known` answers."""
        return {"true_before": self.true_before, "known_before": self.known_before}


def as_known(sql: str) -> str:
    """`sql`, which asks what was so on a past day, with `:true_before` and `:known_before`: what was learnt later is not in it."""
    return _TABLE.sub(lambda found: f"{_KNOWN[found[1]]} as", sql)


@lru_cache
def known_query(query: Query) -> Query:
    """The query with the knowledge of a past day: it takes `true_before` and `known_before` besides, where what it reads is told by them.

    One that takes `known_on` tells by itself.
    """
    if any(param.name == "known_on" for param in query.params):
        return query
    sql = as_known(query.sql)
    added = tuple(Item(name, "timestamptz") for name in ("true_before", "known_before") if f":{name} " in sql)
    return replace(query, sql=sql, params=(*query.params, *added))


def check_known(known_on: date, as_of: date | None, today: date) -> None:
    """Raises `Invalid` for a day to come, and for one on which nobody knew yet how `as_of` would end."""
    if known_on > today + timedelta(days=1):  # one more, for those ahead of the time zone
        raise Invalid(f"{known_on:%-d %b %Y} has not come yet. Give a day up to today, or none for what is known now.", field="known_on")
    if as_of is not None and known_on < as_of:
        raise Invalid(f"On {known_on:%-d %b %Y} nobody knew how {as_of:%-d %b %Y} would end. Give that day or a later one.", field="known_on")


def known_at_end(as_of: date, known_on: date, time_zone: str) -> Known:
    """How the end of the one day was known at the end of the other."""
    return Known(end_of(as_of, time_zone), end_of(known_on, time_zone))
