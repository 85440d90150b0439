"""What may be chosen on Explore, for one person: measures, which leads, dimensions, how it is shown; and all of it as saved views keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crm.access import Person
from crm.charts.explored import BARS, LINES, STACKED
from crm.reports import exploring
from crm.reports.exploring import Measure
from crm.ui import address, custom_fields
from crm.ui.lookups import Lookups
from crm.ui.reports.asked import PERIODS
from crm.ui.view_params import Param, Screen, by_text

PIVOT = "pivot"
CHARTS: Mapping[str, str] = {BARS: "Bars", LINES: "Lines", STACKED: "Stacked", PIVOT: "Table"}
NO_SPLIT = "Nothing more"
USUAL_DAYS = 365


def measures(person: Person) -> dict[str, Measure]:
    """Those that tell nothing which the person's role hides."""
    hidden = person.hidden_fields("lead")
    found = {name: each for name, each in exploring.MEASURES.items() if not hidden & set(each.tells)}
    return {**found, **(exploring.ORDER_MEASURES if person.may("customer", "view") else {})}


def dimensions(person: Person, lookups: Lookups, measure: str) -> dict[str, str]:
    """Name -> label, of what can tell groups of this measure apart."""
    if measure in exploring.ORDER_MEASURES:
        return {name: each.label for name, each in exploring.ORDER_DIMENSIONS.items()}
    hidden = person.hidden_fields("lead")
    found = {name: each.label for name, each in exploring.DIMENSIONS.items() if each.tells not in hidden}
    for field in lookups.lead_fields:
        said = custom_fields.label(field, lookups)
        found[field.name] = f"{said} (own field)" if said in found.values() else said
    return found


def charts(measure: Measure, by: str, split: str) -> list[str]:
    """Those that can be read: lines go along time, what is stacked adds up."""
    is_time = by.endswith(("_month", "_quarter"))
    return [BARS, *([LINES] if is_time else []), *([STACKED] if split and measure.unit in ("count", "usd") else []), PIVOT]


def screen(person: Person, lookups: Lookups) -> Screen:
    """Everything that the page asks, by its name in the address."""
    known = {**dimensions(person, lookups, "leads"), **(dimensions(person, lookups, "revenue") if person.may("customer", "view") else {})}
    people = {name: owner for owner, name in lookups.names.people.items()}
    return Screen(
        "explore", "Explore",
        {
            "measure": Param("leads", by_text({name: each.label for name, each in measures(person).items()}), is_said_always=True),
            "which": Param("", by_text(exploring.WHICH)),
            "by": Param("stage", by_text(known), is_said_always=True),
            "split": Param("", by_text(known)),
            "chart": Param(BARS, by_text(CHARTS)),
            "period": Param(USUAL_DAYS, {said: days for days, said in PERIODS.items()}),
            "of_team": Param(None, {name: team for team, name in lookups.names.teams.items()}),
            "of_owner": Param(None, people),
            "of_pipeline": Param(None, {lookups.pipeline_label(each.id): each.id for each in lookups.pipelines}),
            "of_source": Param(""),
            "of_market": Param(None, by_text(lookups.markets)),
        },
    )  # fmt: skip


def known(person: Person, lookups: Lookups, screen: Screen, takes: Sequence[str]) -> dict[str, address.Means]:
    """What an address may say: of the filters, and of what is counted in which groups."""
    own = {name: [*(screen.params[name].choices or ()), NO_SPLIT] for name in ("measure", "by", "split")}
    return {**address.of_report(person, lookups, takes), **{name: {text: text for text in texts} for name, texts in own.items()}}
