"""Undoing somebody else's change shows nobody a company that they do not see; undoing one's own still puts back what it took."""

from alembic import op

revision = "0011"
down_revision = "0010"

IS_SEEN = """
create or replace function crm.check_company_is_seen() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    -- A lead shows its company to whoever sees the lead: nobody may point one at a company they do not see.
    if current_setting('crm.write_resource', true) <> '' and {is_not_undoing}
        and not setting_on('crm.company_all') and not sees_company(new.company_id) then
        raise exception 'the company is one that this person does not see' using errcode = '42501';
    end if;
    return new;
end $$;
"""
UNDOING = "nullif(current_setting('crm.undoing', true), '')"


def upgrade() -> None:
    op.execute(IS_SEEN.format(is_not_undoing=f"not exists (select from change_sets where id = {UNDOING}::bigint and person_id = me())"))


def downgrade() -> None:
    op.execute(IS_SEEN.format(is_not_undoing=f"{UNDOING} is null"))
