"""A lead enters only a stage that stands: whoever moves it waits for a removal that is under way, and is told."""

from importlib import import_module

from alembic import op

revision = "0022"
down_revision = "0021"

LEDGER: str = import_module("crm.db.migrations.versions.0003_ledger").LEDGER
ENTERED = {
    "leads_inserted_ledger": "select n.stage_id from new_rows as n where n.deleted_at is null",
    "leads_updated_ledger": "select n.stage_id from old_rows as o full join new_rows as n using (id) where o.stage_id <> n.stage_id",
}
"""The stages that leads of a statement enter."""
# Who removes a stage has its row until the transaction ends; the rules upstream go by a layout that may be a moment old.
CHECK = """
    for entered in select s.deleted_at from stages as s where s.id in ({stages}) order by s.id for share loop
        if entered.deleted_at is not null then
            raise exception 'the stage was removed' using errcode = 'TL005';
        end if;
    end loop;"""


def _as_it_was(name: str) -> str:
    begins = LEDGER.index(f"create function crm.{name}()")
    ends = LEDGER.index("end $$;", begins) + len("end $$;")
    return LEDGER[begins:ends].replace("create function", "create or replace function", 1)


def _with_check(name: str) -> str:
    before, after = _as_it_was(name).split("\nbegin\n", 1)
    return f"{before}\n    entered record;\nbegin{CHECK.format(stages=ENTERED[name])}\n{after}"


def upgrade() -> None:
    for name in ENTERED:
        op.execute(_with_check(name))


def downgrade() -> None:
    for name in ENTERED:
        op.execute(_as_it_was(name))
