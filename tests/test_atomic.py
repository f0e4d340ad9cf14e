"""Files are written whole or not at all."""

import os
import stat

import pytest

from graphembed.atomic import whole_file


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_a_file_takes_its_name_when_all_is_written(tmp_path, kind):
    with whole_file(kind(tmp_path / "links.tsv")) as temporary:
        temporary.write_text("a\tb\n")
        assert not (tmp_path / "links.tsv").exists()
    assert contents(tmp_path) == {"links.tsv": "a\tb\n"}


def test_the_temporary_file_lies_beside_the_target_and_has_its_suffix(tmp_path):
    with whole_file(tmp_path / "z.parquet") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".parquet"


def test_an_existing_file_is_replaced(tmp_path):
    target = tmp_path / "z.tsv"
    target.write_text("old")
    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert contents(tmp_path) == {"z.tsv": "new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_error(tmp_path, error):
    def fail():
        with whole_file(tmp_path / "z.tsv") as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error, match="stop"):
        fail()
    assert contents(tmp_path) == {}


def test_an_existing_file_outlives_an_error(tmp_path):
    target = tmp_path / "z.tsv"
    target.write_text("precious")

    def fail():
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert contents(tmp_path) == {"z.tsv": "precious"}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "z.tsv") as temporary:
            temporary.write_text("")
        found = os.umask(umask)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "z.tsv").stat().st_mode) == mode
    assert found == umask, "the umask was changed"


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), whole_file(tmp_path / "nowhere" / "z.tsv"):
        pass
    assert contents(tmp_path) == {}


def test_a_writer_that_removes_its_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "z.tsv") as temporary:
        temporary.unlink()
    assert contents(tmp_path) == {}
