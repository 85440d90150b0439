"""Files in any dress: encodings, separators, quotes, workbooks, and what only pretends to be a table."""

import io
import zipfile
from datetime import date

import pytest

from crm.errors import Invalid
from crm.imports.files import open_table


def cells(content, name="leads.csv"):
    table = open_table(name, content if isinstance(content, bytes) else content.encode())
    return table.header, [(line, list(found)) for line, found in table.lines()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found(delimiter):
    header, lines = cells(f"name{delimiter}value\nNile Mart{delimiter}12.5\nPetra{delimiter}7\n")
    assert header == ("name", "value") and lines == [(2, ["Nile Mart", "12.5"]), (3, ["Petra", "7"])]


def test_a_semicolon_file_with_decimal_commas_is_not_split_at_the_commas():
    header, lines = cells("name;value\nNile Mart;12,5\nPetra;7,25\n")
    assert header == ("name", "value") and lines[0][1] == ["Nile Mart", "12,5"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found(encoding):
    header, lines = cells("név,value\nCafé Zoë,1\n".replace("név", "name").encode(encoding))
    assert header == ("name", "value") and lines[0][1][0] == "Café Zoë"


def test_excels_separator_line_is_heeded():
    header, lines = cells("sep=;\r\nname;value\r\nNile, Mart;1\r\n")
    assert header == ("name", "value") and lines == [(3, ["Nile, Mart", "1"])]


def test_quoted_cells_may_hold_separators_quotes_and_new_lines_and_lines_are_counted_as_an_editor_does():
    _, lines = cells('name,note\n"Nile, ""the"" Mart","one\ntwo\nthree"\nPetra,x\n')
    assert lines == [(2, ['Nile, "the" Mart', "one\ntwo\nthree"]), (5, ["Petra", "x"])]


def test_a_single_column_is_a_table_too():
    assert cells("name\nNile Mart\nPetra\n") == (("name",), [(2, ["Nile Mart"]), (3, ["Petra"])])


def test_blank_lines_are_no_rows_and_blank_lines_above_the_header_do_not_matter():
    header, lines = cells("\n\nname,value\n\nNile Mart,1\n\n")
    assert header == ("name", "value") and lines == [(5, ["Nile Mart", "1"])]


def test_a_quote_that_is_never_closed_is_named_by_its_line():
    with pytest.raises(Invalid, match="line 3 is never closed"):
        cells('name,note\nNile,x\n"Petra,y\nDelta,z\nOasis,w\n')


def test_a_stray_quote_inside_a_cell_is_a_character():
    _, lines = cells('name,note\n12" pipe,"one\ntwo"\nPetra,"x"')
    assert lines == [(2, ['12" pipe', "one\ntwo"]), (4, ["Petra", "x"])]


@pytest.mark.parametrize("content", [b"", b"  \n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said_to_be_empty(content):
    with pytest.raises(Invalid, match=r"is empty|holds no rows"):
        cells(content)


@pytest.mark.parametrize(("content", "words"), [
    (b"%PDF-1.7 ...", "PDF"), (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture"), (bytes(range(256)) * 20, "not a table"), (b"\x1f\x8b\x08" + bytes(50), "packed"),
    (b"\xd0\xcf\x11\xe0" + bytes(50), "old Excel"),
])  # fmt: skip
def test_a_file_that_is_no_table_is_told_apart(content, words):
    with pytest.raises(Invalid, match=words):
        cells(content)


def test_zero_bytes_in_a_cell_do_no_harm():
    from crm.imports.files import as_text

    _, lines = cells(b"name,value\nNile\x00 Mart,1\nPetra,2\n")
    assert as_text(lines[0][1][0]) == "Nile Mart"


def test_a_huge_cell_is_one_cell():
    _, lines = cells(b"name,note\nNile," + b"x" * 5_000_000 + b"\nPetra,y\n")
    assert len(lines[0][1][1]) == 5_000_000 and lines[1] == (3, ["Petra", "y"])


# Workbooks


def workbook(sheet, shared="", extra=()):
    """The smallest workbook there is: one sheet's XML, and shared strings."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def links(identity, kind, target):
        link = f'<Relationship Id="{identity}" Type="{relations}/{kind}" Target="{target}"/>'
        return f'<Relationships xmlns="{package}/relationships">{link}</Relationships>'

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>')
        archive.writestr("_rels/.rels", links("r", "officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/_rels/workbook.xml.rels", links("rId1", "worksheet", "worksheets/sheet1.xml"))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>'
        )
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>')
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>')
        for name, content in extra:
            archive.writestr(name, content)
    return out.getvalue()  # fmt: skip


def text(reference, content):
    return f'<c r="{reference}" t="inlineStr"><is><t>{content}</t></is></c>'


def test_a_workbook_gives_texts_numbers_and_dates():
    header = f'<row r="1">{text("A1", "name")}{text("B1", "value")}{text("C1", "created_on")}</row>'
    row = f'<row r="2">{text("A2", "Nile Mart")}<c r="B2"><v>1250.5</v></c><c r="C2" s="1"><v>42663</v></c></row>'
    found, lines = cells(workbook(header + row), "leads.xlsx")
    assert found == ("name", "value", "created_on") and lines == [(2, ["Nile Mart", 1250.5, date(2016, 10, 20)])]


def test_a_formula_is_what_it_last_came_to():
    sheet = f'<row r="1">{text("A1", "name")}{text("B1", "value")}</row><row r="2">{text("A2", "Nile")}<c r="B2"><f>1+1</f><v>2</v></c></row>'
    assert cells(workbook(sheet), "leads.xlsx")[1] == [(2, ["Nile", 2.0])]


def test_a_cell_at_the_far_end_of_a_sheet_does_not_take_the_server_down():
    sheet = f'<row r="1">{text("A1", "name")}</row><row r="1048576">{text("XFD1048576", "far")}</row>'
    with pytest.raises(Invalid, match="memory"):
        cells(workbook(sheet), "leads.xlsx")


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_does(monkeypatch):
    from crm.imports import files

    monkeypatch.setattr(files, "MOST_UNPACKED_BYTES", 2**20)
    with pytest.raises(Invalid, match="unpacks to more"):
        cells(workbook("", extra=[("xl/media/zeros", bytes(2**22))]), "leads.xlsx")


def test_a_damaged_workbook_and_a_mere_zip_are_told_apart():
    whole = workbook(f'<row r="1">{text("A1", "name")}</row>')
    with pytest.raises(Invalid, match="damaged"):
        cells(whole[: len(whole) // 2], "leads.xlsx")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(Invalid, match="no Excel workbook"):
        cells(out.getvalue(), "leads.zip")


def test_a_workbook_of_nonsense_is_refused_in_words():
    with pytest.raises(Invalid, match=r"cannot be read as an Excel workbook|damaged|holds no rows"):
        cells(workbook("<row><c r='??'><v>x"), "leads.xlsx")
