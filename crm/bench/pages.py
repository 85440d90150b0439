"""What reps wait for: script runs of the pages over Streamlit's own websocket, one person and thirty."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import websockets
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from crm.access import Person, acting_as, as_system, sessions
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure
from crm.bench.serving import Served
from crm.dashboards import reads as dashboards
from crm.dashboards.use_cases import make_dashboard
from crm.leads import reads

PEOPLE = 30
THINK_SECONDS = 1.0
REPORTS = ("pipeline", "forecast", "win-loss", "team-report", "revenue", "stale", "explore")
DASHBOARD = "Bench"
FIGURES = ("pipeline.stages", "pipeline.funnel", "pipeline.movement", "wins.owners", "wins.months", "team.owners")


def measure(ground: Ground, served: Served) -> Iterator[Figure]:
    person = ground.people["team"]
    with as_system() as session:
        token = sessions.start(session, person.id, address="127.0.0.1", device="bench")
    with acting_as(person) as session:
        lead_id = reads.list_leads(session, reads.LeadFilter(), limit=1).rows[0]["id"]
    for page, query in (("leads", ""), ("lead", f"id={lead_id}"), ("board", ""), ("", ""), ("customers", "")):
        taken = asyncio.run(_reruns(served, token, page, query, runs=30))
        yield figure("pages", f"{page.capitalize() or 'Home'}, script run, one person", taken, bar=150)
    addresses = [(page, "") for page in REPORTS] + [("dashboards", f"dashboard={_dashboard(person)}")]
    for page, query in addresses:
        taken = asyncio.run(_opened(served, token, page, query, ground, runs=9))
        yield figure("pages", f"{page.capitalize()}, opened with nothing in memory, one person", taken, bar=400)
    everybody = asyncio.run(_crowd(served, token))
    yield figure("pages", f"Leads, {PEOPLE} people with one second of thinking", everybody, bar=300)
    yield Figure("pages", "memory of web and worker", "MB", served.memory_mb(), None, 600)


async def _connect(served: Served, token: str) -> websockets.ClientConnection:
    return await websockets.connect(
        f"ws://127.0.0.1:{served.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None, origin=served.origin,  # type: ignore[arg-type, list-item]
        additional_headers={"Cookie": f"throughline_{served.port}={token}"},
    )  # fmt: skip


async def _run(socket: websockets.ClientConnection, page: str, query: str) -> float:
    """Milliseconds from asking for a rerun to the end of the script."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.page_name = page
    started = time.perf_counter()
    await socket.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await socket.recv())
        if answer.WhichOneof("type") == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return (time.perf_counter() - started) * 1000


async def _reruns(served: Served, token: str, page: str, query: str, *, runs: int) -> list[float]:
    socket = await _connect(served, token)
    async with socket:
        for _ in range(3):
            await _run(socket, page, query)
        return [await _run(socket, page, query) for _ in range(runs)]


async def _opened(served: Served, token: str, page: str, query: str, ground: Ground, *, runs: int) -> list[float]:
    """Each time by a session of its own, after somebody has written: no report comes from memory."""
    taken = []
    for _ in range(runs + 1):
        with ground.owner().begin() as connection:
            connection.execute(text("select pg_current_xact_id()"))
        socket = await _connect(served, token)
        async with socket:
            taken.append(await _run(socket, page, query))
    return taken[1:]


def _dashboard(person: Person) -> int:
    """One of six figures, made once."""
    with acting_as(person) as session:
        found = next((each for each in dashboards.dashboards(session) if each.name == DASHBOARD), None)
        if found:
            return found.id
        made = make_dashboard(session, {"name": DASHBOARD}, [{"what": what} for what in FIGURES], source="command line")
        return made.results[0].record_id or 0


async def _crowd(served: Served, token: str, runs: int = 12) -> list[float]:
    async def one(number: int) -> list[float]:
        await asyncio.sleep(number * THINK_SECONDS / PEOPLE)
        socket = await _connect(served, token)
        taken = []
        async with socket:
            await _run(socket, "leads", "")
            for _ in range(runs):
                await asyncio.sleep(THINK_SECONDS)
                taken.append(await _run(socket, "leads", ""))
        return taken[2:]

    return [taken for one_persons in await asyncio.gather(*(one(number) for number in range(PEOPLE))) for taken in one_persons]
