"""What the address of a page names, in the words of whoever opens it.

A link is sent by somebody who sees more, or less. “Accounts · Gulf” is called “Accounts” by those who see one pipeline of that name; what is out of
sight, or not there any more, is taken out with a word: figures of everything would else pass for those of what the link is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from streamlit.errors import StreamlitAPIException

from crm.access import Person
from crm.ui import closed, messages
from crm.ui.lookups import Lookups, teams_in_sight

LONGEST = 60
LEFT_OUT = "The link also asks for {}: not there any more, or not in your sight. The rest of it is shown."
SAID = {"by": "groups of", "split": "groups of"}

Means = Mapping[str, str]
"""What an address may say of a filter -> what the filter itself calls it."""


def settle(known: Mapping[str, Means]) -> None:
    """Before the filters are drawn: put the address into this person's words. Runs the page anew where it was not. `known`: by the filters' names."""
    missed, is_changed = [], False
    for name, means in known.items():
        given = st.query_params.get_all(name)
        wanted = [means[text] for text in given if text in means]
        if wanted != given and _write(name, wanted):
            is_changed = True
            missed += [f"{SAID.get(name, name.removeprefix('of_'))} “{text[:LONGEST]}”" for text in given if text not in means]
    if missed:
        messages.leave(LEFT_OUT.format(" and ".join(missed)))
    if is_changed:
        st.rerun()


def _write(name: str, wanted: Sequence[str]) -> bool:
    """Whether it could be: a filter that is drawn already sees to its own part of the address."""
    try:
        if wanted:
            st.query_params[name] = wanted
        else:
            del st.query_params[name]
    except StreamlitAPIException:
        return False
    return True


def of_report(person: Person, lookups: Lookups, takes: Sequence[str]) -> dict[str, Means]:
    """For a page of reports, or of explorations, that takes these filters."""
    found = {
        "of_team": _same(lookups.names.teams[team] for team in teams_of(person, lookups)), "of_owner": _owners(person, lookups), "of_pipeline":
        _pipelines(lookups), "of_market": _markets(person, lookups),
    }  # fmt: skip
    return {f"of_{name}": found[f"of_{name}"] for name in (each.removeprefix("one_") for each in takes) if f"of_{name}" in found}


def of_leads(person: Person, lookups: Lookups) -> dict[str, Means]:
    """For the list of leads."""
    stages = (stage.name for pipeline in lookups.pipelines for stage in pipeline.stages)
    return {
        "team": _same([*(lookups.names.teams[team] for team in teams_in_sight(person, lookups)), "All teams"]),
        "owner": _same([*_owners(person, lookups), "Nobody"]), "pipeline": {**_pipelines(lookups), **_same(["All pipelines"])}, "stage": _same(stages),
        "market": _same(lookups.markets.values()),
    }  # fmt: skip


def teams_of(person: Person, lookups: Lookups) -> list[int]:
    """Those whose figures the person sees, by name."""
    reach = person.reach("report", "view")
    return [team for team in lookups.names.teams if reach.everywhere or team in reach.teams]


def _owners(person: Person, lookups: Lookups) -> Means:
    return _same(lookups.names.people.values()) if closed.shows(person, "owner_id") else {}


def _pipelines(lookups: Lookups) -> Means:
    """By the name alone where one has it; with its team's name in any case."""
    labels = {each.id: lookups.pipeline_label(each.id) for each in lookups.pipelines}
    full = {f"{each.name} · {lookups.names.teams.get(each.team_id, '')}": labels[each.id] for each in lookups.pipelines}
    return {**full, **_same(labels.values())}


def _markets(person: Person, lookups: Lookups) -> Means:
    return {**lookups.markets, **_same(lookups.markets.values())} if closed.shows(person, "market") else {}


def _same(labels: Iterable[str]) -> dict[str, str]:
    return {label: label for label in labels if label}
