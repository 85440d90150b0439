"""What the reads and writes of each screen cost in the database, in every view scope."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure, percentile, times_ms
from crm.leads import reads
from crm.leads.board import BoardFilter, board, stamp
from crm.leads.use_cases import edit_leads, edit_leads_in_bulk
from crm.pipelines.reads import PipelineRow, pipelines
from crm.reports.use_cases import run as run_report

WORDS = ("nor", "trading", "supplies", "ahm", "delta f", "zzzq")


def measure(ground: Ground) -> Iterator[Figure]:
    """Leads page, search, board, stage totals and writes, per scope; then the price of row security."""
    for scope, person in ground.people.items():
        yield _page(scope, person)
        yield _search(scope, person)
        yield from _board(scope, person)
        yield figure("database", f"stage totals, {scope}", times_ms(partial(run_report, person, "pipeline_by_stage", {}, None)), bar=40)
    yield from _row_security(ground)
    person = ground.people["team"]
    yield figure("database", "move one lead, with history and ledger", times_ms(_mover(person), runs=60))
    yield figure("database", "200 leads, one bulk edit", times_ms(_bulk(person), runs=8, warm_up=1))


def _page(scope: str, person: Person) -> Figure:
    stage = _stage_of(person)
    takes: list[float] = []
    for wanted, sort in (
        (reads.LeadFilter(stage_ids=(stage,)), "-updated_at"), (reads.LeadFilter(), "-value_usd"), (reads.LeadFilter(open_only=True), "name"),
    ):  # fmt: skip
        takes += times_ms(partial(_list, person, wanted, sort), runs=20)
    return figure("database", f"leads page, 100 rows, filter and sort, {scope}", takes, bar=10)


def _search(scope: str, person: Person) -> Figure:
    takes: list[float] = []
    for word in WORDS:
        takes += times_ms(partial(_list, person, reads.LeadFilter(q=word), "-updated_at"), runs=8, warm_up=1)
    return figure("database", f"substring search, {scope}", takes, bar=30)


def _board(scope: str, person: Person) -> Iterator[Figure]:
    """The fullest pipeline in sight: everybody's leads, and one's own."""
    with acting_as(person) as session:
        found = pipelines(session)
        stage = _stage_of(person)
    pipeline = next(p for p in found if any(s.id == stage for s in p.stages))
    for whose, wanted in (("", BoardFilter()), (", one owner's", BoardFilter(owner_ids=(_owner_of(person),)))):
        yield figure("database", f"board, 50 cards a column with sums, {scope}{whose}", times_ms(partial(_read_board, person, pipeline, wanted)), bar=20)
    yield figure("database", f"whether a board moved, {scope}", times_ms(partial(_read_stamp, person, pipeline)))


def _read_board(person: Person, pipeline: PipelineRow, wanted: BoardFilter) -> object:
    with acting_as(person) as session:
        return board(session, pipeline, wanted)


def _read_stamp(person: Person, pipeline: PipelineRow) -> object:
    with acting_as(person) as session:
        return stamp(session, pipeline, BoardFilter())


def _owner_of(person: Person) -> int:
    with acting_as(person) as session:
        row = session.execute(text("select owner_id from crm.leads where owner_id is not null group by owner_id order by count(*) desc limit 1")).one()
        return int(row.owner_id)


def _list(person: Person, wanted: reads.LeadFilter, sort: str) -> object:
    with acting_as(person) as session:
        return reads.list_leads(session, wanted, sort=sort, limit=100)


def _stage_of(person: Person) -> int:
    with acting_as(person) as session:
        row = session.execute(text("select stage_id from crm.leads where deleted_at is null group by stage_id order by count(*) desc limit 1")).one()
        return int(row.stage_id)


def _row_security(ground: Ground) -> Iterator[Figure]:
    """The same statement, once behind the team wall and once as somebody who sees all with the filter written by hand."""
    team, everybody = ground.people["team"], ground.people["all"]
    ids = sorted(team.team_ids)
    shapes = {
        "page": "select id, name, value_usd from crm.leads as l where deleted_at is null {mine} order by updated_at desc, id desc limit 100",
        "count and sum": "select stage_id, count(*), sum(value_usd) from crm.leads as l where deleted_at is null {mine} group by stage_id",
    }
    for name, shape in shapes.items():
        walled, by_hand = text(shape.format(mine="")), text(shape.format(mine="and team_id = any(cast(:ids as bigint[]))"))
        pairs = []
        for _ in range(40):  # in turn, so that a slow moment strikes both
            with acting_as(team) as session:
                a = times_ms(partial(_all, session, walled), runs=1, warm_up=1)[0]
            with acting_as(everybody) as session:
                b = times_ms(partial(_all, session, by_hand, ids=ids), runs=1, warm_up=1)[0]
            pairs.append(a / b)
        yield Figure("database", f"row security / hand-written filter, {name}", "×", percentile(pairs, 0.5), percentile(pairs, 0.95), 1.3)


def _all(session: Session, statement: TextClause, **parameters: object) -> object:
    return session.execute(statement, parameters).all()


def _open_leads(person: Person, count: int) -> list[tuple[int, int, int, int]]:
    """(id, version, stage, another open stage of its pipeline) of some leads the person sees."""
    with acting_as(person) as session:
        rows = session.execute(
            text("""
                select l.id, l.version, l.stage_id, (
                    select s.id from crm.stages as s where s.pipeline_id = l.pipeline_id and s.kind = 'open' and s.id <> l.stage_id and s.requirements = '{}'
                    order by s.position limit 1) as other_stage_id
                from crm.leads as l where l.deleted_at is null order by l.updated_at desc limit :n
            """),
            {"n": count * 2},
        ).all()
    return random.Random(1).sample([tuple(row) for row in rows if row.other_stage_id], count)


def _mover(person: Person) -> Callable[[], object]:
    leads = iter(_open_leads(person, 80))

    def move() -> object:
        lead_id, version, _, other = next(leads)
        with acting_as(person) as session:
            return edit_leads(session, [(lead_id, version, {"stage_id": other})], source="bench", on_conflict="refuse")

    return move


def _bulk(person: Person) -> Callable[[], object]:
    turn = iter(range(1000))

    def edit() -> object:
        step = f"bench {next(turn)}"
        with acting_as(person) as session:
            rows = reads.list_leads(session, reads.LeadFilter(), sort="name", limit=200).rows
            return edit_leads_in_bulk(session, [(row["id"], row["version"], {"next_step": step}) for row in rows], source="bench")

    return edit
