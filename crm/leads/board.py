"""A pipeline's board: its stages side by side, what each holds in sum, and its leads changed last.

Row security decides what is on it. The sums come from the ledger, which is exact to the last commit and does not grow with
the leads, wherever the filter is one of the ledger's own (team, owner); otherwise the leads are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import hiding
from crm.db import direct
from crm.fields.filters import CustomFilter
from crm.leads import reads
from crm.leads.as_of import Past, wound_back
from crm.leads.reads import LeadFilter
from crm.pipelines.reads import PipelineRow, StageRow

CARDS = 50
"""What a column shows first, and how many more each "show more" adds."""
MOST_CARDS = 500

Card = Mapping[Any, Any]
"""id, version, name, stage_id, team_id, owner_id, market, value_amount, value_currency, value_usd, lifetime_usd, stage_entered_at,
last_contacted_at, company."""


@dataclass(frozen=True, slots=True)
class Column:
    """One stage. `leads` and `value_usd` are of all its leads in the filter; None where so many match the words that nobody counts them."""

    stage: StageRow
    cards: Sequence[Card]
    leads: int | None
    value_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """Which leads of the pipeline. `owner_ids` may hold 0 for "nobody". `most`: how many cards of a stage, where not the usual number."""

    team_ids: tuple[int, ...] = ()
    owner_ids: tuple[int, ...] = ()
    q: str = ""
    most: Mapping[int, int] | None = None
    custom: tuple[CustomFilter, ...] = ()

    @property
    def is_beyond_the_ledger(self) -> bool:
        """Whether it asks for what the ledger does not know, so that leads have to be counted."""
        return bool(self.q or self.custom)

    def limits(self, pipeline: PipelineRow) -> list[int]:
        most = self.most or {}
        return [min(max(most.get(stage.id, CARDS), CARDS), MOST_CARDS) for stage in pipeline.stages]

    def leads(self, pipeline: PipelineRow) -> LeadFilter:
        return LeadFilter(pipeline_ids=(pipeline.id,), team_ids=self.team_ids, owner_ids=self.owner_ids, q=self.q, custom=self.custom)


_CARD = """l.id, l.version, l.name, l.stage_id, l.team_id, l.owner_id, l.company_id, l.market, l.value_amount, l.value_currency, l.value_usd, l.lifetime_usd,
    l.stage_entered_at, l.last_contacted_at, l.updated_at"""
_STAGES = "unnest(cast(:stages as bigint[]), cast(:limits as bigint[])) with ordinality as s (stage_id, most, place)"
# Each column by its own index, as far as it is shown.
_WALKED = f"""
    select s.place, k.*, null::bigint as of_leads, null::numeric as of_usd from {_STAGES}
    cross join lateral (
        select {_CARD} from crm.leads as l
        where l.stage_id = s.stage_id and {{where}}
        order by l.updated_at desc, l.id desc
        limit s.most
    ) as k"""
# Everything that fits is found once, counted, and then shown in part.
_FOUND = """
    select s.place, {columns}, f.of_leads, f.of_usd
    from (
        select l.id as lead_id, l.stage_id as in_stage, row_number() over (partition by l.stage_id order by l.{order} desc, l.id desc) as nth,
            count(*) over (partition by l.stage_id) as of_leads, sum(l.value_usd) over (partition by l.stage_id) as of_usd
        from {source} as l
        where {where}
    ) as f
    join {stages} on s.stage_id = f.in_stage and f.nth <= s.most
    join {again} as l on l.id = f.lead_id"""
_DIGEST = """md5(coalesce(string_agg(concat_ws(' ', p.id, p.version, p.stage_id, p.lifetime_usd, p.last_contacted_at, p.of_leads, p.of_usd), ','
    order by p.place, p.updated_at desc, p.id desc), ''))"""
_NAMED = f"""
with shown as materialized ({{shown}})
select p.*, c.company, (select {_DIGEST} from shown as p) as digest from shown as p
left join crm.companies_of_leads(array(select id from shown)) as c on c.lead_id = p.id
order by p.place, p.updated_at desc, p.id desc"""

Totals = Mapping[int, tuple[int, Decimal]]
_NO_CARDS = "d41d8cd98f00b204e9800998ecf8427e"  # what the digest of nothing is


@dataclass(frozen=True, slots=True)
class Board:
    """Columns in stage order, and the stamp they were read with."""

    columns: Sequence[Column]
    stamp: str


def board(session: Session, pipeline: PipelineRow, wanted: BoardFilter) -> Board:
    """The pipeline's columns, now."""
    shown, parameters = _shown(session, pipeline, wanted)
    names, rows = direct.table(session, _NAMED.format(shown=shown), parameters)
    cards = hiding.blank(session, "lead", [dict(zip(names, row, strict=True)) for row in rows])
    totals = _counted(cards) if wanted.is_beyond_the_ledger else _totals(session, pipeline, wanted)
    digest = cards[0]["digest"] if cards else _NO_CARDS
    return Board(_without_sums(session, _columns(pipeline, cards, totals)), _stamp(digest, {} if wanted.is_beyond_the_ledger else totals))


def _shown(session: Session, pipeline: PipelineRow, wanted: BoardFilter) -> tuple[str, dict[str, Any]]:
    where, parameters = _asked(session, pipeline, wanted)
    if not wanted.is_beyond_the_ledger or (wanted.q and reads.is_common(session, wanted.q)):
        return _WALKED.format(where=where), parameters
    return _FOUND.format(columns=_CARD, order="updated_at", source="crm.leads", again="crm.leads", where=where, stages=_STAGES), parameters


def _asked(session: Session, pipeline: PipelineRow, wanted: BoardFilter) -> tuple[str, dict[str, Any]]:
    where, parameters = reads.conditions(session, wanted.leads(pipeline))
    return " and ".join(where), {**parameters, "stages": [stage.id for stage in pipeline.stages], "limits": wanted.limits(pipeline)}


def _counted(cards: Sequence[Card]) -> Totals | None:
    """The sums that stand beside the cards; None where nobody counted."""
    if any(card["of_leads"] is None for card in cards):
        return None
    return {card["stage_id"]: (card["of_leads"], card["of_usd"] or Decimal(0)) for card in cards}


def _columns(pipeline: PipelineRow, cards: Sequence[Card], totals: Totals | None) -> list[Column]:
    by_stage: dict[int, list[Card]] = {stage.id: [] for stage in pipeline.stages}
    for card in cards:
        by_stage[card["stage_id"]].append(card)
    if totals is None:
        return [Column(stage, by_stage[stage.id], None, None) for stage in pipeline.stages]
    return [Column(stage, by_stage[stage.id], *totals.get(stage.id, (0, Decimal(0)))) for stage in pipeline.stages]


def _without_sums(session: Session, columns: list[Column]) -> list[Column]:
    """What a stage is worth tells what its leads are worth."""
    return [replace(column, value_usd=None) for column in columns] if hiding.is_hidden(session, "lead", "value") else columns


_ENTRIES = """
    select e.stage_id, sum(e.leads)::bigint as leads, sum(e.value_usd) as value_usd
    from (
        select m.pipeline_id, m.stage_id, m.team_id, m.owner_id, m.leads, m.value_usd from crm.posting_months as m
        union all
        select u.pipeline_id, u.stage_id, u.team_id, u.owner_id, u.leads, u.value_usd from crm.unfolded_postings as u
    ) as e
    where e.pipeline_id = :pipeline {where}
    group by e.stage_id"""


def _totals(session: Session, pipeline: PipelineRow, wanted: BoardFilter) -> Totals:
    """Leads and USD by stage, from the ledger."""
    where, bound = _of_entries(wanted)
    rows = direct.rows(session, _ENTRIES.format(where=where), {"pipeline": pipeline.id, **bound})
    return {stage_id: (leads, usd) for stage_id, leads, usd in rows}


def _of_entries(wanted: BoardFilter) -> tuple[str, dict[str, Any]]:
    """The filter as the ledger knows it."""
    where, bound = "", dict[str, Any]()
    if wanted.team_ids:
        where, bound["teams"] = "and e.team_id = any(:teams)", list(wanted.team_ids)
    if wanted.owner_ids:
        people = [owner_id for owner_id in wanted.owner_ids if owner_id]
        either = ["e.owner_id = any(:people)"] if people else []
        either += ["e.owner_id is null"] if 0 in wanted.owner_ids else []
        where += f" and ({' or '.join(either)})"
        if people:
            bound["people"] = people
    return where, bound


def stamp(session: Session, pipeline: PipelineRow, wanted: BoardFilter) -> str:
    """`Board.stamp` as of now: another one whenever a card that is shown, or the order or sum of a column, has changed.

    Every change of a lead brings it to the top of its column, so the cards that are shown tell of those that are not;
    what leaves a column unseen (deleted, or given away) is told by the column's sums.
    """
    shown, parameters = _shown(session, pipeline, wanted)
    digest = direct.rows(session, f"select {_DIGEST} from ({shown}) as p", parameters)[0][0]
    return _stamp(digest, {} if wanted.is_beyond_the_ledger else _totals(session, pipeline, wanted))


def _stamp(digest: str, totals: Totals | None) -> str:
    sums = ",".join(f"{stage_id}:{leads}:{usd:f}" for stage_id, (leads, usd) in sorted((totals or {}).items()) if leads or usd)
    return f"{digest} {sums}"


def board_as_of(session: Session, pipeline: PipelineRow, wanted: BoardFilter, past: Past) -> list[Column]:
    """The columns as they were at a past moment: leads where they stood then, those that came last on top.

    Stages are today's; orders and last contact are today's too.
    """
    where, parameters = _asked(session, pipeline, wanted)
    columns = ", ".join(f"l.{name.strip().removeprefix('l.')}" for name in reads.COLUMNS.split(","))
    shown = _FOUND.format(columns=columns, order="stage_entered_at", source=past.source, again=past.source, where=where, stages=_STAGES)
    names, rows = direct.table(session, f"{shown} order by s.place, f.nth", {**parameters, **past.binds})
    cards = wound_back(session, [dict(zip(names, row, strict=True)) for row in rows], past)
    return _without_sums(session, _columns(pipeline, cards, _counted(cards)))
