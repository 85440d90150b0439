"""The organisation of the matrix, made once per run and cloned per module."""

import pickle

import pytest

from tests.access import organisation
from tests.conftest import clone, made_once

WIDE = "throughline_test_wide"


@pytest.fixture(scope="module")
def wide_db(server, template):
    made_once(server, WIDE, organisation.set_up)
    with clone(server, WIDE) as found:
        yield found


@pytest.fixture(scope="module")
def plain(server, wide_db):
    """Who may do what, and every row there is."""
    return organisation.read(wide_db, pickle.loads((server.folder / f"{WIDE}.pickle").read_bytes()))
