"""6,919 purchases that nobody here made come through the connector as they stand in the file, to the cent."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.connectors import cdnow
from tests.connectors.test_stand_in import reader, standing_in

pytestmark = pytest.mark.skipif(not cdnow.SAMPLE.exists(), reason="the sample is not beside the repository")


@pytest.fixture(scope="module")
def raw():
    """Customer, month (YYYYMM), day and cents of each line, read without any of our code."""
    lines = [line.split() for line in cdnow.SAMPLE.read_text().splitlines() if line.strip()]
    return [(int(customer), day[:6], day, round(float(dollars) * 100)) for _, customer, day, _, dollars in lines]


@pytest.fixture(scope="module")
def connected():
    with standing_in(cdnow.questions()) as server:
        yield reader(server)


def test_every_purchase_and_every_customer_comes_in_once(connected, raw):
    orders, customers = list(connected.orders(None)), list(connected.customers(None))
    assert len(orders) == len({order.external_id for order in orders}) == len(raw) == 6_919
    assert {customer.external_id for customer in customers} == {str(customer) for customer, *_ in raw}
    assert len(customers) == 2_357


def test_revenue_per_customer_and_month_equals_the_file(connected, raw):
    expected, found = defaultdict(int), defaultdict(Decimal)
    for customer, month, _, cents in raw:
        expected[str(customer), month] += cents
    for order in connected.orders(None):
        found[order.customer_id, f"{order.ordered_at:%Y%m}"] += order.amount
    assert {key: int(amount * 100) for key, amount in found.items()} == dict(expected)


def test_a_difference_holds_the_purchases_since_that_day(connected, raw):
    since = datetime(1998, 6, 1, tzinfo=UTC)
    assert sum(1 for _ in connected.orders(since)) == sum(day >= "19980601" for _, _, day, _ in raw) > 0
