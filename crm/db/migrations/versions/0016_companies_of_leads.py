"""The companies of leads in one look, and one's own columns of a board by index."""

from alembic import context, op

revision = "0016"
down_revision = "0015"

COMPANIES_OF_LEADS = """
create function crm.companies_of_leads(lead_ids bigint[]) returns table (lead_id bigint, company text)
language plpgsql stable security definer rows 100 set search_path = crm, pg_temp as $$
declare
    scope text := current_setting('crm.view_scope', true);
    teams bigint[] := setting_ids('crm.teams');
    person bigint := me();
begin
    -- A lead shows its company to whoever sees the lead. The companies' own wall would ask for each of them again whether there
    -- is such a lead; this function runs as the owner and asks the leads, by the same scopes; tests compare it with the walls.
    return query select l.id, c.name::text
        from leads as l
        join companies as c on c.id = l.company_id
        where l.id = any (lead_ids)
            and (scope = 'all'
                or (scope in ('team', 'mixed') and l.team_id = any (teams))
                or (scope in ('own', 'mixed') and l.owner_id = person));
end $$;
"""


def upgrade() -> None:
    op.execute(COMPANIES_OF_LEADS)
    op.execute("revoke execute on function crm.companies_of_leads(bigint[]) from public")
    view = ", ".join(f'"{name}"' for name in context.config.attributes["roles"].view)
    op.execute(f"grant execute on function crm.companies_of_leads(bigint[]) to {view}")
    op.execute("create index ix_leads_owner_id_stage_id on crm.leads (owner_id, pipeline_id, stage_id, updated_at desc, id desc)")
    op.execute("drop index crm.ix_leads_owner_id_pipeline_id")


def downgrade() -> None:
    op.execute("create index ix_leads_owner_id_pipeline_id on crm.leads (owner_id, pipeline_id)")
    op.execute("drop index crm.ix_leads_owner_id_stage_id")
    op.execute("drop function crm.companies_of_leads")
