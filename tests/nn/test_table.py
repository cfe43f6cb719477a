"""A person's own table: what it becomes, what is left out and said, and every mistake in one line."""

import json

import numpy as np
import pytest

from nn.encoder import Category, Encoder, Number
from nn.table import TableError, prepare, read_table

PENGUINS = """species,island,mass,year,comment
Adelie,Dream,3700,2007,
Gentoo,Biscoe,5000,2008,
Adelie,Torgersen,NA,2009,
Gentoo,Biscoe,5200,2007,
,Biscoe,4000,2008,
Adelie,?,3500,2009,
Gentoo,Biscoe,5100,2008,
"""


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def error_of(action):
    with pytest.raises(TableError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


# Reading


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_are_found(write, mark, end):
    table = read_table(write(end.join([f"a{mark}b c", f"1{mark}x", "", f" 2 {mark}y", ""])))
    assert table.columns == {"a": ["1", "2"], "b c": ["x", "y"]}
    assert table.lines == [2, 4]
    assert len(table) == 2


def test_byte_order_mark_quotes_and_line_breaks_in_cells(write):
    table = read_table(write(b'\xef\xbb\xbfname, "a, b"\n"two\nlines", 1\n"say ""hi""", 2\n'))
    assert table.columns == {"name": ["two\nlines", 'say "hi"'], "a, b": ["1", "2"]}
    assert table.lines == [2, 4]


def test_quoted_names_that_hold_another_delimiter(write):
    assert list(read_table(write('"a, b";"c"\n"1";"2"\n')).columns) == ["a, b", "c"]


def test_decimal_commas_are_read_where_commas_do_not_part_columns(write):
    table = read_table(write("x;y\n1,5;a\n-,25;b,c\n3;d\n"))
    assert table.columns == {"x": ["1.5", "-.25", "3"], "y": ["a", "b,c", "d"]}
    assert read_table(write("x;y\n1,5;2.5\n")).columns["x"] == ["1,5"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty; it needs a header line and rows"),
        (b"\n\n", "is empty"),
        (b"a,b\n", "has a header but no rows"),
        (b"a,b,a\n1,2,3\n", "has two columns named 'a'"),
        (b"a,b\n1,2\n\n1,2,3\n", "line 4: 3 cells, expected 2 as in the header"),
        (b"a,b\n1,2\n3\n", "line 3: 1 cells, expected 2"),
        (b'a,b\n1,"2\n3,4\n', "line 2: unexpected end of data"),
        (b"PK\x03\x04\xff\xfe", "is not UTF-8 text (byte 5 is 0xff); save it as CSV in UTF-8"),
        ("name\nRenée\n".encode("latin-1"), "is not UTF-8 text (byte 9 is 0xe9)"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 text (byte 1 is 0xff)"),
        (b"a,b\n1,\0\n", "is not text (it holds zero bytes)"),
    ],
)
def test_files_that_are_no_table(write, content, text):
    path = write(content)
    message = error_of(lambda: read_table(path))
    assert message.startswith(str(path))
    assert text in message


def test_no_file_and_a_folder(tmp_path):
    assert error_of(lambda: read_table(tmp_path / "none.csv")).endswith("none.csv: no such file")
    assert "is a folder" in error_of(lambda: read_table(tmp_path))
    assert "cannot be read" in error_of(lambda: read_table("a\0b"))


# What the columns are


def test_columns_are_sorted_into_numbers_categories_and_what_is_left_out(write):
    prepared = prepare(read_table(write(PENGUINS)), "species")
    assert prepared.task == "classification"
    assert prepared.classes == ("Adelie", "Gentoo")
    assert prepared.y.tolist() == [0, 1, 0, 1, 0, 1]
    assert prepared.numeric == ("mass", "year")
    assert prepared.categorical == ("island",)
    assert prepared.notes == (
        "1 of 7 rows left out: no 'species'",
        "column 'comment' left out: empty in every row",
    )


def test_what_cannot_be_an_input_is_left_out_with_its_reason(write):
    rows = "\n".join(f"{i},7,name{i},w{i % 51},{i % 3},{i % 2}" for i in range(1, 121))
    prepared = prepare(read_table(write("ID,const,name,words,code,t\n" + rows)), "t", categorical=["code"])
    assert prepared.notes == (
        "column 'ID' left out: it numbers the rows",
        "column 'const' left out: '7' in every row",
        "column 'name' left out: 120 different texts in 120 rows, such as 'name1'",
        "column 'words' left out: 51 different texts in 120 rows, such as 'w1'",
    )
    assert prepared.numeric == ()
    assert prepared.categorical == ("code",)


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        (["yes", "no"] * 10, "classification", ("no", "yes")),
        (["10", "9", "9.0", "10.0"] * 10, "classification", ("9", "10")),
        ([str(i % 20) for i in range(80)], "classification", tuple(map(str, range(20)))),
        ([str(i % 21) for i in range(200)], "regression", ()),
        ([str(i % 20) for i in range(79)], "regression", ()),
        (["0.5", "1"] * 10, "regression", ()),
    ],
)
def test_the_target_says_what_the_task_is(write, cells, task, classes):
    content = "x,t\n" + "\n".join(f"{i * i},{cell}" for i, cell in enumerate(cells))
    prepared = prepare(read_table(write(content)), "t")
    assert (prepared.task, prepared.classes) == (task, classes)
    if task == "regression":
        assert prepared.y.tolist() == [float(cell) for cell in cells]


def test_the_task_can_be_said(write):
    table = read_table(write("x,t\n" + "\n".join(f"{i * i},{i % 2}" for i in range(20))))
    assert prepare(table, "t", task="regression").task == "regression"
    halves = read_table(write("x,t\n" + "\n".join(f"{i * i},{i % 2 + 0.5}" for i in range(20))))
    assert prepare(halves, "t", task="classification").classes == ("0.5", "1.5")
    assert prepare(halves, "t", categorical=["t"]).task == "classification"


def _table(**columns):
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


MANY = list(range(30))


@pytest.mark.parametrize(
    ("content", "target", "options", "text"),
    [
        (
            PENGUINS,
            "specis",
            {},
            "has no column 'specis'; did you mean 'species'? Columns: 'species', 'island', 'mass'",
        ),
        (PENGUINS, "SPECIES", {}, "did you mean 'species'?"),
        (PENGUINS, "zzz", {}, "has no column 'zzz'; Columns: 'species'"),
        (PENGUINS, "species", {"categorical": ["iland"]}, "did you mean 'island'?"),
        ("5.1,3.5\n4.9,3.0\n", "t", {}, "The first line must be the column names."),
        (PENGUINS, "comment", {}, "column 'comment', the target, is empty in every row"),
        (_table(x=MANY, t=["a"] * 30), "t", {}, "column 't', the target, is 'a' in every row"),
        (_table(x=MANY, t=["1", "1.0"] * 15), "t", {"task": "regression"}, "the target, is 1 in every row"),
        (_table(x=MANY, t=["1", "1.0"] * 15), "t", {"task": "classification"}, "is '1' in every row"),
        (PENGUINS, "species", {"task": "regression"}, "line 2: column 'species' is 'Adelie', expected a number"),
        (PENGUINS, "species", {"task": "guess"}, "task is auto, classification or regression, got 'guess'"),
        (_table(x=["n"] * 30, t=MANY), "t", {}, "no column to learn 't' from; column 'x' left out: 'n' in every row"),
        (_table(x=MANY, t=[f"t{i}" for i in MANY]), "t", {}, "has 30 classes in 30 rows"),
        (
            _table(x=[*MANY[:6], "7a", *MANY[7:]], t=MANY),
            "t",
            {},
            "column 'x' is '7a', but most of its values are numbers; correct it, empty the cell, or declare the column "
            + "a category: --categorical 'x'",
        ),
        (_table(x=MANY, t=[*MANY[:6], "7a", *MANY[7:]]), "t", {}, "line 8: column 't' is '7a', but most"),
        (_table(x=["inf", *MANY[1:]], t=MANY), "t", {}, "line 2: column 'x' is 'inf', which is infinite or too large"),
        (_table(x=MANY, t=["-1e39", *MANY[1:]]), "t", {}, "line 2: column 't' is '-1e39', which is infinite or too"),
        (_table(x=[*"ab" * 14, "a" * 99, "1"], t=["b" * 50, *MANY[1:]]), "t", {}, "'" + "b" * 39 + "…', but most"),
    ],
)
def test_tables_that_cannot_be_learned_from(write, content, target, options, text):
    table = read_table(write(content))
    assert text in error_of(lambda: prepare(table, target, **options))


def test_a_column_with_a_few_texts_among_numbers_can_be_declared_a_category(write):
    table = read_table(write(_table(x=["7a"] + [str(i % 5) for i in range(29)], t=MANY)))
    assert prepare(table, "t", categorical=["x"]).categorical == ("x",)


# Splitting


def test_a_split_keeps_classes_in_proportion_and_needs_enough_rows(write):
    prepared = prepare(read_table(write(_table(x=MANY, t=["a", "b", "b"] * 10))), "t")
    train, validation, test = prepared.split((0.6, 0.2, 0.2), rng=0)
    assert [np.bincount(prepared.y[part]).tolist() for part in (train, validation, test)] == [[6, 12], [2, 4], [2, 4]]
    message = error_of(lambda: prepared.split((0.94, 0.0, 0.06), rng=0))
    assert message.endswith("has 30 usable rows, too few to split into 94 % + 6 %; needs 34")


# Arrays


def test_features_use_the_training_rows_only(write):
    prepared = prepare(read_table(write(PENGUINS)), "species")
    encoder = Encoder.fit(prepared, [0, 2, 4])  # masses 3700, missing, 3500; islands Dream, Torgersen, missing
    assert encoder.columns == (
        Category("island", ("", "Dream", "Torgersen")),
        Number("mass", 3600.0, 100.0, True),
        Number("year", pytest.approx(2008 + 1 / 3), pytest.approx(0.942809), False),
    )
    assert encoder.features == (
        "island = missing", "island = Dream", "island = Torgersen", "mass", "mass missing", "year",
    )  # fmt: skip
    X = encoder.transform(prepared.table)
    assert X.dtype == np.float32
    assert X.shape == (6, 6)
    assert X[:3, :5].tolist() == [[0, 1, 0, 1, 0], [0, 0, 0, 14, 0], [0, 0, 1, 0, 1]], "Biscoe was not seen: zeros"
    assert np.array_equal(encoder.transform(prepared.table, [2]), X[2:3])
    assert encoder.targets(prepared, [1, 2]).tolist() == [1, 0]


def test_a_regression_target_is_standardised_by_the_training_rows(write):
    prepared = prepare(read_table(write(_table(x=MANY, t=[i * 10.5 for i in MANY]))), "t")
    encoder = Encoder.fit(prepared, [0, 2])
    assert (encoder.mean, encoder.std) == (10.5, 10.5)
    y = encoder.targets(prepared, np.arange(3))
    assert y.dtype == np.float32
    assert y.tolist() == [[-1.0], [0.0], [1.0]]


def test_an_encoder_survives_json_and_reads_a_new_table_without_the_target(write):
    prepared = prepare(read_table(write(PENGUINS)), "species")
    encoder = Encoder.fit(prepared, range(6))
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    new = read_table(write("year,mass,island\n2008,NA,Nowhere\n"))
    assert again.transform(new).shape == (1, len(encoder.features))
    assert "no column 'mass'" in error_of(lambda: again.transform(read_table(write("year,island\n2008,Dream\n"))))
    text = read_table(write("year,mass,island\n2008,heavy,Dream\n"))
    assert "line 2: column 'mass' is 'heavy', expected a number" in error_of(lambda: again.transform(text))


def test_a_column_empty_in_the_training_rows_is_harmless(write):
    prepared = prepare(read_table(write(_table(x=["", "", "", *MANY[3:]], t=MANY))), "t")
    encoder = Encoder.fit(prepared, [0, 1, 2])
    assert encoder.transform(prepared.table, [0, 3]).tolist() == [[0.0, 1.0], [3.0, 0.0]]
