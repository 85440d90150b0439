"""The walls: row security on every table, one plain policy per view scope, and what each role may touch at all."""

from alembic import context, op

revision = "0004"
down_revision = "0003"

FUNCTIONS = """
create function crm.setting_ids(name text) returns bigint[] language sql stable parallel safe as $$
    select coalesce(nullif(current_setting(name, true), '')::bigint[], '{}')
$$;
create function crm.setting_on(name text) returns boolean language sql stable parallel safe as $$
    select current_setting(name, true) = 'on'
$$;
create function crm.me() returns bigint language sql stable parallel safe as $$
    select nullif(current_setting('crm.person', true), '')::bigint
$$;

create function crm.search_pattern(wanted text) returns text language sql immutable parallel safe as $$
    select '%' || replace(replace(replace(lower(wanted), '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%'
$$;

create function crm.search_is_common(wanted text) returns boolean
language plpgsql security definer set search_path = crm, public, pg_temp as $$
declare
    plan json;
begin
    -- The planner's own guess, from samples: cheap, and only a choice between two ways that find the same leads.
    execute format('explain (format json) select from lead_search_texts where content like %L', search_pattern(wanted)) into plan;
    return (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric > 5000;
end $$;

create function crm.search_leads(wanted text, at_most integer) returns setof bigint
language plpgsql stable security definer rows 200 set search_path = crm, public, pg_temp as $$
declare
    pattern text := search_pattern(wanted);
    scope text := current_setting('crm.view_scope', true);
    teams bigint[] := setting_ids('crm.teams');
    person bigint := me();
begin
    -- ILIKE is not leakproof, so under a wall it could not use the trigram index. This function runs as the owner and
    -- applies the same scopes itself; tests compare it with the walls.
    if scope = 'all' then
        return query select l.id from lead_search_texts as s join leads as l on l.id = s.lead_id
            where s.content like pattern and l.deleted_at is null limit at_most;
    elsif scope = 'team' then
        return query select l.id from lead_search_texts as s join leads as l on l.id = s.lead_id
            where s.content like pattern and l.deleted_at is null and l.team_id = any (teams) limit at_most;
    elsif scope = 'own' then
        return query select l.id from lead_search_texts as s join leads as l on l.id = s.lead_id
            where s.content like pattern and l.deleted_at is null and l.owner_id = person limit at_most;
    elsif scope = 'mixed' then
        return query select l.id from lead_search_texts as s join leads as l on l.id = s.lead_id
            where s.content like pattern and l.deleted_at is null and (l.team_id = any (teams) or l.owner_id = person) limit at_most;
    end if;
end $$;

create function crm.lead_matches(lead bigint, wanted text) returns boolean
language plpgsql stable security definer set search_path = crm, public, pg_temp as $$
declare
    scope text := current_setting('crm.view_scope', true);
begin
    -- For words so common that the list is walked in its own order and each lead is asked.
    perform from lead_search_texts as s
    where s.lead_id = lead
        and s.content like search_pattern(wanted);
    if not found then
        return false;
    end if;
    perform from leads as l
    where l.id = lead
        and (scope = 'all'
            or (scope in ('team', 'mixed') and l.team_id = any (setting_ids('crm.teams')))
            or (scope in ('own', 'mixed') and l.owner_id = me()));
    return found;
end $$;

create function crm.sees_company(wanted bigint) returns boolean
language plpgsql stable security definer set search_path = crm, pg_temp as $$
declare
    scope text := current_setting('crm.view_scope', true);
begin
    -- The same as the view policy of companies, for writers, whose own role sees them all.
    perform from companies as c
    where c.id = wanted
        and (setting_on('crm.company_all') or c.team_id = any (setting_ids('crm.company_teams')) or (setting_on('crm.company_own') and c.owner_id = me()));
    if found then
        return true;
    end if;
    perform from leads as l
    where l.company_id = wanted
        and (scope = 'all'
            or (scope in ('team', 'mixed') and l.team_id = any (setting_ids('crm.teams')))
            or (scope in ('own', 'mixed') and l.owner_id = me()));
    return found;
end $$;

create function crm.sees_contact(wanted bigint) returns boolean
language plpgsql stable security definer set search_path = crm, pg_temp as $$
declare
    scope text := current_setting('crm.view_scope', true);
    own contacts;
begin
    select * into own from contacts as c where c.id = wanted;
    if not found then
        return false;
    end if;
    if setting_on('crm.contact_all') or own.team_id = any (setting_ids('crm.contact_teams'))
        or (setting_on('crm.contact_own') and own.owner_id = me()) or sees_company(own.company_id) then
        return true;
    end if;
    perform from lead_contacts as lc join leads as l on l.id = lc.lead_id
    where lc.contact_id = wanted
        and (scope = 'all'
            or (scope in ('team', 'mixed') and l.team_id = any (setting_ids('crm.teams')))
            or (scope in ('own', 'mixed') and l.owner_id = me()));
    return found;
end $$;

create function crm.check_company_is_seen() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    -- A lead shows its company to whoever sees the lead: nobody may point one at a company they do not see.
    if current_setting('crm.write_resource', true) <> '' and coalesce(current_setting('crm.undoing', true), '') = ''
        and not setting_on('crm.company_all') and not sees_company(new.company_id) then
        raise exception 'the company is one that this person does not see' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger check_new_company before insert on crm.leads for each row
    when (new.company_id is not null) execute function crm.check_company_is_seen();
create trigger check_changed_company before update of company_id on crm.leads for each row
    when (new.company_id is distinct from old.company_id and new.company_id is not null) execute function crm.check_company_is_seen();
create trigger check_new_company before insert on crm.contacts for each row
    when (new.company_id is not null) execute function crm.check_company_is_seen();
create trigger check_changed_company before update of company_id on crm.contacts for each row
    when (new.company_id is distinct from old.company_id and new.company_id is not null) execute function crm.check_company_is_seen();
"""

TABLES = (
    "teams", "people", "roles", "grants", "memberships", "access_stamps", "credentials", "sessions", "one_time_links", "sign_in_attempts",
    "api_keys", "idempotency_keys", "audit_events", "organisation_settings", "markets", "exchange_rates", "pipelines", "stages", "companies",
    "contacts", "leads", "lead_contacts", "lead_search_texts", "activities", "change_sets", "changes", "conflicts", "postings", "stays",
    "posting_days",
)  # fmt: skip

ME = "(select crm.me())"
VIEW_SCOPE = "(select current_setting('crm.view_scope', true))"
# Any transaction that `acting_as` opened, the operator's at the command line included.
SIGNED_IN = "(select nullif(current_setting('crm.view_scope', true), '')) is not null"
# The `own` role also serves people who may not see leads at all: their scope is none.
ME_IF_OWN = "(select case when current_setting('crm.view_scope', true) = 'own' then crm.me() end)"


def ids(setting: str) -> str:
    return f"any ((select crm.setting_ids('crm.{setting}'))::bigint[])"


def on(setting: str) -> str:
    return f"(select crm.setting_on('crm.{setting}'))"


def writing(resource: str) -> str:
    return f"(select current_setting('crm.write_resource', true)) = '{resource}'"


def reaches(kind: str, team: str = "team_id", owner: str = "owner_id") -> str:
    """Within the `write` (the old row) or `assign` (the new one) scope of this transaction."""
    return f"({on(kind + '_all')} or {team} = {ids(kind + '_teams')} or ({on(kind + '_own')} and {owner} = {ME}))"


def sees(resource: str, team: str = "team_id", owner: str | None = "owner_id") -> str:
    own = f" or ({on(resource + '_own')} and {owner} = {ME})" if owner else ""
    return f"{on(resource + '_all')} or {team} = {ids(resource + '_teams')}{own}"


# Somebody who moved a lead out of their own reach may take back exactly that move while nobody has touched the lead since.
MY_LAST_CHANGE = """exists (
    select from crm.changes as c
    join crm.change_sets as s on s.id = c.change_set_id
    where c.record_type = '{kind}' and c.record_id = {table}.id and c.version = {table}.version
        and s.id = (select nullif(current_setting('crm.undoing', true), '')::bigint) and s.person_id is not distinct from (select crm.me()))"""

LEDGER_TABLES = ("postings", "stays", "posting_days")


def policies() -> list[tuple[str, str, str, str, str | None, str | None]]:
    """(table, name, command, roles, using, with check); roles are words that `upgrade` turns into names."""
    found: list[tuple[str, str, str, str, str | None, str | None]] = []
    add = found.append
    for table in TABLES:
        add((table, "owner_all", "all", "owner", "true", "true"))
    for table in ("leads", *LEDGER_TABLES):
        add((table, "view_all", "select", "all", "true", None))
        add((table, "view_team", "select", "team", f"team_id = {ids('teams')}", None))
        add((table, "view_own", "select", "own", f"owner_id = {ME_IF_OWN}", None))
        add((table, "view_mixed", "select", "mixed", f"team_id = {ids('teams')} or owner_id = {ME}", None))
    add(("leads", "write_sees", "select", "write", "true", None))
    add(("leads", "write_insert", "insert", "write", None, f"{writing('lead')} and {reaches('write')}"))
    mine = MY_LAST_CHANGE.format(kind="lead", table="leads")
    add(("leads", "write_update", "update", "write", f"{writing('lead')} and ({reaches('write')} or {mine})", reaches("assign")))
    # What hangs on a lead takes its visibility from it.
    of_lead = "exists (select from crm.leads as l where l.id = lead_id)"
    for table in ("activities", "lead_contacts"):
        add((table, "view_with_lead", "select", "view", of_lead, None))
    add(("activities", "write_sees", "select", "write", "true", None))
    lead_in_reach = "exists (select from crm.leads as l where l.id = lead_id and {})"
    seen_lead = lead_in_reach.format(f"({VIEW_SCOPE} = 'all' or l.team_id = {ids('teams')} or l.owner_id = {ME})")
    # An activity is one's own when one did it, on whichever lead one sees.
    before, after = (
        f"({on(kind + '_all')} or ({on(kind + '_own')} and person_id = {ME}) or {lead_in_reach.format('l.team_id = ' + ids(kind + '_teams'))})"
        for kind in ("write", "assign")
    )
    mine = MY_LAST_CHANGE.format(kind="activity", table="activities")
    add(("activities", "write_insert", "insert", "write", None, f"{writing('activity')} and {seen_lead} and {before}"))
    add(("activities", "write_update", "update", "write", f"{writing('activity')} and ({before} or {mine})", f"{seen_lead} and {after}"))
    add(("lead_contacts", "write_sees", "select", "write", "true", None))
    contact_reach = lead_in_reach.format(reaches("write", "l.team_id", "l.owner_id"))
    add(("lead_contacts", "write_insert", "insert", "write", None, f"{writing('lead')} and {contact_reach} and crm.sees_contact(contact_id)"))
    add(("lead_contacts", "write_delete", "delete", "write", f"{writing('lead')} and {contact_reach}", None))
    # A company or contact is seen by whoever sees one of its leads, or by its own team or owner.
    add(("companies", "view", "select", "view", f"{sees('company')} or exists (select from crm.leads as l where l.company_id = companies.id)", None))
    add((
        "contacts", "view", "select", "view",
        f"{sees('contact')} or exists (select from crm.companies as c where c.id = company_id)"
        " or exists (select from crm.lead_contacts as lc where lc.contact_id = contacts.id)", None,
    ))  # fmt: skip
    for table, kind in (("companies", "company"), ("contacts", "contact")):
        mine = MY_LAST_CHANGE.format(kind=kind, table=table)
        add((table, "write_sees", "select", "write", "true", None))
        add((table, "write_insert", "insert", "write", None, f"{writing(kind)} and {reaches('write')}"))
        add((table, "write_update", "update", "write", f"{writing(kind)} and ({reaches('write')} or {mine})", reaches("assign")))
    # History.
    add((
        "changes", "view_with_record", "select", "view",
        "case record_type when 'lead' then exists (select from crm.leads as l where l.id = record_id)"
        " when 'company' then exists (select from crm.companies as c where c.id = record_id)"
        " when 'contact' then exists (select from crm.contacts as c where c.id = record_id)"
        " when 'activity' then exists (select from crm.activities as a where a.id = record_id)"
        " when 'pipeline' then exists (select from crm.pipelines as p where p.id = record_id)"
        " when 'stage' then exists (select from crm.stages as s where s.id = record_id)"
        f" when 'person' then {on('person_all')} when 'team' then {on('person_all')} else false end", None,
    ))  # fmt: skip
    add(("changes", "write_sees", "select", "write", "true", None))
    add(("change_sets", "view", "select", "view", f"person_id = {ME} or exists (select from crm.changes as c where c.change_set_id = change_sets.id)", None))
    add(("change_sets", "write_sees", "select", "write", "true", None))
    add(("change_sets", "write_insert", "insert", "write", None, f"person_id is not distinct from {ME}"))
    add(("conflicts", "view_own", "select", "view,write", f"person_id = {ME}", None))
    add(("conflicts", "write_insert", "insert", "write", None, f"person_id = {ME}"))
    add(("conflicts", "write_update", "update", "write", f"person_id = {ME}", f"person_id = {ME}"))
    # Pipelines: by grant, and those of one's own leads.
    own_lead = f"exists (select from crm.leads as l where l.owner_id = {ME} and l.pipeline_id = pipelines.id)"
    add(("pipelines", "view", "select", "view", f"{sees('pipeline', owner=None)} or {own_lead}", None))
    add(("stages", "view", "select", "view", "exists (select from crm.pipelines as p where p.id = pipeline_id)", None))
    for table in ("pipelines", "stages"):
        add((table, "write_sees", "select", "write,system", "true", None))
    add(("pipelines", "write_insert", "insert", "write", None, f"{writing('pipeline')} and {reaches('assign', owner='null')}"))
    add(("pipelines", "write_update", "update", "write", f"{writing('pipeline')} and {reaches('write', owner='null')}", reaches("assign", owner="null")))
    in_pipeline = f"exists (select from crm.pipelines as p where p.id = pipeline_id and {reaches('write', 'p.team_id', 'null')})"
    add(("stages", "write_insert", "insert", "write", None, f"{writing('pipeline')} and {in_pipeline}"))
    add(("stages", "write_update", "update", "write", f"{writing('pipeline')} and {in_pipeline}", in_pipeline))
    # People: names are seen by everybody signed in, memberships and grants by those who look after them.
    for table in ("people", "teams", "roles"):
        add((table, "view_signed_in", "select", "view", SIGNED_IN, None))
    add(("memberships", "view", "select", "view", f"person_id = {ME} or {sees('person', owner=None)}", None))
    add(("grants", "view", "select", "view", on("role_all"), None))
    for table, resource in (("people", "person"), ("teams", "team"), ("memberships", "person"), ("roles", "role"), ("grants", "role")):
        add((table, "write_sees", "select", "write,system", "true", None))
        allowed = f"{writing(resource)} and {on('write_all')}"
        add((table, "write_insert", "insert", "write", None, allowed))
        add((table, "write_update", "update", "write", allowed, allowed))
        if table in ("memberships", "grants"):
            add((table, "write_delete", "delete", "write", allowed, None))
    add(("people", "write_self", "update", "write", f"{writing('account')} and id = {ME}", f"id = {ME}"))
    # The machinery of signing in.
    for table in ("access_stamps", "credentials", "sessions", "one_time_links", "sign_in_attempts", "api_keys", "idempotency_keys"):
        add((table, "system_all", "all", "system", "true", "true"))
    add(("audit_events", "insert", "insert", "system,write", None, f"person_id is null or {ME} is null or person_id = {ME}"))
    add(("audit_events", "view", "select", "view", on("audit_all"), None))
    # The organisation's own facts.
    for table in ("organisation_settings", "markets", "exchange_rates"):
        add((table, "view_signed_in", "select", "view", SIGNED_IN, None))
        add((table, "machinery_sees", "select", "write,system", "true", None))
        allowed = f"{writing('settings')} and {on('write_all')}"
        add((table, "write_insert", "insert", "write", None, allowed))
        add((table, "write_update", "update", "write", allowed, allowed))
    # The fold.
    add(("postings", "system_sees", "select", "system", "true", None))
    add(("postings", "system_marks", "update", "system", "true", "true"))
    add(("posting_days", "system_all", "all", "system", "true", "true"))
    return found


def upgrade() -> None:
    op.execute(FUNCTIONS)
    roles = context.config.attributes["roles"]
    words = {
        "owner": ("current_user",),
        "view": tuple(f'"{name}"' for name in roles.view),
        **{name: (f'"{getattr(roles, name)}"',) for name in ("all", "team", "own", "mixed", "write", "system")},
    }
    everyone = ", ".join(f'"{name}"' for name in roles.assumable)
    op.execute("revoke all on schema crm from public")
    op.execute(f'grant usage on schema crm to {everyone}, "{roles.login}"')
    op.execute("revoke execute on all functions in schema crm from public")
    for function in ("setting_ids(text)", "setting_on(text)", "me()", "search_pattern(text)", "search_is_common(text)", "search_leads(text, integer)",
                     "lead_matches(bigint, text)", "to_usd(numeric, character, date)", "money_json(numeric, character)", "custom_changes(jsonb, jsonb)", "sees_contact(bigint)"):  # fmt: skip
        op.execute(f"grant execute on function crm.{function} to {everyone}")
    commands: dict[tuple[str, str], set[str]] = {}
    for table in TABLES:
        op.execute(f"alter table crm.{table} enable row level security")
        op.execute(f"alter table crm.{table} force row level security")
    for table, name, command, who, using, check in policies():
        names = [role for word in who.split(",") for role in words[word]]
        clauses = (f" using ({using})" if using else "") + (f" with check ({check})" if check else "")
        op.execute(f"create policy {name} on crm.{table} for {command} to {', '.join(names)}{clauses}")
        for role in names:
            if role != "current_user":
                commands.setdefault((table, role), set()).update(("select", "insert", "update", "delete") if command == "all" else (command,))
    for (table, role), allowed in sorted(commands.items()):
        op.execute(f"grant {', '.join(sorted(allowed))} on crm.{table} to {role}")
    # Postings are append-only: the fold marks them, and nobody changes anything else.
    op.execute(f'revoke update on crm.postings from "{roles.system}"')
    op.execute(f'grant update (fold_id) on crm.postings to "{roles.system}"')


def downgrade() -> None:
    for table, name, *_ in policies():
        op.execute(f"drop policy {name} on crm.{table}")
    roles = context.config.attributes["roles"]
    for name in (*roles.assumable, roles.login):
        op.execute(f'revoke all on all tables in schema crm from "{name}"')
        op.execute(f'revoke all on schema crm from "{name}"')
    for table in TABLES:
        op.execute(f"alter table crm.{table} no force row level security")
        op.execute(f"alter table crm.{table} disable row level security")
    op.execute("drop function crm.check_company_is_seen() cascade")
    op.execute(
        "drop function crm.search_is_common, crm.search_leads, crm.lead_matches, crm.search_pattern, crm.sees_company, crm.sees_contact, crm.setting_ids, crm.setting_on, crm.me"
    )
