"""Field names as the API says them: `stage` where the record keeps `stage_id`."""

from __future__ import annotations

REFERENCES = {
    "team_id": "team", "pipeline_id": "pipeline", "stage_id": "stage", "owner_id": "owner", "company_id": "company", "person_id": "person",
    "lead_id": "lead",
    "done_by_id": "done_by", "created_by_id": "created_by", "parent_id": "parent", "came_from_lead_id": "came_from", "merged_into_id": "merged_into",
}  # fmt: skip
"""Record field -> API field, for fields that point to another record."""

POINTS_TO = {
    "team_id": "team", "pipeline_id": "pipeline", "stage_id": "stage", "owner_id": "person", "company_id": "company", "person_id": "person",
    "lead_id": "lead",
    "done_by_id": "person", "created_by_id": "person", "parent_id": "team", "came_from_lead_id": "lead", "merged_into_id": "lead",
}  # fmt: skip
"""Record field -> kind of record that it points to."""


def field_of(record_field: str) -> str:
    """The API's name for a record's field."""
    return REFERENCES.get(record_field, record_field)


def record_field_of(name: str) -> str:
    """The record's own name for an API field."""
    return next((record for record, said in REFERENCES.items() if said == name), name)
