"""Every report of leads worked out anew from the leads and their change rows alone, in plain Python, in the report's own snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from crm import clock
from crm.access import OPERATOR, acting_as
from crm.db import engine
from crm.ledger.fold import zone_of_days
from crm.reports.registry import report_named
from crm.reports.use_cases import run_report

EVER = {"from": "2000-01-01"}
Rows = Sequence[Mapping[str, Any]]


@contextmanager
def one_snapshot() -> Iterator[Session]:
    """Everything that is read sees the same moment, whoever commits meanwhile."""
    still = engine.make_engine(engine.runtime_engine().url, pool_size=1)

    @event.listens_for(still, "connect")
    def see_one_moment(connection: Any, _record: object) -> None:
        connection.execute("set default_transaction_isolation = 'repeatable read'")
        connection.commit()

    try:
        with acting_as(OPERATOR, engine=still) as session:
            assert session.scalar(text("show transaction_isolation")) == "repeatable read"
            yield session
    finally:
        still.dispose()


def differences(session: Session) -> list[str]:
    """Which figures of which reports are not those of the leads; empty when all is well."""
    zone = zone_of_days(session)
    leads = session.execute(
        text("""
            select l.id, l.owner_id, l.pipeline_id, l.stage_id, l.source, l.created_at, l.stage_entered_at, coalesce(l.value_usd, 0) as value_usd, s.kind,
                s.probability, s.target_days, date_trunc('month', l.expected_close_on)::date as close_month, l.lost_reason,
                date_trunc('month', l.stage_entered_at at time zone :zone)::date as ended_in,
                date_trunc('month', l.created_at at time zone :zone)::date as began_in
            from crm.leads as l join crm.stages as s on s.id = l.stage_id
            where l.deleted_at is null
        """),
        {"zone": zone},
    ).mappings().all()  # fmt: skip
    found: list[str] = []

    def same(what: str, reported: object, recounted: object) -> None:
        if reported != recounted:
            found.append(f"{what}: {reported} instead of {recounted}")

    ended = [lead for lead in leads if lead["kind"] in ("won", "lost")]
    for by, field in (("owner", "owner_id"), ("source", "source"), ("month", "ended_in")):
        same(f"win rate by {by}", _rates(_rows(session, "win_rate", by=by, **EVER), by), _won_and_lost(ended, field))
    same(
        "loss reasons",
        {row["reason"]: row["lost"] for row in _rows(session, "loss_reasons", **EVER)},
        Counter(lead["lost_reason"] or "Not given" for lead in ended if lead["kind"] == "lost"),
    )
    same("owners", _owners(_rows(session, "owners", **EVER)), _owners_of(leads))
    same(
        "sources",
        {row["source"]: (row["leads"], row["open"], row["won"], row["lost"], row["value_usd"]) for row in _rows(session, "sources", **EVER)},
        {
            source: (len(rows), *(sum(1 for r in rows if r["kind"] == kind) for kind in ("open", "won", "lost")), sum(r["value_usd"] for r in rows))
            for source, rows in _grouped(leads, lambda lead: lead["source"] or "Not given").items()
        },
    )
    explored = _rows(session, "explore", which="all", by="owner", split="source", top="200", top_split="200")
    same(
        "explore by owner and source", {(row["group_key"], row["split_key"]): (row["leads"], row["value_usd"]) for row in explored},
        {
            key: (len(rows), sum(r["value_usd"] for r in rows))
            for key, rows in _grouped(leads, lambda lead: (str(lead["owner_id"]) if lead["owner_id"] else None, lead["source"] or None)).items()
        },
    )  # fmt: skip
    same("activity", _activity(_rows(session, "activity", **EVER)), _activity_of(session))
    same("cohorts", _cohorts(_rows(session, "cohorts", **EVER)), Counter(lead["began_in"] for lead in leads))
    same("forecast", _forecast(_rows(session, "forecast", back="60", ahead="60")), _forecast_of(leads))
    same("funnel", _funnel(_rows(session, "funnel", **EVER)), _funnel_of(session, leads))
    velocity = _rows(session, "stage_velocity", **EVER)
    opening = Counter(lead["stage_id"] for lead in leads if lead["kind"] == "open")
    same("leads in stages", {row["stage_id"]: row["leads"] for row in velocity if row["leads"]}, opening)
    visits = _visits(session)
    for row in velocity:
        days = visits.get(row["stage_id"], [])
        same(f"visits of stage {row['stage_id']}", row["moved_on"], len(days))
        for column, part in (("median_days", 0.5), ("p90_days", 0.9)):
            if days and abs(float(row[column]) - _percentile(days, part)) > 0.006:
                found.append(f"{column} of stage {row['stage_id']}: {row[column]} instead of {_percentile(days, part)}")
        if days and row["target_days"] is not None:
            share = sum(1 for each in days if each <= row["target_days"]) / len(days)
            if abs(float(row["in_time_share"]) - share) > 0.00006:
                found.append(f"in time in stage {row['stage_id']}: {row['in_time_share']} instead of {share}")
    _check_targets(session, leads, velocity, same)
    _check_movement(session, leads, same)
    return found


def _rows(session: Session, name: str, **asked: str) -> Rows:
    return run_report(session, report_named(name), asked).rows


def _grouped(rows: Iterable[Mapping[str, Any]], key: Any) -> dict[Any, list[Mapping[str, Any]]]:
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _rates(rows: Rows, by: str) -> dict[Any, tuple[Any, ...]]:
    return {row["group_id"] if by == "owner" else row["group"]: (row["won"], row["lost"], row["won_value_usd"], row["lost_value_usd"]) for row in rows}


def _activity(rows: Rows) -> dict[Any, tuple[int, int]]:
    return {row["person_id"]: (row["activities"], row["leads"]) for row in rows}


def _activity_of(session: Session) -> dict[Any, tuple[int, int]]:
    """Who did how much, with how many leads."""
    rows = session.execute(text("select person_id, lead_id from crm.activities where deleted_at is null and happened_at < now() + interval '1 day'")).mappings()
    return {person: (len(done), len({row["lead_id"] for row in done})) for person, done in _grouped(rows, lambda row: row["person_id"]).items()}


def _won_and_lost(ended: Rows, field: str) -> dict[Any, tuple[Any, ...]]:
    def key(lead: Mapping[str, Any]) -> Any:
        value = lead[field]
        return value if field == "owner_id" else f"{value:%Y-%m}" if field == "ended_in" else value or "Not given"

    return {
        group: tuple(
            measure(rows, kind) for measure in (lambda rows, kind: sum(1 for r in rows if r["kind"] == kind), _usd) for kind in ("won", "lost")
        )
        for group, rows in _grouped(ended, key).items()
    }  # fmt: skip


def _usd(rows: Rows, kind: str) -> Decimal:
    return sum((row["value_usd"] for row in rows if row["kind"] == kind), Decimal(0))


def _owners(rows: Rows) -> dict[Any, tuple[Any, ...]]:
    return {row["owner_id"]: tuple(row[name] for name in ("open", "open_value_usd", "weighted_usd", "began", "won", "lost")) for row in rows}


def _owners_of(leads: Rows) -> dict[Any, tuple[Any, ...]]:
    return {
        owner: (
            sum(1 for r in rows if r["kind"] == "open"), _usd(rows, "open"),
            sum((r["value_usd"] * r["probability"] for r in rows if r["kind"] == "open"), Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP),
            len(rows), sum(1 for r in rows if r["kind"] == "won"), sum(1 for r in rows if r["kind"] == "lost"),
        )
        for owner, rows in _grouped(leads, lambda lead: lead["owner_id"]).items()
    }  # fmt: skip


def _cohorts(rows: Rows) -> dict[Any, int]:
    return {row["cohort"]: row["leads"] for row in rows if row["months_since"] == 0}


def _forecast(rows: Rows) -> dict[Any, tuple[Any, ...]]:
    return {row["month"]: (row["open"], row["open_value_usd"], row["won"], row["won_value_usd"]) for row in rows if row["open"] or row["won"]}


def _forecast_of(leads: Rows) -> dict[Any, tuple[Any, ...]]:
    rows = [lead for lead in leads if lead["kind"] in ("open", "won")]
    months = _grouped(rows, lambda lead: lead["close_month"] if lead["kind"] == "open" else lead["ended_in"])
    return {
        month: (sum(1 for r in each if r["kind"] == "open"), _usd(each, "open"), sum(1 for r in each if r["kind"] == "won"), _usd(each, "won"))
        for month, each in months.items()
    }


def _funnel(rows: Rows) -> dict[int, int]:
    return {row["stage_id"]: row["reached"] for row in rows if row["reached"]}


def _funnel_of(session: Session, leads: Rows) -> Counter[int]:
    """By history: every stage of its present pipeline that a lead has been in since it came into it."""
    stages = {row.id: row for row in session.execute(text("select id, pipeline_id, position, kind from crm.stages"))}
    been: dict[int, list[int]] = defaultdict(list)
    moves = text("select record_id, fields from crm.changes where record_type = 'lead' and fields ? 'stage_id' order by record_id, version")
    for move in session.execute(moves):
        stage, path = move.fields["stage_id"][1], been[move.record_id]
        if path and stages[path[-1]].pipeline_id != stages[stage].pipeline_id:
            path.clear()
        path.append(stage)
    reached: Counter[int] = Counter()
    for lead in leads:
        furthest = max((stages[stage].position for stage in been[lead["id"]] if stages[stage].kind in ("open", "won")), default=-1)
        for stage in stages.values():
            if stage.pipeline_id == lead["pipeline_id"] and stage.kind in ("open", "won") and stage.position <= furthest:
                reached[stage.id] += 1
    return reached


def _visits(session: Session) -> dict[int, list[float]]:
    """Stage -> days of each visit that ended with a move, by history."""
    rows = session.execute(text("""
        select c.record_id, c.fields, coalesce(c.effective_at, c.at) as at from crm.changes as c
        where c.record_type = 'lead' and c.fields ? 'stage_id' order by c.record_id, c.version
    """))  # fmt: skip
    entered: dict[int, Any] = {}
    visits: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        before = row.fields["stage_id"][0]
        if before is not None and row.record_id in entered:
            visits[before].append((row.at - entered[row.record_id]) / timedelta(days=1))
        entered[row.record_id] = row.at
    return visits


def _percentile(days: Sequence[float], part: float) -> float:
    """Between the two that it lies between."""
    ordered, place = sorted(days), part * (len(days) - 1)
    low, high = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    return low + (place - int(place)) * (high - low)


def _check_targets(session: Session, leads: Rows, velocity: Rows, same: Any) -> None:
    now = clock.now()
    late = _grouped(
        [
            lead for lead in leads
            if lead["kind"] == "open" and lead["target_days"] is not None and lead["stage_entered_at"] + timedelta(days=lead["target_days"]) < now
        ],
        lambda lead: lead["stage_id"],
    )  # fmt: skip
    same(
        "over target",
        {row["stage_id"]: (row["over_target"], row["over_target_usd"]) for row in velocity if row["over_target"]},
        {stage: (len(rows), sum((row["value_usd"] for row in rows), Decimal(0))) for stage, rows in late.items()},
    )
    week = _rows(session, "stale_by_week")[-1]
    same("over target this week", (week["over_target"], week["over_target_usd"]), (
        sum(len(rows) for rows in late.values()), sum((row["value_usd"] for rows in late.values() for row in rows), Decimal(0))
    ))  # fmt: skip


def _check_movement(session: Session, leads: Rows, same: Any) -> None:
    today = clock.today(zone_of_days(session))
    for days in (0, 3, 40, 400):
        rows = _rows(session, "movement", **{"from": (today - timedelta(days=days)).isoformat()})
        ends = {row["stage_id"]: (row["end"], row["end_usd"]) for row in rows if row["end"]}
        same(f"movement of {days} days", ends, {
            stage: (len(each), sum((lead["value_usd"] for lead in each), Decimal(0)))
            for stage, each in _grouped(leads, lambda lead: lead["stage_id"]).items()
        })  # fmt: skip
        for row in rows:
            same("movement, leads", row["start"] + row["created"] + row["in"] - row["out"], row["end"])
            same("movement, USD", row["start_usd"] + row["created_usd"] + row["in_usd"] - row["out_usd"] + row["value_changed_usd"], row["end_usd"])
