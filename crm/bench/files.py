"""What an import of 10,000 rows costs, history and ledger included."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure
from crm.changes import undo
from crm.imports.files import open_table
from crm.imports.use_cases import Wishes, import_tables

_FIRST_TEAM = text("select t.id, t.name from crm.teams as t join crm.pipelines as p on p.team_id = t.id order by p.position, t.id limit 1")
_ITS_STAGES = text("""
    select s.name from crm.stages as s join crm.pipelines as p on p.id = s.pipeline_id where p.team_id = :team_id order by p.position, p.id, s.position
""")
ROWS = 10_000
RUNS = 3


def measure(ground: Ground) -> Iterator[Figure]:
    """New leads with a company, an owner, a value, and a stage reached on a past day; each run is undone."""
    taken: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(RUNS):
            path = Path(folder) / f"leads_{run}.csv"
            team = _write(path, ground, run)
            with acting_as(OPERATOR) as session:
                started = time.perf_counter()
                done = import_tables(session, [open_table(path.name, path.read_bytes())], Wishes(team=team, date_order="ymd"))
                taken.append((time.perf_counter() - started) * 1000)
            if done.change_set_id is None or done.created != ROWS:
                raise RuntimeError(f"The import made {done.created} of {ROWS} leads.")
            with acting_as(OPERATOR) as session:
                undo(session, done.change_set_id)
    yield figure("import", f"{ROWS:,} rows, created and moved, with history and ledger", taken)


def _write(path: Path, ground: Ground, run: int) -> str:
    with ground.owner().connect() as connection:
        team = connection.execute(_FIRST_TEAM).one()
        stages = list(connection.scalars(_ITS_STAGES, {"team_id": team.id}))[:2]
    lines = ["external_id,name,company,stage,value,currency,created_on,closed_on"]
    for number in range(ROWS):
        begun = date(2026, 1, 1) + timedelta(days=number % 200)
        closed = begun + timedelta(days=9)
        lines.append(f"bench-{run}-{number},Bench lead {number},Bench company {number % 2000},{stages[number % 2]},{100 + number}.50,USD,{begun},{closed}")
    path.write_text("\n".join(lines))
    return str(team.name)
