"""What moved lately: leads that came into their stage, who brought them there, and why the new ones are there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import hiding
from crm.db import direct

_MOVES = """
    with moved as materialized (
        select l.id, l.name, l.stage_id, l.owner_id, l.value_usd, l.lifetime_usd, l.stage_entered_at, l.created_at
        from crm.leads as l
        where l.updated_at >= :since and l.stage_entered_at >= :since and l.deleted_at is null and (cast(:owner_id as bigint) is null or l.owner_id = :owner_id)
        order by l.stage_entered_at desc, l.id desc
        limit :most
    )
    select m.*, c.person_id, c.source, c.version, r.text as reason
    from moved as m
    left join lateral (
        select c.person_id, c.source, c.version from crm.changes as c
        where c.record_type = 'lead' and c.record_id = m.id and (c.version = 1 or c.fields ? 'stage_id')
        order by c.version desc limit 1
    ) as c on true
    left join crm.lead_reasons as r on r.lead_id = m.id
    order by m.stage_entered_at desc, m.id desc"""


def moves_since(session: Session, since: datetime, *, owner_id: int | None, most: int) -> list[Mapping[str, Any]]:
    """The newest moves: id, name, stage_id, value_usd, stage_entered_at of the lead; person_id and source of the change (version 1: it is new);
    `reason` of a lead that was made of orders."""
    columns, found = direct.table(session, _MOVES, {"since": since, "owner_id": owner_id, "most": most})
    return list(hiding.blank(session, "lead", [dict(zip(columns, row, strict=True)) for row in found]))
