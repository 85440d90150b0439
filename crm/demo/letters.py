"""Templates that the demo's teams write with: two of each team, two of everybody's."""

from __future__ import annotations

from crm.access import acting_as, as_system, load
from crm.changes import Edit, apply
from crm.demo.organisation import SOURCE, TEAMS, Organisation
from crm.templates.records import TEMPLATE

GREETING = 'Dear {{ contact.name | default("colleagues") }},'
CLOSING = "Kind regards\n{{ me.name }}"
# (name, subject, what stands between greeting and closing)
Letter = tuple[str, str, str]
FIRST: Letter = (
    "First contact", "Supplies for {{ lead.name }}",
    'we deliver to many {{ lead.custom.segment | default("food") }} businesses near you, usually on the next morning.\n\n'
    "May I send you samples, and a price list for what you order most?",
)  # fmt: skip
SAMPLES: Letter = (
    "After the samples", "How did you like them?",
    "your samples should have arrived by now. Tell me which of them you would keep, and I make an offer for your "
    '{{ lead.custom.outlets | default("own") }} outlets.\n\n'
    'A trial order is quickest before {{ lead.expected_close_on | default("the end of the month") }}.',
)  # fmt: skip
OFFER: Letter = (
    "The offer", 'Our offer to {{ lead.company | default("you") }}',
    "as agreed, here is our offer over {{ lead.value }}. It holds for 14 days.\n\n"
    "Please tell me if a line is missing, or if the delivery days do not suit you.",
)  # fmt: skip
MISSED: Letter = (
    "We missed each other", "I tried to call",
    "I tried to reach you today. When would be a good time for ten minutes this week?",
)  # fmt: skip
THANKS: Letter = (
    "Thank you for the order", "Welcome, {{ lead.name }}",
    "thank you for your order. {{ owner.name }} looks after you from now on; write or call whenever something is missing.",
)  # fmt: skip
OF_TEAM = {"Gulf": (FIRST, SAMPLES), "Levant": (FIRST, OFFER), "Europe": (OFFER, SAMPLES), "Africa": (FIRST, SAMPLES)}


def write_letters(made: Organisation) -> None:
    """By each team's manager; everybody's by the admin."""
    for name, team_id, letters in (
        ("alma", None, (MISSED, THANKS)), *((made.manager(team), made.teams[team.name], OF_TEAM[team.name]) for team in TEAMS),
    ):  # fmt: skip
        with as_system() as session:
            person = load(session, made.people[name])
        edits = [
            Edit(TEMPLATE.name, None, {"team_id": team_id, "name": called, "subject": subject, "body": f"{GREETING}\n\n{text}\n\n{CLOSING}"})
            for called, subject, text in letters
        ]
        with acting_as(person) as session:
            apply(session, edits, source=SOURCE, label="Templates", on_conflict="refuse")
