"""Names are what people read: what nobody sees is taken out, what real names need stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.letters import legible


@pytest.mark.parametrize(("written", "read"), [
    ("Ana\u200b Sal\u2060eh\ufeff", "Ana Saleh"), ("\u202emoc.elpmaxe\u202c Ltd", "moc.elpmaxe Ltd"), ("Petra\u2066 (x)\u2069\u200e\u200f\u061c", "Petra (x)"),
    ("Pe\x07tra\x1b[31m", "Petra[31m"), ("Pe\x7ft\x9bra", "Petra"), ("Petra\r\nSupplies", "Petra Supplies"), ("Petra\u2028Supplies\tLtd", "Petra Supplies Ltd"),
    ("co\u00adop\u034f", "coop"), ("A\u200dn\u200ca", "Ana"), ("\u200dAna\u200d", "Ana"), ("Ana\U000e0041\U000e007f", "Ana"),
    ("\u3164\u2800 \u200b\x00", ""), ("  Ana  ", "Ana"), ("Ана\u200d", "Ана"),
])  # fmt: skip
def test_what_nobody_sees_is_taken_out(written, read):
    assert legible(written) == read


@pytest.mark.parametrize("name", [
    "می\u200cخواهم", "श्री\u200dमती क्\u200dष", "ශ්\u200dරී ලංකා", "O’Brien & Sons – “Best” ×2", "José Ñandú", "Jose\u0301", "شركة النور", "דוד",
    "株式会社山田", "葛\U000e0100城", "👩\u200d🌾 Farm", "❤\ufe0f\u200d🔥", "👩🏽\u200d🍳", "ไทย", "1\u00a0000",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Whisky",
])  # fmt: skip
def test_real_names_stay_as_they_are(name):
    assert legible(name) == name


def test_longer_text_keeps_its_lines():
    assert legible("one\r\n\ttwo\u2028three\x07 \u202eruof\u202c\n", has_lines=True) == "one\n\ttwo\nthree ruof"


@given(st.text(st.sampled_from("aмمक् \n\t\x00\x07\u200b\u200c\u200d\u200e\u202e\u2028\ufe0f❤🏴\U000e0067\U000e007f\U000e0001")))
def test_what_was_read_once_reads_the_same_again(text):
    for has_lines in (False, True):
        read = legible(text, has_lines=has_lines)
        assert legible(read, has_lines=has_lines) == read
    assert legible(legible(text, has_lines=True)) == legible(text)
