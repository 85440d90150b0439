"""8,800 opportunities that nobody here made come in by the command, and every total equals what pandas counts in the raw file."""

import io
import json
from contextlib import redirect_stdout
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest

from crm.__main__ import main
from crm.access import OPERATOR, acting_as
from crm.clock import end_of
from crm.ledger.checks import ledger_equals_leads, stays_are_right
from crm.reports.use_cases import run

SAMPLE = Path(__file__).parents[3] / "shared" / "samples" / "maven_crm" / "sales_pipeline.csv"
pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="the sample is not beside the repository")
MAPS = {
    "opportunity_id": "external_id", "sales_agent": "owner", "product": "custom.product", "account": "company", "deal_stage": "stage",
    "engage_date": "created_on", "close_date": "closed_on", "close_value": "value",
}  # fmt: skip
COMMAND = ["import", str(SAMPLE), "--team", "Maven", "--pipeline", "Opportunities", "--create-missing", "--date-order", "dmy", "--json"]
COMMAND += [part for column, field in MAPS.items() for part in ("--map", f"{column}={field}")]
DAYS = [date(2017, 1, 31), date(2017, 3, 31), date(2017, 6, 15), date(2017, 9, 30), date(2017, 12, 31)]


@pytest.fixture(scope="module")
def raw():
    frame = pd.read_csv(SAMPLE)
    for column in ("engage_date", "close_date"):
        frame[column] = pd.to_datetime(frame[column], format="%d-%m-%y").dt.date
    return frame


@pytest.fixture(scope="module")
def run_command(module_db):
    """Runs a command against the module's database and answers its JSON."""

    def command(arguments):
        out = io.StringIO()
        with redirect_stdout(out):
            assert main(arguments) == 0
        return json.loads(out.getvalue())

    return command


@pytest.fixture(scope="module")
def done(run_command):
    return run_command(COMMAND)


def test_every_row_comes_in(done):
    assert (done["rows_in"], done["created"], done["failed"], done["skipped"]) == (8800, 8800, 0, 0)
    assert (len(done["made"]["people"]), done["companies"], done["made"]["stages"]) == (30, 85, ["Prospecting", "Engaging", "Won", "Lost"])


def test_totals_per_stage_agent_and_quarter_equal_the_raw_file(done, raw, module_db):
    mine = pd.DataFrame(
        module_db.rows("""
            select s.name as stage, p.name as agent, l.value_amount as value, l.custom ->> 'product' as product, c.name as account,
                to_char(l.stage_entered_at, '"Q"Q YYYY') as quarter
            from crm.leads as l
            join crm.teams as t on t.id = l.team_id and t.name = 'Maven'
            join crm.stages as s on s.id = l.stage_id
            join crm.people as p on p.id = l.owner_id
            left join crm.companies as c on c.id = l.company_id
        """)
    ).astype({"value": float})
    closed, raw_closed = mine[mine.stage.isin(["Won", "Lost"])], raw[raw.close_date.notna()]
    for ours, theirs, columns in (
        (mine, raw, [("stage", "deal_stage")]),
        (mine, raw, [("agent", "sales_agent"), ("stage", "deal_stage")]),
        (mine, raw, [("product", "product")]),
        (mine[mine.account.notna()], raw[raw.account.notna()], [("account", "account")]),
        (closed, raw_closed, [("quarter", "close_quarter"), ("stage", "deal_stage")]),
        (closed, raw_closed, [("quarter", "close_quarter"), ("agent", "sales_agent")]),
    ):
        found = ours.groupby([our for our, _ in columns]).value.agg(["size", "sum"])
        wanted = theirs.groupby([their for _, their in columns]).close_value.agg(["size", "sum"])
        assert found.to_dict("index") == wanted.to_dict("index")


def standing_on(raw, day):
    """Stage -> (leads, value) at the end of the day: from the engage date on in the first stage until closed, or where it still stands."""
    begun = raw[raw.engage_date.notna() & (raw.engage_date <= day)].copy()
    is_closed = begun.close_date.notna() & (begun.close_date <= day)
    begun["standing"] = begun.deal_stage.where(is_closed | begun.close_date.isna(), "Prospecting")
    return {stage: (len(rows), round(float(rows.close_value.sum()), 2)) for stage, rows in begun.groupby("standing")}


@pytest.mark.parametrize("day", DAYS)
def test_the_pipeline_as_of_a_past_day_equals_the_raw_file(done, raw, module_db, day):
    rows = module_db.rows(
        """
        select s.name, sum(p.leads) as leads, sum(p.value_usd) as usd
        from crm.postings as p join crm.stages as s on s.id = p.stage_id join crm.teams as t on t.id = p.team_id and t.name = 'Maven'
        where p.effective_at < :until group by s.name having sum(p.leads) <> 0
        """,
        until=end_of(day, "UTC"),
    )
    wanted = standing_on(raw, day)
    assert {row["name"]: (int(row["leads"]), float(row["usd"])) for row in rows} == wanted
    report = run(OPERATOR, "pipeline_by_stage", {"team": "Maven"}, day)
    assert {row["stage"]: (row["leads"], float(row["value_usd"])) for row in report.rows if row["leads"]} == wanted


def reported(by, **filters):
    return {row["group"]: row for row in run(OPERATOR, "win_rate", {"team": "Maven", "from": "2016-01-01", "to": "2018-12-31", "by": by, **filters}).rows}


def rounded(number, to):
    """As the database rounds."""
    return float(Decimal(str(number)).quantize(Decimal(to), ROUND_HALF_UP))


def closed_by(raw, column):
    """Group -> (won, lost, won value, mean and median days from engage to close of those won), as pandas counts them."""
    closed = raw[raw.close_date.notna()].copy()
    closed["days"] = (pd.to_datetime(closed.close_date) - pd.to_datetime(closed.engage_date)).dt.days
    found = {}
    for group, rows in closed.groupby(column):
        won = rows[rows.deal_stage == "Won"]
        days = (rounded(days, "0.01") for days in (won.days.mean(), won.days.median()))
        found[group] = (len(won), len(rows) - len(won), round(float(won.close_value.sum()), 2), *days)
    return found


@pytest.mark.parametrize(("by", "column"), [("owner", "sales_agent"), ("product", "product")])
def test_win_rate_value_and_cycle_time_equal_the_raw_file(done, raw, module_db, by, column):
    rows = reported(by)
    wanted = closed_by(raw, column)
    names = ("won", "lost", "won_value_usd", "mean_days", "median_days")
    assert {group: tuple(float(row[name]) for name in names) for group, row in rows.items()} == wanted
    assert {group: float(row["win_rate"]) for group, row in rows.items()} == {
        group: rounded(won / (won + lost), "0.0001") for group, (won, lost, *_) in wanted.items()
    }


def test_value_by_quarter_equals_the_raw_file(done, raw, module_db):
    quarters = {f"Q{(int(month[5:]) + 2) // 3} {month[:4]}": 0.0 for month in reported("month")}
    for month, row in reported("month").items():
        quarters[f"Q{(int(month[5:]) + 2) // 3} {month[:4]}"] += float(row["won_value_usd"])
    assert quarters == raw[raw.deal_stage == "Won"].groupby("close_quarter").close_value.sum().to_dict()


@pytest.mark.parametrize("day", DAYS)
def test_win_rate_as_of_a_past_day_equals_the_raw_file(done, raw, module_db, day):
    until = raw[raw.close_date.notna() & (raw.close_date <= day)]
    rows = run(OPERATOR, "win_rate", {"team": "Maven", "from": "2016-01-01", "by": "team"}, day).rows
    won = until[until.deal_stage == "Won"]
    assert [(row["won"], row["lost"], float(row["won_value_usd"])) for row in rows] == (
        [(len(won), len(until) - len(won), float(won.close_value.sum()))] if len(until) else []
    )


def test_the_books_are_right_afterwards(done, module_db):
    with acting_as(OPERATOR) as session:
        assert ledger_equals_leads(session).is_good and stays_are_right(session).is_good


def test_the_file_again_changes_nothing_and_undo_takes_all_of_it_back(done, run_command, module_db):
    again = run_command(COMMAND)
    assert (again["unchanged"], again["change_set"]) == (8800, None)
    undone = run_command(["undo", str(done["change_set"]), "--json"])
    assert undone["left_alone"] == []
    sums = module_db.rows("""
        select coalesce(sum(p.leads), 0) as leads, coalesce(sum(p.value_usd), 0) as usd, count(*) as postings
        from crm.postings as p join crm.teams as t on t.id = p.team_id where t.name = 'Maven'
    """)[0]
    assert (sums["leads"], sums["usd"]) == (0, 0) and sums["postings"] == 2 * 8800 + 2 * (4238 + 2473)
    assert module_db.value("select count(*) from crm.companies where deleted_at is null") == 0
