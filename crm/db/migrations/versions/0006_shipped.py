"""The shipped roles and the organisation's first settings."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

VIEW, CREATE, EDIT, DELETE, ASSIGN, BULK, IMPORT, EXPORT, CONFIGURE = (
    "view", "create", "edit", "delete", "assign", "bulk", "import", "export", "configure",
)  # fmt: skip
ALL_RESOURCES = {
    "lead": (VIEW, CREATE, EDIT, DELETE, ASSIGN, BULK, IMPORT, EXPORT),
    "company": (VIEW, CREATE, EDIT, DELETE, ASSIGN),
    "contact": (VIEW, CREATE, EDIT, DELETE, ASSIGN),
    "activity": (CREATE, EDIT, DELETE),
    "pipeline": (VIEW, CONFIGURE),
    "person": (VIEW, CONFIGURE),
    "team": (VIEW, CONFIGURE),
    "role": (VIEW, CONFIGURE),
    "report": (VIEW, EXPORT),
    "settings": (CONFIGURE,),
    "audit": (VIEW,),
}
SHIPPED = {
    "admin": ("Sees and shapes everything", True, {r: dict.fromkeys(actions, "all") for r, actions in ALL_RESOURCES.items()}),
    "manager": (
        "Runs a team: its leads, people's work and reports; hands leads to any team", False,
        {
            "lead": {VIEW: "team", CREATE: "team", EDIT: "team", DELETE: "team", ASSIGN: "all", BULK: "team", IMPORT: "team", EXPORT: "team"},
            "company": {VIEW: "team", CREATE: "team", EDIT: "team", DELETE: "team", ASSIGN: "team"},
            "contact": {VIEW: "team", CREATE: "team", EDIT: "team", DELETE: "team", ASSIGN: "team"},
            "activity": {CREATE: "team", EDIT: "team", DELETE: "team"},
            "pipeline": {VIEW: "team", CONFIGURE: "team"},
            "person": {VIEW: "team"}, "team": {VIEW: "team"}, "report": {VIEW: "team", EXPORT: "team"},
        },
    ),
    "rep": (
        "Works the team's leads", False,
        {
            "lead": {VIEW: "team", CREATE: "team", EDIT: "team", DELETE: "own", ASSIGN: "team", BULK: "team", IMPORT: "team"},
            "company": {VIEW: "team", CREATE: "team", EDIT: "team", ASSIGN: "team"},
            "contact": {VIEW: "team", CREATE: "team", EDIT: "team", ASSIGN: "team"},
            "activity": {CREATE: "team", EDIT: "own", DELETE: "own"},
            "pipeline": {VIEW: "team"}, "person": {VIEW: "team"}, "team": {VIEW: "team"}, "report": {VIEW: "team"},
        },
    ),
    "viewer": (
        "Reads the team's leads and reports", False,
        {"lead": {VIEW: "team"}, "company": {VIEW: "team"}, "contact": {VIEW: "team"}, "pipeline": {VIEW: "team"}, "person": {VIEW: "team"},
         "team": {VIEW: "team"}, "report": {VIEW: "team"}},
    ),
}  # fmt: skip
SETTINGS = {"reporting_time_zone": "UTC", "base_currency": "USD", "fiscal_year_starts_in_month": 1}


def upgrade() -> None:
    connection = op.get_bind()
    for name, (description, wide, grants) in SHIPPED.items():
        role_id = connection.scalar(
            sa.text(
                "insert into crm.roles (name, description, is_shipped, is_organisation_wide) values (:n, :d, true, :w)"
                " on conflict (name) do update set is_shipped = true returning id"
            ),
            {"n": name, "d": description, "w": wide},
        )
        rows = [{"role": role_id, "r": r, "a": a, "s": scope} for r, actions in grants.items() for a, scope in actions.items()]
        connection.execute(sa.text("insert into crm.grants (role_id, resource, action, scope) values (:role, :r, :a, :s) on conflict do nothing"), rows)
    for key, value in SETTINGS.items():
        connection.execute(
            sa.text("insert into crm.organisation_settings (key, value) values (:k, cast(:v as jsonb)) on conflict do nothing"),
            {"k": key, "v": json.dumps(value)},
        )


def downgrade() -> None:
    # What people have made of it stays: roles that somebody holds, and settings.
    op.execute("delete from crm.roles where is_shipped and id not in (select role_id from crm.memberships)")
