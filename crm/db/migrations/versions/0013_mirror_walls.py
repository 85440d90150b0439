"""The walls around the mirror and alerts, what keeps their derived figures, and the grants and the rule that every installation begins with."""

from importlib import import_module

from alembic import context, op

from crm.db.history import history_triggers

revision = "0013"
down_revision = "0012"

WALLS, SEARCH = (import_module(f"crm.db.migrations.versions.{name}") for name in ("0004_walls", "0010_search"))
TABLES = ("customers", "orders", "sync_runs", "alarms", "lead_rules", "lead_reasons", "alerts")

SEEN = """(current_setting('crm.view_scope', true) = 'all'
            or (current_setting('crm.view_scope', true) in ('team', 'mixed') and l.team_id = any (setting_ids('crm.teams')))
            or (current_setting('crm.view_scope', true) in ('own', 'mixed') and l.owner_id = me()))"""
READING = f"""
create function crm.my_companies() returns bigint[] language sql stable security definer set search_path = crm, pg_temp as $$
    select array(select distinct l.company_id from leads as l where l.owner_id = me() and l.company_id is not null and l.deleted_at is null)
$$;
create function crm.my_customers() returns bigint[] language sql stable security definer set search_path = crm, pg_temp as $$
    select array(select c.id from customers as c where c.company_id = any (my_companies()))
$$;
create function crm.customers_of_lead(lead bigint) returns setof crm.customers
language plpgsql stable security definer rows 1 set search_path = crm, pg_temp as $$
begin
    -- Whoever sees a lead sees what its company ordered, whichever team the customer's market belongs to.
    return query select c.* from leads as l join customers as c on c.company_id = l.company_id
        where l.id = lead and c.gone_at is null and {SEEN}
        order by c.id;
end $$;
create function crm.orders_of_lead(lead bigint) returns setof crm.orders
language plpgsql stable security definer rows 50 set search_path = crm, pg_temp as $$
begin
    return query select o.* from customers_of_lead(lead) as c join orders as o on o.customer_id = c.id where o.gone_at is null;
end $$;
"""
KEEPING = """
create function crm.refresh_lead_orders(lead_ids bigint[]) returns integer language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    -- Looked at without a lock first: most differ in nothing, and an update of no rows would still wake every trigger.
    differing bigint[] := array(
        select l.id from leads as l
        left join lateral (
            select sum(c.lifetime_usd) as usd, max(c.last_order_at) as at from customers as c where c.company_id = l.company_id and c.gone_at is null
        ) as s on true
        where l.id = any (lead_ids) and (l.lifetime_usd, l.last_order_at) is distinct from (coalesce(s.usd, 0), s.at)
        order by l.id
    );
begin
    if differing = '{}' then
        return 0;
    end if;
    perform from leads where id = any (differing) order by id for no key update;
    update leads as l
    set lifetime_usd = coalesce(s.usd, 0), last_order_at = s.at
    from unnest(differing) as d (id)
    join leads as w on w.id = d.id
    left join lateral (
        select sum(c.lifetime_usd) as usd, max(c.last_order_at) as at from customers as c where c.company_id = w.company_id and c.gone_at is null
    ) as s on true
    where l.id = d.id;
    return cardinality(differing);
end $$;
create function crm.refresh_leads_of_customers(customer_ids bigint[]) returns integer
language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    return refresh_lead_orders(array(
        select l.id from leads as l
        where l.company_id in (select c.company_id from customers as c where c.id = any (customer_ids) and c.company_id is not null)
    ));
end $$;
create function crm.refresh_customer_totals(customer_ids bigint[]) returns bigint[]
language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    changed bigint[];
begin
    perform from customers where id = any (customer_ids) order by id for no key update;
    with sums as (
        select c.id, min(o.ordered_at) as first_at, max(o.ordered_at) as last_at, count(o.id)::int as n, coalesce(sum(o.amount_usd), 0) as usd
        from customers as c
        left join orders as o on o.customer_id = c.id and o.is_counted and o.gone_at is null
        where c.id = any (customer_ids)
        group by c.id
    ), done as (
        update customers as c
        set first_order_at = s.first_at, last_order_at = s.last_at, orders = s.n, lifetime_usd = s.usd
        from sums as s
        where c.id = s.id
            and (c.first_order_at, c.last_order_at, c.orders, c.lifetime_usd) is distinct from (s.first_at, s.last_at, s.n, s.usd)
        returning c.id
    )
    select coalesce(array_agg(id order by id), '{}') into changed from done;
    return changed;
end $$;
create function crm.link_customers() returns bigint[] language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    linked bigint[];
begin
    -- The customer whose name and market are those of exactly one company is that company. What is linked stays so.
    with known as (
        select lower(c.name) as name, c.market, min(c.id) as id from companies as c
        where c.deleted_at is null and c.merged_into_id is null group by 1, 2 having count(*) = 1
    ), done as (
        update customers as c
        set company_id = k.id,
            last_contacted_at = (select max(l.last_contacted_at) from leads as l where l.company_id = k.id and l.deleted_at is null)
        from known as k
        where c.company_id is null and c.gone_at is null and lower(c.name) = k.name and c.market is not distinct from k.market
        returning c.id
    )
    select coalesce(array_agg(id order by id), '{}') into linked from done;
    return linked;
end $$;
create function crm.refresh_customer_contact(company_ids bigint[]) returns void language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    perform from customers where company_id = any (company_ids) order by id for no key update;
    if found then
        update customers as c
        set last_contacted_at = n.at
        from (
            select w.id, (select max(l.last_contacted_at) from leads as l where l.company_id = w.company_id and l.deleted_at is null) as at
            from customers as w where w.company_id = any (company_ids)
        ) as n
        where c.id = n.id and c.last_contacted_at is distinct from n.at;
    end if;
end $$;
"""
CONTENT = SEARCH.CONTENT
TRIGGERS = f"""
create or replace function crm.leads_inserted_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    ordering bigint[];
begin
    perform from companies where id in (select company_id from new_rows) order by id for share;
    insert into lead_search_texts (lead_id, content, team_id, owner_id, is_live)
    select n.id, {CONTENT.format(lead="n")}, n.team_id, n.owner_id, n.deleted_at is null
    from new_rows as n left join companies as c on c.id = n.company_id;
    -- What hangs on the company's orders and contacts.
    ordering := array(select n.id from new_rows as n where n.company_id in (select c.company_id from customers as c));
    if ordering <> '{{}}' then
        perform refresh_lead_orders(ordering);
        perform refresh_customer_contact(array(select n.company_id from new_rows as n where n.id = any (ordering) and n.last_contacted_at is not null));
    end if;
    return null;
end $$;
create or replace function crm.leads_updated_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    lead_ids bigint[];
    moved_ids bigint[];
    company_ids bigint[];
begin
    -- A full join, as in crm.db.history.
    select array_agg(n.id) filter (
            where (o.name, o.company_id, o.email, o.phone, o.external_id, o.team_id, o.owner_id, o.deleted_at is null)
                is distinct from (n.name, n.company_id, n.email, n.phone, n.external_id, n.team_id, n.owner_id, n.deleted_at is null)),
        array_agg(n.id) filter (where o.company_id is distinct from n.company_id),
        array_agg(o.company_id) filter (where {{contact}}) || array_agg(n.company_id) filter (where {{contact}})
    into lead_ids, moved_ids, company_ids
    from old_rows as o full join new_rows as n using (id);
    if lead_ids is not null then
        perform refresh_search_texts(lead_ids);
    end if;
    if company_ids is not null then
        perform refresh_customer_contact(company_ids);
    end if;
    if moved_ids is not null then
        perform refresh_lead_orders(moved_ids);
    end if;
    return null;
end $$;
""".replace("{contact}", "(o.company_id, o.last_contacted_at, o.deleted_at is null) is distinct from (n.company_id, n.last_contacted_at, n.deleted_at is null)")

RECORDS = {
    "alert": ("alerts", ("lead_id", "person_id", "due_at", "text", "done_at", "done_by_id", "created_by_id", "deleted_at")),
    "lead_rule": ("lead_rules", ("name", "is_active", "position", "segment", "market", "ordered_within_days", "team_id", "pipeline_id", "deleted_at")),
}
ME, SIGNED_IN, VIEW_SCOPE = WALLS.ME, WALLS.SIGNED_IN, WALLS.VIEW_SCOPE
MACHINERY = ("refresh_leads_of_customers(bigint[])", "refresh_customer_totals(bigint[])", "link_customers()")
READERS = ("my_companies()", "my_customers()", "customers_of_lead(bigint)", "orders_of_lead(bigint)")


def policies() -> list[tuple[str, str, str, str, str | None, str | None]]:
    """As in migration 0004."""
    ids, on, writing = WALLS.ids, WALLS.on, WALLS.writing
    found: list[tuple[str, str, str, str, str | None, str | None]] = [(table, "owner_all", "all", "owner", "true", "true") for table in TABLES]
    add = found.append
    for table, mine in (
        ("customers", "company_id = any ((select crm.my_companies())::bigint[])"),
        ("orders", "customer_id = any ((select crm.my_customers())::bigint[])"),
    ):
        add((table, "view", "select", "view", f"{on('customer_all')} or team_id = {ids('customer_teams')} or ({on('customer_own')} and {mine})", None))
    for table in ("customers", "orders", "sync_runs", "alarms", "lead_reasons"):
        add((table, "system_all", "all", "system", "true", "true"))
    for table in ("sync_runs", "alarms", "lead_rules"):
        add((table, "view_signed_in", "select", "view", SIGNED_IN, None))
    of_lead = "exists (select from crm.leads as l where l.id = lead_id)"
    for table in ("alerts", "lead_reasons"):
        add((table, "view_with_lead", "select", "view", of_lead, None))
    add(("lead_rules", "machinery_sees", "select", "write,system", "true", None))
    allowed = f"{writing('settings')} and {on('write_all')}"
    add(("lead_rules", "write_insert", "insert", "write", None, allowed))
    add(("lead_rules", "write_update", "update", "write", allowed, allowed))
    # An alert is one's own when it reminds oneself, on whichever lead one sees.
    lead_in_reach = "exists (select from crm.leads as l where l.id = lead_id and {})"
    seen_lead = lead_in_reach.format(f"({VIEW_SCOPE} = 'all' or l.team_id = {ids('teams')} or l.owner_id = {ME})")
    before, after = (
        f"({on(kind + '_all')} or ({on(kind + '_own')} and person_id = {ME}) or {lead_in_reach.format('l.team_id = ' + ids(kind + '_teams'))})"
        for kind in ("write", "assign")
    )
    mine = WALLS.MY_LAST_CHANGE.format(kind="alert", table="alerts")
    add(("alerts", "write_sees", "select", "write", "true", None))
    add(("alerts", "write_insert", "insert", "write", None, f"{writing('alert')} and {seen_lead} and {after}"))
    add(("alerts", "write_update", "update", "write", f"{writing('alert')} and ({before} or {mine})", f"{seen_lead} and {after}"))
    for command, using, check in (("insert", None, "true"), ("update", "true", "true")):
        add(("exchange_rates", f"system_{command}", command, "system", using, check))
    return found


def _records_policy(extra: str) -> str:
    using = next(using for table, name, _, _, using, _ in WALLS.policies() if (table, name) == ("changes", "view_with_record"))
    return f"alter policy view_with_record on crm.changes using ({using.replace(' else false end', extra + ' else false end')})"


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute(READING)
    op.execute(KEEPING)
    op.execute(TRIGGERS)
    for name, (table, columns) in RECORDS.items():
        for statement in history_triggers(table, name, columns):
            op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    for function in READERS:
        op.execute(f"grant execute on function crm.{function} to " + ", ".join(f'"{name}"' for name in roles.view))
    for function in MACHINERY:
        op.execute(f'grant execute on function crm.{function} to "{roles.system}"')
    _wall(roles)
    op.execute(_records_policy(f" when 'alert' then exists (select from crm.alerts as a where a.id = record_id) when 'lead_rule' then {SIGNED_IN}"))
    _grant()
    op.execute("insert into crm.lead_rules (name, segment, ordered_within_days) values ('Business customers who order', 'B2B', 120)")


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    words = {
        "owner": ("current_user",), "view": tuple(f'"{name}"' for name in roles.view),
        "write": (f'"{roles.write}"',), "system": (f'"{roles.system}"',),
    }  # fmt: skip
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
    op.execute(f'revoke delete on crm.customers, crm.orders, crm.sync_runs, crm.alarms, crm.lead_reasons from "{roles.system}"')


def _grant() -> None:
    """Every role may do with customers and alerts what it may do with leads and activities."""
    for resource, action, like in (
        ("customer", "view", ("lead", "view")), ("customer", "export", ("lead", "export")),
        ("alert", "create", ("activity", "create")), ("alert", "edit", ("lead", "edit")), ("alert", "delete", ("activity", "delete")),
        ("alert", "assign", ("lead", "assign")),
    ):  # fmt: skip
        op.execute(
            "insert into crm.grants (role_id, resource, action, scope)"
            f" select role_id, '{resource}', '{action}', scope from crm.grants where resource = '{like[0]}' and action = '{like[1]}' on conflict do nothing"
        )


def downgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute("delete from crm.grants where resource in ('customer', 'alert')")
    op.execute(_records_policy(""))
    # A statement at a time, as they were made.
    for name in ("leads_inserted_search", "leads_updated_search"):
        start = SEARCH.KEEPING.index(f"create or replace function crm.{name}()")
        op.execute(SEARCH.KEEPING[start : SEARCH.KEEPING.index("end $$;", start) + len("end $$;")])
    for table, name, *_ in policies():
        op.execute(f"drop policy {name} on crm.{table}")
    for role in roles.assumable:
        op.execute(f'revoke all on {", ".join(f"crm.{table}" for table in TABLES)} from "{role}"')
    op.execute(f'revoke insert, update on crm.exchange_rates from "{roles.system}"')
    for table in TABLES:
        op.execute(f"alter table crm.{table} no force row level security")
        op.execute(f"alter table crm.{table} disable row level security")
    for table, _ in RECORDS.values():
        op.execute(f"drop function crm.{table}_inserted_history() cascade")
        op.execute(f"drop function crm.{table}_updated_history() cascade")
    op.execute("delete from crm.changes where record_type in ('alert', 'lead_rule')")
    for function in (*READERS[::-1], *MACHINERY, "refresh_lead_orders(bigint[])", "refresh_customer_contact(bigint[])"):
        op.execute(f"drop function crm.{function}")
    op.execute("delete from crm.lead_rules")
