"""Win and loss: how much of what ended was won, by whom and from where, and why the rest was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import streamlit as st

from crm.charts.catalogue import LOST_FOR, lost_for_title
from crm.charts.ended import MOST_BARS, NOT_GIVEN, of_reason
from crm.charts.months import every_month
from crm.ui import words
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import NOTHING, Figure
from crm.ui.reports.parts import Tile, change, days, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "owner", "pipeline", "source", "market", "period", "against", "known_on")
MOST_GROUPS = "200"
EVER = date(1901, 1, 1)
OWNER, REASONS, SOURCES, MONTHS = "win.owners", "win.reasons", "win.sources", "win.months"


@dataclass(frozen=True, slots=True)
class Lost:
    """What was lost for the reason that is picked: in place of what was won and lost, for what was won has none."""

    reason: str
    months: Read
    owners: Read
    sources: Read

    @property
    def reads(self) -> tuple[Read, ...]:
        return self.months, self.owners, self.sources


@dataclass(frozen=True, slots=True)
class Found:
    """`whole` and `before`: everything that the page is narrowed to, in its period and in the one it is compared with."""

    whole: Read
    before: Read | None
    months: Read
    owners: Read
    sources: Read
    reasons: Read
    lost: Lost | None = None
    source: str | None = None
    """The source that is picked, where leads in sight have it."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What each part is asked for: narrowed by what is picked in the other charts. `whole`: by all of it."""

    months: Asked
    owners: Asked
    sources: Asked
    whole: Asked


def read(reader: Reader, asked: Asked) -> Found:
    """Each chart is narrowed by what is picked in the others."""
    each, reason = _narrowed(asked), picking.picked(REASONS)
    lost = _read_lost(reader, each, reason) if reason else None
    return Found(
        reader("win_rate", each.whole, by="pipeline"), reader.earlier("win_rate", each.whole, by="pipeline"), _year(reader, each.months),
        NOTHING if lost else reader("win_rate", each.owners, by="owner"), NOTHING if lost else reader("sources", each.sources),
        reader("loss_reasons", each.whole), lost, _known_source(reader, asked),
    )  # fmt: skip


def _known_source(reader: Reader, asked: Asked) -> str | None:
    """Looked for among all leads that one sees: whatever else narrows the page may have none of it."""
    source = picking.picked(SOURCES)
    every = Asked(EVER, asked.ends)
    known = {row["source"] for row in reader.course("sources", every, **{"from": EVER.isoformat()}).rows} if source else ()
    return source if source in known and source != NOT_GIVEN else None


def _read_lost(reader: Reader, each: Narrowed, reason: str) -> Lost:
    def by(dimension: str, asked: Asked) -> Read:
        return reader("explore", asked, measure="leads", which="lost", by=dimension, split="lost_reason", top=MOST_GROUPS, top_split=MOST_GROUPS)

    year = replace(each.months, begins=asking.last_year(each.months)[0], earlier=None)
    return Lost(reason, by("ended_month", year), by("owner", each.owners), by("source", each.sources))


def _narrowed(asked: Asked) -> Narrowed:
    owner, source = picking.picked_id(OWNER) or asked.owner_id, picking.picked(SOURCES) or asked.source
    in_month = asking.of_month(asked, _picked_month(asked))
    return Narrowed(
        replace(asked, owner_id=owner, source=source), replace(in_month, source=source), replace(in_month, owner_id=owner),
        replace(in_month, owner_id=owner, source=source),
    )  # fmt: skip


def _picked_month(asked: Asked) -> date | None:
    return picking.picked_month(MONTHS, asking.last_year(asked))


@dataclass(frozen=True, slots=True)
class Sums:
    """What ended. `mean_days`: from the beginning to the win; None where nothing was won."""

    won: int
    lost: int
    won_usd: Any
    mean_days: float | None

    @property
    def rate(self) -> float | None:
        return self.won / (self.won + self.lost) if self.won + self.lost else None


def sums(found: Read | None) -> Sums | None:
    """Over all groups of a win rate; None where there is none."""
    if found is None or found.result is None:
        return None
    won = found.sum("won")
    took = sum(float(row["mean_days"] or 0) * row["won"] for row in found.rows)
    return Sums(won, found.sum("lost"), found.sum("won_value_usd"), took / won if won else None)


def headline(found: Found) -> str:
    now, before = sums(found.whole), sums(found.before)
    if now is None:
        return "What was won and lost is hidden from your role."
    if now.rate is None:
        return "Nothing was won or lost in this time."
    if not now.won:
        return f"Nothing was won in this time, and {words.count(now.lost, 'lead')} {'was' if now.lost == 1 else 'were'} lost.{_most_lost(found)}"
    worth = f"{usd(now.won_usd)} from " if now.won_usd is not None else ""
    compared = parts.moved(now.won_usd if now.won_usd is not None else now.won, (before.won_usd if now.won_usd is not None else before.won) if before else None)
    first = f"Won {worth}{words.count(now.won, 'lead')}{f', {compared} before' if compared else ''}: {share(now.rate)} of what ended."
    return first + _most_lost(found)


def _most_lost(found: Found) -> str:
    """The first reason, which is that of most; empty where nothing was lost, or reasons are hidden."""
    if not found.reasons.rows:
        return ""
    reason, lost = found.reasons.rows[0]["reason"], words.count(found.reasons.rows[0]["lost"], "lead")
    return f" Most was lost without a reason, {lost}." if reason == NOT_GIVEN else f" Most was lost for “{reason}”, {lost}."


def draw(found: Found, page: Page) -> None:
    """Headline, tiles, and the charts that narrow one another."""
    month = picking.month_name(_picked_month(page.asked))
    parts.draw_headline(headline(found), of=month)
    _draw_tiles(found, page.lookups, _narrowed(page.asked).whole)
    owner = picking.picked_id(OWNER)
    picking.draw_chips(
        {
            MONTHS: ("Month", month), OWNER: ("Owner", page.lookups.names.people.get(owner or 0)), SOURCES: ("Source", found.source),
            REASONS: ("Reason of loss", _known_reason(found, page)),
        }
    )  # fmt: skip
    if found.lost:
        st.html("<p class='tl-muted'>What was won has no reason: the charts show what was lost for this one, the figures above all that ended.</p>")
    each = _narrowed(page.asked)
    left, right = st.columns(2, gap="small")
    with left:
        if found.lost:
            _draw_lost(MONTHS, found.lost.reason, found.lost.months)
            _draw_lost(OWNER, found.lost.reason, found.lost.owners, replace(page, asked=each.owners))
        else:
            _draw_months(found.months)
            _draw_owners(found.owners, replace(page, asked=each.owners))
    with right:
        if found.lost:
            _draw_lost(SOURCES, found.lost.reason, found.lost.sources, replace(page, asked=each.sources))
        else:
            _draw_sources(found.sources, replace(page, asked=each.sources))
        _draw_reasons(found.reasons, replace(page, asked=each.whole))


def _known_reason(found: Found, page: Page) -> str | None:
    """The reason that is picked, where a pipeline offers it or a lead that is shown was lost for it."""
    if not found.lost:
        return None
    offered = {reason for stage in page.lookups.stages.values() for reason in stage.lost_reasons}
    given = {row["reason"] for row in found.reasons.rows} | {row["split_key"] for read in found.lost.reads for row in read.rows}
    return found.lost.reason if found.lost.reason in {NOT_GIVEN, *offered, *given} else None


def _draw_lost(chart: str, reason: str, read: Read, page: Page | None = None) -> None:
    """What was lost for the reason, as one of the charts; with `page` also as lines, each of which opens its leads."""
    by = {MONTHS: "month", OWNER: "owner", SOURCES: "source"}[chart]
    with parts.block(lost_for_title(reason, by), read, key=f"win_lost_{by}", empty="Nothing was lost in this time.", hint="Choose a longer time.") as any_:
        rows = of_reason(read.rows, reason)
        if any_ and not rows:
            parts.draw_empty("Nothing was lost for it here.", "Show all, or choose a longer time.")
        elif any_:
            charts.draw(chart, read, LOST_FOR, of=reason)
            if page:
                lines = [(row["group"] or "Nobody", _lost_by(page, reason, by, row), (f"{row['leads']:,}", usd(row["value_usd"]))) for row in rows]
                parts.draw_lines(f"win_lost_{by}", lines, ("Lost", "Value lost"))


def _lost_by(page: Page, reason: str, by: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The leads of one line."""
    if by == "owner":
        return {**_lost(page, reason), "owner": _owner(page, int(row["group_key"]) if row["group_key"] else None)}
    behind = _lost(replace(page, asked=replace(page.asked, source="")), reason)
    if row["group_key"]:
        return {**behind, "source": row["group_key"]}
    return {**behind, "missing": ",".join(filter(None, [behind.get("missing"), "source"]))}


def _draw_tiles(found: Found, lookups: Lookups, asked: Asked) -> None:
    now, before = sums(found.whole), sums(found.before)
    if now is None:
        return
    trend = every_month(found.months.result)
    won, ended = (asking.behind_now(lookups, asked, kind=kind, entered=asking.period_of(asked)) for kind in ("won", "ended"))
    parts.draw_tiles(
        (
            Tile("Won", usd(now.won_usd) if now.won_usd is not None else f"{now.won:,}", change(now.won_usd, before.won_usd if before else None),
                 trend=[row["won_value_usd"] for row in trend], hint="Value of the leads that came to a won stage and stand there.", behind=won),
            Tile("Leads won", f"{now.won:,}", change(now.won, before.won if before else None), trend=[row["won"] for row in trend], behind=won),
            Tile("Win rate", share(now.rate), change(now.rate, before.rate if before else None, unit="points"), trend=[row["win_rate"] for row in trend],
                 hint="Won, of those that were won or lost.", behind=ended),
            Tile("Days to win", days(now.mean_days), change(now.mean_days, before.mean_days if before else None, unit="d"), is_more_good=False,
                 trend=[row["median_days"] for row in trend], hint="Mean days from the beginning to the win.", behind=won),
        ),
        "against the time before",
    )  # fmt: skip


def _draw_months(read: Read) -> None:
    with parts.block(
        "Won and lost, month by month", read, key="win_months", empty="Nothing ended in the last year.", hint="Won and lost leads show here."
    ) as any_:
        if any_:
            charts.draw(MONTHS, read)


def _draw_owners(read: Read, page: Page) -> None:
    with parts.block(
        "Who wins?", read, key="win_owners", empty="Nothing was won or lost in this time.", hint="Choose a longer time, or fewer filters."
    ) as any_:
        if any_:
            charts.draw(OWNER, read)
            lines = [(row["group"] or "Nobody", _ended(page, owner=_owner(page, row["group_id"])), _figures(row)) for row in read.rows]
            parts.draw_lines("win_owners", lines, ("Won", "Lost", "Win rate", "Value won"))


def _owner(page: Page, owner_id: int | None) -> str | None:
    """As an address says it."""
    return page.lookups.names.people.get(owner_id) if owner_id else "Nobody"


def _figures(row: Mapping[str, Any]) -> tuple[str, ...]:
    return f"{row['won']:,}", f"{row['lost']:,}", share(row["win_rate"]), usd(row["won_value_usd"])


def _ended(page: Page, **more: Any) -> dict[str, Any]:
    """The leads that ended in the period."""
    return asking.behind(page.lookups, page.asked, **{"kind": "ended", "entered": asking.period_of(page.asked), **more})


def _draw_sources(read: Read, page: Page) -> None:
    empty, hint = "No lead began in this time.", "Choose a longer time, or fewer filters."
    with parts.block("Where do leads come from, and what becomes of them?", read, key="win_sources", empty=empty, hint=hint) as any_:
        if any_:
            charts.draw(SOURCES, read)
            lines = [(row["source"], _began(page, row["source"]),
                      (f"{row['leads']:,}", share(row["win_rate"]), usd(row["won_value_usd"]), days(row["median_days"]))) for row in read.rows]  # fmt: skip
            parts.draw_lines("win_sources", lines, ("Leads", "Win rate", "Value won", "Days to win"))


def _began(page: Page, source: str) -> dict[str, Any]:
    """The leads of a source that began in the period. The report is of all sources, so the page's own stands back."""
    every = replace(page.asked, source="")
    return asking.behind(page.lookups, every, created=asking.period_of(every), **({"missing": "source"} if source == NOT_GIVEN else {"source": source}))


def _draw_reasons(read: Read, page: Page) -> None:
    with parts.block(
        "Why is it lost?", read, key="win_reasons", empty="Nothing was lost in this time.", hint="Lost leads and their reasons show here."
    ) as any_:
        if any_:
            rows = read.rows[:MOST_BARS]
            charts.draw(REASONS, read)
            lines = [(row["reason"], _lost(page, row["reason"]), (f"{row['lost']:,}", share(row["share"]), usd(row["lost_value_usd"]))) for row in rows]
            parts.draw_lines("win_reasons", lines, ("Lost", "Share", "Value lost"))
            st.page_link(
                parts.LEADS, label="Open the lost leads", icon=":material/arrow_forward:", icon_position="right", query_params=_ended(page, kind="lost")
            )


def _lost(page: Page, reason: str) -> dict[str, Any]:
    return _ended(page, **{"kind": "lost", **({"missing": "lost_reason"} if reason == NOT_GIVEN else {"reason": reason})})


def _read_summary(reader: Reader, page: Page) -> Found:
    asked = page.asked
    return Found(
        reader("win_rate", asked, by="pipeline"), reader.earlier("win_rate", asked, by="pipeline"), _year(reader, asked), NOTHING, NOTHING,
        reader("loss_reasons", asked),
    )  # fmt: skip


def _year(reader: Reader, asked: Asked) -> Read:
    return reader("win_rate", replace(asked, begins=asking.last_year(asked)[0], earlier=None), by="month")


def _draw_summary(found: Found, page: Page) -> None:
    empty, hint = "Nothing was won or lost in this time.", "Choose a longer time, or fewer filters."
    with parts.block("Won and lost in four figures", found.whole, key="win_summary", empty=empty, hint=hint) as any_:
        if any_:
            parts.draw_headline(headline(found))
            _draw_tiles(found, page.lookups, page.asked)


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("win_rate", _read_summary, _draw_summary),
    "months": Figure("win_rate", lambda reader, page: _year(reader, page.asked), lambda found, page: _draw_months(found)),
    "owners": Figure("win_rate", lambda reader, page: reader("win_rate", page.asked, by="owner"), _draw_owners),
    "sources": Figure("sources", lambda reader, page: reader("sources", page.asked), _draw_sources),
    "reasons": Figure("loss_reasons", lambda reader, page: reader("loss_reasons", page.asked), _draw_reasons),
}
