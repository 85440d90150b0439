"""DDL for history: statement-level triggers that write one `changes` row per record version.

Migrations call `history_triggers`; nothing at run time does. The generated update function also
refuses a tracked column that differs without `version = version + 1`, and a version that grows
without a tracked difference, so that versions and changes never part.

Old and new rows meet in a FULL join on purpose (each has its partner, so it equals an inner one). A
trigger's plan is made at its first call and kept: made for one row, an inner join becomes a nested loop,
and 8,000 rows took 86 s. A full join is always hashed, as long as no condition rejects nulls: hence
"is distinct from" beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

MONEY = "value"
CUSTOM = "custom"


def _same(column: str, money: str) -> str:
    if column == money:
        return "(o.value_amount, o.value_currency) is distinct from (n.value_amount, n.value_currency)"
    return f"o.{column} is distinct from n.{column}"


def _json(side: str, column: str, money: str) -> str:
    return f"crm.money_json({side}.value_amount, {side}.value_currency)" if column == money else f"to_jsonb({side}.{column})"


def _difference(column: str, money: str) -> str:
    if column == CUSTOM:
        return "case when o.custom is distinct from n.custom then crm.custom_changes(o.custom, n.custom) else '{}'::jsonb end"
    pair = f"jsonb_build_array({_json('o', column, money)}, {_json('n', column, money)})"
    return f"case when {_same(column, money)} then jsonb_build_object('{column}', {pair}) else '{{}}'::jsonb end"


def _first(column: str, money: str) -> str:
    if column == CUSTOM:
        return "case when n.custom <> '{}'::jsonb then crm.custom_changes('{}'::jsonb, n.custom) else '{}'::jsonb end"
    present = "n.value_amount is not null" if column == money else f"n.{column} is not null"
    return f"case when {present} then jsonb_build_object('{column}', jsonb_build_array(null, {_json('n', column, money)})) else '{{}}'::jsonb end"


def history_triggers(table: str, record_type: str, columns: Sequence[str], *, has_effective_at: bool = False, money: str = MONEY) -> list[str]:
    """Statements that make (or replace) the history triggers of `crm.<table>` over `columns`.

    `money`: the name that stands for an amount and its currency; empty where a column of that name is an ordinary one.
    """
    effective_new = "case when n.effective_at < now() - interval '1 minute' then n.effective_at end" if has_effective_at else "null"
    effective_changed = (
        "case when n.effective_at is distinct from o.effective_at and n.effective_at < now() - interval '1 minute' then n.effective_at end"
        if has_effective_at
        else "null"
    )
    differs = "\n        or ".join(_same(column, money) for column in columns)
    actor = (
        "nullif(current_setting('crm.change_set', true), '')::bigint, "
        "nullif(current_setting('crm.person', true), '')::bigint, "
        "coalesce(nullif(current_setting('crm.source', true), ''), 'database')"
    )
    into = "insert into crm.changes (record_type, record_id, version, change_set_id, person_id, source, effective_at, fields)"
    return [
        f"""
create or replace function crm.{table}_inserted_history() returns trigger language plpgsql security definer
set search_path = crm, pg_temp as $$
begin
    {into}
    select '{record_type}', n.id, n.version, {actor}, {effective_new},
        {" || ".join(_first(column, money) for column in columns)}
    from new_rows as n;
    return null;
end $$""",
        f"""
create or replace function crm.{table}_updated_history() returns trigger language plpgsql security definer
set search_path = crm, pg_temp as $$
begin
    if (
        select count(*) from old_rows as o full join new_rows as n using (id)
        where n.version is distinct from o.version + ({differs})::int
    ) > 0 then
        raise exception 'a recorded column of {table} changed without its version, or the version without a recorded column'
            using errcode = 'TL001';
    end if;
    {into}
    select '{record_type}', n.id, n.version, {actor}, {effective_changed},
        {" || ".join(_difference(column, money) for column in columns)}
    from old_rows as o full join new_rows as n using (id)
    where n.version is distinct from o.version;
    return null;
end $$""",
        f"drop trigger if exists {table}_inserted_history on crm.{table}",
        f"drop trigger if exists {table}_updated_history on crm.{table}",
        f"""
create trigger {table}_inserted_history after insert on crm.{table}
    referencing new table as new_rows for each statement execute function crm.{table}_inserted_history()""",
        f"""
create trigger {table}_updated_history after update on crm.{table}
    referencing old table as old_rows new table as new_rows for each statement execute function crm.{table}_updated_history()""",
    ]
