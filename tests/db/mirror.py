"""What the tests of the mirror arrange and look at."""

from sqlalchemy import text

MARKETS = (("AE", "AED", "Gulf"), ("JO", "USD", "Levant"), ("FR", "EUR", None))


def give_markets(db, cast, *, is_rule_active=False):
    """AE is Gulf's, JO is Levant's, FR is nobody's; the shipped rule rests unless asked for."""
    with db.owner().begin() as connection:
        for code, currency, team in MARKETS:
            connection.execute(
                text("insert into crm.markets (code, name, currency, team_id) values (:c, :n, :u, :t)"),
                {"c": code, "n": code, "u": currency, "t": cast.teams.get(team)},
            )
        if not is_rule_active:
            connection.execute(text("update crm.lead_rules set is_active = false, version = version + 1"))


def customer(db, external_id="1"):
    return db.rows("select * from crm.customers where external_id = :id", id=external_id)[0]


def order(db, external_id):
    return db.rows("select * from crm.orders where external_id = :id", id=external_id)[0]


def last_run(db):
    return db.rows("select * from crm.sync_runs order by id desc limit 1")[0]


def stamps(db):
    """Which version of each row there is: an update, even to the same values, makes another."""
    tables = ("customers", "orders", "exchange_rates", "leads", "changes", "change_sets", "companies", "lead_reasons")
    return {table: db.rows(f"select t.xmin::text, t.ctid::text from crm.{table} as t order by t.ctid") for table in tables}


def agrees(db):
    """Totals of customers and figures of leads equal a recount."""
    assert db.rows("""
        select c.id from crm.customers as c
        left join crm.orders as o on o.customer_id = c.id and o.is_counted and o.gone_at is null
        group by c.id having (c.orders, c.lifetime_usd, c.first_order_at, c.last_order_at)
            is distinct from (count(o.id)::int, coalesce(sum(o.amount_usd), 0), min(o.ordered_at), max(o.ordered_at))
    """) == []  # fmt: skip
    assert db.rows("""
        select l.id from crm.leads as l left join crm.customers as c on c.company_id = l.company_id and c.gone_at is null
        group by l.id having (l.lifetime_usd, l.last_order_at) is distinct from (coalesce(sum(c.lifetime_usd), 0), max(c.last_order_at))
    """) == []  # fmt: skip
    assert db.rows("select id from crm.orders where amount_usd is distinct from crm.to_usd(amount, currency, ordered_at::date)") == []
    wrong = (
        "select o.id from crm.orders as o join crm.customers as c on c.id = o.customer_id where (o.market, o.team_id) is distinct from (c.market, c.team_id)"
    )
    assert db.rows(wrong) == []
