import errno
from pathlib import Path

import pytest

from jaxgan.base import files


def test_folders_are_made_and_only_the_file_is_left(tmp_path):
    path = tmp_path / "a" / "b.txt"
    for content, expected in (b"1", "1"), ("ä", "ä"), (lambda half: half.write_text("3"), "3"):
        files.write(path, content)
        assert path.read_text(encoding="utf-8") == expected
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    files.write(path, "old")

    def fail(half):
        half.write_text("new, but ")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        files.write(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_all_of_a_folder_is_synced(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    seen = []
    monkeypatch.setattr(files, "sync", seen.append)
    files.sync_all(tmp_path / "a")
    assert {path.name for path in seen} == {"a", "b", "file"}


@pytest.mark.parametrize("named", [False, True])
def test_an_error_names_the_file_that_was_meant(tmp_path, monkeypatch, named):
    with pytest.raises(OSError, match="No such file or directory: '/no/file'"):
        files.write(tmp_path / "a.png", lambda path: Path("/no/file").read_bytes())

    def refuse(path):
        raise OSError(errno.ENOSPC, "No space left on device", *([str(path)] if named else []))

    monkeypatch.setattr(files, "sync", refuse)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}/a\.png'"):
        files.write(tmp_path / "a.png", b"x")
    assert list(tmp_path.iterdir()) == []
