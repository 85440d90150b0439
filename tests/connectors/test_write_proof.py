"""The self-test of a connection: a key that can write is found out, and what the test wrote is taken back."""

import json

import pytest

from crm.connectors.metabase import CHECK_NAME, Metabase
from crm.customers.production import BadAnswer
from tests.connectors.bad_answers import KEY, failed, html, hung_up, raw, text

CARD = {"description": "Orders for the CRM", "database_id": 4, "collection_id": 9}
REFUSED = text(403, "You don't have permissions to do that.")
DONE = raw(b'{"id": 77, "name": "made"}')


@pytest.fixture
def guarded(server):
    """A Metabase whose key may see the three questions, and nothing else."""
    for card_id in (1, 2, 3):
        server.on("GET", f"/api/card/{card_id}", raw(json.dumps({"id": card_id, **CARD}).encode()))
        server.on("PUT", f"/api/card/{card_id}", REFUSED)
    server.on("POST", "/api/card", REFUSED)
    server.on("POST", "/api/dataset", REFUSED)
    return server


def sent(server, method, path):
    return [json.loads(body) if body else None for verb, where, body, _ in server.requests if (verb, where) == (method, path)]


def test_a_key_whose_every_write_is_refused_is_proven(guarded, metabase):
    proof = metabase().prove_read_only()
    assert proof.is_proven and "only read" in proof.sentence
    assert sent(guarded, "POST", "/api/card")[0] | {"dataset_query": None} == {
        "name": CHECK_NAME, "display": "table", "visualization_settings": {}, "dataset_query": None, "type": "question", "collection_id": 9,
    }  # fmt: skip
    assert all(sent(guarded, "PUT", f"/api/card/{card_id}") == [{"description": CARD["description"]}] for card_id in (1, 2, 3))
    assert KEY not in proof.sentence


def test_a_question_that_could_be_made_is_deleted_again_and_warned_of(guarded, metabase):
    guarded.on("POST", "/api/card", DONE)
    guarded.on("PUT", "/api/card/77", DONE)
    guarded.on("DELETE", "/api/card/77", raw(b"", status=204))
    proof = metabase().prove_read_only()
    assert not proof.is_proven
    assert "could make a question" in proof.sentence and "Nothing of it is left" in proof.sentence
    assert sent(guarded, "PUT", "/api/card/77") == [{"archived": True}]
    assert len(sent(guarded, "DELETE", "/api/card/77")) == 1


@pytest.mark.parametrize(("archived", "where"), [(DONE, "in Metabase's trash"), (REFUSED, "still there")])
def test_what_cannot_be_taken_back_is_named(guarded, metabase, archived, where):
    guarded.on("POST", "/api/card", DONE)
    guarded.on("PUT", "/api/card/77", archived)
    guarded.on("DELETE", "/api/card/77", REFUSED)
    proof = metabase().prove_read_only()
    assert not proof.is_proven
    assert CHECK_NAME in proof.sentence and "77" in proof.sentence and where in proof.sentence


def test_a_question_that_could_be_changed_is_warned_of(guarded, metabase):
    guarded.on("PUT", "/api/card/3", raw(b'{"id": 3}'))
    proof = metabase().prove_read_only()
    assert not proof.is_proven and "change a question" in proof.sentence


def test_sql_of_its_own_counts_as_writing(guarded, metabase):
    guarded.on("POST", "/api/dataset", raw(b'{"status": "completed", "data": {"rows": [[1]]}}', status=202))
    proof = metabase().prove_read_only()
    assert not proof.is_proven and "run SQL of its own" in proof.sentence


def test_sql_refused_inside_a_202_is_refused(guarded, metabase):
    answer = {"status": "failed", "error_type": "missing-required-permissions", "error": "You do not have permissions to run this query."}
    guarded.on("POST", "/api/dataset", raw(json.dumps(answer).encode(), status=202))
    assert metabase().prove_read_only().is_proven


@pytest.mark.parametrize("answer", [html(502), hung_up(), raw(b"{}", status=400), failed(500)], ids=["502", "gone", "400", "500"])
def test_a_write_that_is_neither_refused_nor_done_proves_nothing(guarded, metabase, answer):
    guarded.on("POST", "/api/card", answer)
    proof = metabase().prove_read_only()
    assert not proof.is_proven and "not proven" in proof.sentence
    assert len(sent(guarded, "POST", "/api/card")) == 1


def test_a_key_that_cannot_read_proves_nothing(guarded, metabase):
    guarded.on("GET", "/api/card/2", text(401, "Unauthenticated"))
    with pytest.raises(BadAnswer) as caught:
        metabase().prove_read_only()
    assert caught.value.kind == "key"
    assert sent(guarded, "POST", "/api/card") == []


def test_a_connection_without_questions_proves_nothing(server):
    with pytest.raises(BadAnswer) as caught:
        Metabase(server.url, KEY, {}).prove_read_only()
    assert caught.value.kind == "missing"
