"""A tree on a machine is what was selected, is whole, and is nobody else's."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.opened_files import files_opened
from runctl_core.errors import SetupError, StateError
from runctl_core.sync import select, send
from runctl_core.sync.selection import Entry
from syncing import Machine, contents, deliver, put, write


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Files, a link and an executable one, all of them older than any clock's tick."""
    root = tmp_path / "project"
    write(root, train="print(1)", lib__a="a", lib__b="b" * 100_000, empty="")
    put(root, "run.sh", "#!/bin/sh\n").chmod(0o750)
    (root / "link").symlink_to("lib/a")
    settle(root)
    return root


def settle(root: Path) -> None:
    """Let the files be from yesterday, so that what is known of them may be kept."""
    for path in root.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)


def test_the_tree_has_every_byte_mode_and_link(project: Path, tmp_path: Path) -> None:
    sent = deliver(Machine(), project, tmp_path / "there")
    assert os.path.isabs(sent.tree)
    assert contents(sent.tree) == contents(project)
    assert (sent.files_sent, sent.files_unchanged, sent.bytes_sent) == (5, 0, 100_019)


_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: not set(name) & {0, 47} and name.strip(b"."))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.lists(_NAMES, min_size=1, max_size=3), st.binary(max_size=99)), max_size=6))
def test_every_name_that_a_file_may_have_is_kept(files: list[tuple[list[bytes], bytes]]) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = os.path.join(os.fsencode(folder), b"project")
        for number, (parts, data) in enumerate([([b"x"], b""), *files]):
            path = os.path.join(root, b"%d" % number, *parts)
            os.makedirs(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(data)
        found = {
            name: what for name, what in contents(os.fsdecode(root)).items() if b".gitignore" not in name
        }
        sent = deliver(Machine(), Path(os.fsdecode(root)), Path(folder) / "there")
        assert contents(sent.tree) == found


def test_an_unchanged_project_sends_no_file_and_needs_one_call(project: Path, tmp_path: Path) -> None:
    first = deliver(Machine(), project, tmp_path / "there")
    machine = Machine()
    second = deliver(machine, project, tmp_path / "there")
    assert second.tree == first.tree
    assert (second.files_sent, second.bytes_sent, second.files_unchanged) == (0, 0, 5)
    assert machine.calls == 1
    assert machine.received < 50_000, "an unchanged project was sent again"


def test_only_what_changed_is_sent_and_the_old_tree_stays(project: Path, tmp_path: Path) -> None:
    first = deliver(Machine(), project, tmp_path / "there")
    before = contents(first.tree)
    put(project, "train", "print(2)")
    (project / "lib/a").rename(project / "lib/moved")
    (project / "link").unlink()
    second = deliver(Machine(), project, tmp_path / "there")
    assert contents(second.tree) == contents(project)
    assert (second.files_sent, second.bytes_sent, second.files_removed) == (1, 8, 2)
    assert contents(first.tree) == before, "a job that runs in the old tree would see files change"


def test_a_change_of_mode_makes_another_tree_and_sends_nothing(project: Path, tmp_path: Path) -> None:
    first = deliver(Machine(), project, tmp_path / "there")
    (project / "train").chmod(0o755)
    second = deliver(Machine(), project, tmp_path / "there")
    assert second.tree != first.tree
    assert second.bytes_sent == 0
    assert contents(second.tree) == contents(project)


@pytest.mark.parametrize("act", ["writes", "adds", "deletes", "chmods", "replaces"])
def test_a_tree_that_a_job_changed_is_not_given_to_another(project: Path, tmp_path: Path, act: str) -> None:
    first = deliver(Machine(), project, tmp_path / "there")
    tree = Path(first.tree)
    if act == "writes":
        (tree / "lib/a").write_text("A")
    elif act == "adds":
        put(tree, "results/model.pt", "1")
    elif act == "deletes":
        (tree / "lib/a").unlink()
    elif act == "chmods":
        (tree / "lib/a").chmod(0o600)
    else:
        put(tree, "new", "a")
        (tree / "new").replace(tree / "lib/a")
    left = contents(tree)
    second = deliver(Machine(), project, tmp_path / "there")
    assert second.tree != first.tree
    assert contents(second.tree) == contents(project)
    assert contents(tree) == left, "a job lost what it wrote"


def test_what_python_makes_beside_modules_is_no_change(project: Path, tmp_path: Path) -> None:
    first = deliver(Machine(), project, tmp_path / "there")
    put(Path(first.tree), "lib/__pycache__/a.pyc", "1")
    assert deliver(Machine(), project, tmp_path / "there").tree == first.tree


def test_a_file_that_only_looks_unchanged_is_sent(project: Path, tmp_path: Path) -> None:
    """Same size, same time, written within one tick of the clock."""
    put(project, "train", "print(1)")
    deliver(Machine(), project, tmp_path / "there")
    status = (project / "train").stat()
    put(project, "train", "print(9)")
    os.utime(project / "train", ns=(status.st_atime_ns, status.st_mtime_ns))
    sent = deliver(Machine(), project, tmp_path / "there")
    assert contents(sent.tree) == contents(project), "the machine would train with old code"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been made long ago: what is known of it may be kept."""
    monkeypatch.setattr("runctl_core.sync.hashes._SETTLED_NS", -(10**18))


def test_an_unchanged_file_is_not_read_again(project: Path, tmp_path: Path, settled: None) -> None:
    deliver(Machine(), project, tmp_path / "there")
    put(project, "train", "print(2)")
    with files_opened() as opened:
        deliver(Machine(), project, tmp_path / "there")
    read = {os.path.relpath(path, project) for path in opened if path.startswith(str(project))}
    assert read - {".gitignore", "lib/.gitignore"} == {"train"}


def test_a_damaged_note_of_hashes_costs_time_and_never_a_file(
    project: Path, tmp_path: Path, settled: None
) -> None:
    deliver(Machine(), project, tmp_path / "there")
    for note in (tmp_path / "state/sync").iterdir():
        data = note.read_bytes()
        digest = data.split(b" train")[0][-64:]
        note.write_bytes(data.replace(digest, b"0" * 64))
    sent = deliver(Machine(), project, tmp_path / "elsewhere")
    assert contents(sent.tree) == contents(project)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new waits until the machine asks for it."""
    monkeypatch.setattr("runctl_core.sync.offer._ALONG_BYTES", -1)


class Restless(Machine):
    """Something happens here between what a sender says and what it sends."""

    def __init__(self, happens: object) -> None:
        super().__init__()
        self._happens = happens

    def run(self, argv, **given):  # type: ignore[no-untyped-def]
        """See `Transport.run`."""
        done = super().run(argv, **given)
        if self.calls == 1:
            self._happens()  # type: ignore[operator]
        return done


@pytest.mark.parametrize("data", ["print(12345)", "p", "print(2)"])
def test_a_file_that_changes_while_it_is_sent_arrives_as_it_is_now(
    project: Path, tmp_path: Path, asked: None, data: str
) -> None:
    sent = deliver(Restless(lambda: put(project, "train", data)), project, tmp_path / "there")
    assert (Path(sent.tree) / "train").read_text() == data
    assert contents(sent.tree) == contents(project)


def test_a_file_that_is_deleted_while_it_is_sent_is_left_out(
    project: Path, tmp_path: Path, asked: None
) -> None:
    sent = deliver(Restless((project / "train").unlink), project, tmp_path / "there")
    assert contents(sent.tree) == contents(project)


def test_a_project_that_is_never_still_is_an_error(project: Path, tmp_path: Path, asked: None) -> None:
    class Unsteady(Machine):
        def run(self, argv, **given):  # type: ignore[no-untyped-def]
            done = super().run(argv, **given)
            put(project, "train", str(random.random()))
            return done

    with pytest.raises(StateError, match="changes while it is sent"):
        deliver(Unsteady(), project, tmp_path / "there")
    assert not list((tmp_path / "there/trees").iterdir()), "a tree that never was is used"


def test_many_senders_at_once_all_get_whole_trees(project: Path, tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(deliver(Machine(), project, tmp_path / "there").tree), daemon=True
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 6
    assert {tuple(contents(tree)) for tree in found} == {tuple(contents(project))}
    assert not list((tmp_path / "there").glob("building-*"))


def _age(tree: str) -> None:
    os.utime(f"{tree}.index", (1_700_000_000, 1_700_000_000))


def test_old_trees_go_when_nobody_works_in_them_and_nothing_was_made_there(
    project: Path, tmp_path: Path
) -> None:
    trees = []
    for name in ("unused", "used", "with results", "last"):
        put(project, "train", name)
        trees.append(deliver(Machine(), project, tmp_path / "there").tree)
    unused, used, results, _ = trees
    put(Path(results), "model.pt", "1")
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=used, stdin=subprocess.PIPE) as job:
        for tree in (unused, used, results):
            _age(tree)
        put(project, "train", "next")
        deliver(Machine(), project, tmp_path / "there")
        assert not os.path.exists(unused)
        assert os.path.exists(f"{used}/train"), "a job lost the folder that it runs in"
        assert os.path.exists(f"{results}/model.pt"), "a job's only result was deleted"
        job.communicate(b"\n")


def test_no_python_there_is_said_with_what_mends_it(project: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no python9 on the machine") as caught:
        send(Machine(), select(str(project)), str(tmp_path / "there"), python="python9")
    assert "Python 3.8" in caught.value.fix


def test_a_folder_that_cannot_be_made_is_said_with_what_mends_it(project: Path, tmp_path: Path) -> None:
    put(tmp_path, "file", "")
    with pytest.raises(SetupError, match="cannot be written on the machine") as caught:
        deliver(Machine(), project, tmp_path / "file/there")
    assert "writable" in caught.value.fix


def test_a_disk_that_fills_up_is_said_and_nothing_is_left_on_it(project: Path, tmp_path: Path) -> None:
    class Small(Machine):
        def run(self, argv, **given):  # type: ignore[no-untyped-def]
            return super().run(["sh", "-c", 'ulimit -f 50; exec "$@"', "sh", *argv], **given)

    with pytest.raises(SetupError, match="no room for the files") as caught:
        deliver(Small(), project, tmp_path / "there")
    assert "df -h" in caught.value.fix
    assert not list((tmp_path / "there").glob("building-*")), "a full disk is kept full"
    assert contents(deliver(Machine(), project, tmp_path / "there").tree) == contents(project)


def test_a_file_that_may_not_be_read_is_named(project: Path, tmp_path: Path) -> None:
    (project / "train").chmod(0)
    chosen = evolve(select(str(project)), files=(Entry("train", 8, 0o644),))
    me = os.geteuid()
    os.seteuid(me or 65534)  # root may read everything
    try:
        with pytest.raises(StateError, match=r"cannot read .*train"):
            send(Machine(), chosen, str(tmp_path / "there"), python=sys.executable)
    finally:
        os.seteuid(me)
