"""Lines on standard error: whole, plain, and never more of them than were said."""

import threading

import pytest

from jaxgan.base import terminal


def test_a_line_on_standard_error(capfd):
    terminal.say("7 images were left out.")
    assert capfd.readouterr() == ("", "7 images were left out.\n")


def test_a_bar_can_take_the_lines_over_for_a_while(capfd):
    outer, inner = [], []
    with terminal.divert(outer.append):
        terminal.say("a")
        with terminal.divert(inner.append):
            terminal.say("b")
        thread = threading.Thread(target=terminal.say, args=("c",))
        thread.start()
        thread.join()
    with pytest.raises(KeyError), terminal.divert(outer.append):
        raise KeyError
    terminal.say("d")
    assert (outer, inner) == (["a", "c"], ["b"])
    assert capfd.readouterr().err == "d\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("été 猫.png", "été 猫.png"),
        ("a\nstep 5/10  d_loss 0.1", r"a\nstep 5/10  d_loss 0.1"),
        ("a\r\x1b[31mred", r"a\r\x1b[31mred"),
        ("a\u2028\u202egnp.b", r"a\u2028\u202egnp.b"),
        (b"\xff.png".decode(errors="surrogateescape"), r"\udcff.png"),
        (3, "3"),
    ],
)
def test_names_cannot_forge_lines(name, shown, capfd):
    assert terminal.printable(name) == shown
    terminal.say(str(name))
    terminal.show(1, name)
    assert capfd.readouterr() == (f"1\n{shown}\n", f"{shown}\n")
