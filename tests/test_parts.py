"""Parts by name: bundled, registered, or of a file."""

import copy

import pytest

from jaxgan import parts
from jaxgan.base.checks import UserError


def made(name, given):
    parts.check_call(f"the part {name!r}", given, "x, y")
    return name, given


@pytest.fixture
def known():
    return parts.Parts("config.part", {"sum": ("sum", max)}, made)


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("count = []\n\n\ndef product(x, y):\n    return x * y\n\n\ndef square(x):\n    return x**2\n")
    return file


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hinge", ("", "hinge")),
        ("mine.py:f", ("mine.py", "f")),
        ("a b/c,d.py:f", ("a b/c,d.py", "f")),
        ("mine.py", ("mine.py", "")),
        ("mine.py:", ("mine.py", "")),
        ("inception.pt", ("", "inception.pt")),
        ("", ("", "")),
    ],
)
def test_what_is_a_file_and_what_a_name(value, expected):
    assert parts.file_of(value) == expected


def test_a_part_is_found_by_its_name_or_in_a_file(known, mine):
    assert known.find("sum") == ("sum", max)
    name, product = known.find(f"{mine}:product")
    assert (name, product(2, 3)) == ("product", 6)
    assert known.find(f"{mine}:product")[1] is product, "a file is executed once"
    known.add("own", product)
    known.add("own", lambda x, y: 0)  # as when a notebook's cell runs again
    assert known.find("own")[1](2, 3) == 0


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        (
            "summ",
            UserError,
            r'config\.part is .summ.; expected one of sum, file\.py:NAME, a registered name\. Did you mean "sum"\?',
        ),
        ("nowhere.py:f", FileNotFoundError, r"config\.part is .nowhere\.py., but there is no such file"),
        ("{mine}", UserError, r"expected file\.py:NAME\."),
        ("{mine}:", UserError, r"expected file\.py:NAME\."),
        ("{mine}:produkt", UserError, r'mine\.py has no produkt; add it\. Did you mean "product"\?'),
        ("{mine}:square", UserError, r"the part 'square' is called with \(x, y\), which it does not take \(too many"),
        ("{mine}:count", UserError, r"the part 'count' is called with \(x, y\), .*not a callable"),
    ],
)
def test_mistakes_end_in_one_sentence(known, mine, name, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        known.find(name.format(mine=mine))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["sum", "a part", "", "mine.py:f"])
def test_names_of_bundled_parts_and_no_names_are_refused(known, name):
    before = copy.copy(known)
    with pytest.raises(UserError, match=r"a name for config\.part; expected letters, digits, _, and none of sum"):
        known.add(name, max)
    assert known == before


def test_a_file_that_fails_is_executed_again(known, mine):
    mine.write_text("raise OSError('no disk')\n")
    for _ in range(2):
        with pytest.raises(OSError, match="no disk"):
            known.find(f"{mine}:product")
