"""What had been done with a lead, in the words of a past day: what was corrected, deleted or written down since is not in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from crm import clock
from crm.access import acting_as
from crm.activities.reads import known_activities_of
from crm.activities.use_cases import add_activity, delete_activity, edit_activity
from crm.leads.as_of import Past
from crm.ui.timeline import story
from crm.ui.words import Names


@pytest.fixture
def then(cast: Any, db: Any) -> datetime:
    """A moment after which one note was rewritten, one was deleted and one was written down for the day before."""
    lead = cast.leads["Al Noor Trading"]
    earlier = clock.now() - timedelta(days=2)
    with acting_as(cast.who("ana")) as session:
        kept, dropped = (
            add_activity(session, lead, {"kind": "note", "body": body, "happened_at": earlier}, source="test").results[0].record_id
            for body in ("They want tea.", "They are cross.")
        )
    moment = db.value("select clock_timestamp()")
    with acting_as(cast.who("ana")) as session:
        edit_activity(session, kept, 1, {"body": "They want coffee."}, source="test")
        edit_activity(session, kept, 2, {"body": "They want rice.", "kind": "call"}, source="test")
        delete_activity(session, dropped, 1, source="test")
        add_activity(session, lead, {"kind": "note", "body": "Found later.", "happened_at": earlier}, source="test")
    return moment


def known(cast: Any, who: str, before: datetime, known_before: datetime) -> dict[str, str]:
    with acting_as(cast.who(who), resource="lead", action="view") as session:
        rows = known_activities_of(session, cast.leads["Al Noor Trading"], before=before, known_before=known_before)
        return {row["body"]: row["kind"] for row in rows}


def test_notes_stand_in_the_words_that_they_had(cast: Any, then: datetime) -> None:
    assert known(cast, "ana", then, then) == {"They want tea.": "note", "They are cross.": "note"}
    later = clock.now() + timedelta(minutes=1)
    assert known(cast, "ana", later, later) == {"They want rice.": "call", "Found later.": "note"}


def test_what_happened_after_the_day_that_is_looked_back_to_is_not_in_it(cast: Any, then: datetime) -> None:
    assert known(cast, "ana", then - timedelta(days=3), then) == {}


def test_nobody_reads_the_past_of_a_lead_that_they_do_not_see(cast: Any, then: datetime) -> None:
    assert known(cast, "carla", then, then) == {}


def test_the_story_of_a_lead_tells_it_so(cast: Any, then: datetime) -> None:
    with acting_as(cast.who("ana"), resource="lead", action="view") as session:
        found = story(session, cast.leads["Al Noor Trading"], Names(cast.people["ana"], "UTC"), show="note", past=Past(then, then))
    assert sorted(entry.body for entry in found) == ["They are cross.", "They want tea."]
