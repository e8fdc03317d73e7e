"""Files to and from a machine over SSH: whole or not at all, and never outside of their target."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import asyncssh
import pytest

from runctl_core.api import SSHTransport
from runctl_core.errors import Damaged, NotFound, RunctlError, SetupError, StateError
from sshd import sshd


@pytest.fixture
def tree(tmp_path):
    """A folder with what folders have, and something outside of it."""
    folder = tmp_path / "tree"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "sub" / "data").write_bytes(os.urandom(700_000))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "na\u00efve \U0001f9a6").write_text("x")
    os.utime(folder / "run.sh", (1_600_000_000, 1_600_000_000))
    os.symlink("../run.sh", folder / "sub" / "inside")
    os.symlink(str(folder / "sub"), folder / "absolute")
    (tmp_path / "outside").write_text("out")
    os.symlink("../outside", folder / "leads-out")
    os.symlink("gone", folder / "dangling")
    os.mkfifo(folder / "pipe")
    os.utime(folder / "sub", (1_500_000_000, 1_500_000_000))
    return folder


def looks(folder):
    """Everything about a folder that a copy keeps."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = path.lstat()
        if path.is_symlink():
            what = os.readlink(path)
        else:
            what = path.read_bytes() if path.is_file() else int(kind.st_mtime) == 1_500_000_000
        found[str(path.relative_to(folder))] = (stat.S_IMODE(kind.st_mode), what)
    return found


def test_a_folder_goes_there_and_back_as_it_is(over_ssh, server, tree, tmp_path):
    over_ssh.put(str(tree), "new/tree")
    there = looks(server.home / "new" / "tree")
    assert there["sub/inside"][1] == "../run.sh"
    assert there["absolute"][1] == "sub", "a link inside leads back to this computer's path"
    assert there["leads-out"][1] == b"out"
    assert there["dangling"][1] == "gone"
    assert "pipe" not in there
    assert there["sub"][1] is True, "the time of a folder was lost"
    assert int((server.home / "new" / "tree" / "run.sh").stat().st_mtime) == 1_600_000_000
    over_ssh.get("new/tree", str(tmp_path / "deep" / "home"))
    assert looks(tmp_path / "deep" / "home") == there


def test_what_is_there_is_replaced_whole(over_ssh, server, tree, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "stale").write_text("x")
    over_ssh.put(str(tmp_path / "old"), "place")
    over_ssh.put(str(tree), "place")
    assert not (server.home / "place" / "stale").exists()
    over_ssh.get("place", str(tmp_path / "old"))
    assert looks(tmp_path / "old") == looks(server.home / "place")
    assert [p.name for p in server.home.glob("place*")] == ["place"], "a part was left there"
    assert [p.name for p in tmp_path.glob("old*")] == ["old"], "a part was left here"


def test_a_file_gets_the_mode_that_is_asked_for(over_ssh, server, tmp_path):
    (tmp_path / "secret").write_text("s")
    over_ssh.put(str(tmp_path / "secret"), "secret", mode=0o600)
    assert stat.S_IMODE((server.home / "secret").stat().st_mode) == 0o600


def test_what_is_not_there_is_not_found(over_ssh, tmp_path):
    with pytest.raises(NotFound):
        over_ssh.put(str(tmp_path / "gone"), "x")
    with pytest.raises(NotFound):
        over_ssh.get("gone", str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_is_one_clear_error(over_ssh, server, tmp_path):
    (tmp_path / "f").write_text("x")
    (server.home / "folder").mkdir(exist_ok=True)
    with pytest.raises(StateError) as caught:
        over_ssh.put(str(tmp_path / "f"), "folder")
    assert caught.value.fix
    with pytest.raises(StateError):
        over_ssh.get("folder", "/proc/nowhere/x")
    assert not list(server.home.glob("folder.*"))


def test_a_disk_that_is_full_over_there_is_one_clear_error_and_leaves_nothing(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    with sshd(tmp_path / "sshd", disk_bytes=1_000_000) as small:
        transport = SSHTransport(small.host, port=small.port, **small.trusted)
        (small.home / "big").write_text("old")
        with pytest.raises(StateError, match="disk of big over there is full") as caught:
            transport.put(str(tmp_path / "big"), "big")
        assert "df -h" in caught.value.fix
        assert (small.home / "big").read_text() == "old"
        assert [path.name for path in small.home.iterdir()] == ["big"], "a part fills the disk for good"
        transport.close()


def test_a_machine_without_sftp_says_what_to_add(tmp_path):
    with sshd(tmp_path, sftp=False) as plain:
        transport = SSHTransport(plain.host, port=plain.port, **plain.trusted)
        with pytest.raises(SetupError) as caught:
            transport.read("x", 0, 1)
        assert "Subsystem sftp" in caught.value.fix
        assert transport.run(["echo", "x"]).stdout == b"x\n", "programs need no SFTP"
        transport.close()


class Hostile(asyncssh.SFTPServer):
    """A server that answers with names and links which lead out of what was asked for."""

    lie: bytes = b""

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=0o40755 if path == b"/t" else 0o106777, size=4, mtime=1)

    lstat = stat

    def realpath(self, path: bytes) -> bytes:
        return {b"/t/link": b"/t/../etc/passwd"}.get(path, path)

    def readlink(self, path: bytes) -> bytes:
        return b"/etc/passwd"

    async def scandir(self, path: bytes):
        mode = 0o120777 if self.lie == b"link" else 0o106777
        for name in (self.lie, self.lie) if self.lie == b"twice" else (self.lie,):
            yield asyncssh.SFTPName(name, b"", asyncssh.SFTPAttrs(permissions=mode, size=4, mtime=1))

    def open(self, path: bytes, pflags: int, attrs: object) -> object:
        return open("/etc/hostname", "rb")

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return b"evil"[offset : offset + size]

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return self.stat(b"")


@pytest.fixture
def hostile(tmp_path, server):
    """A way to a machine that lies as it is told, and its folder `/t`."""
    from runctl_core.transport.ssh.loop import running, wait_for

    key = asyncssh.generate_private_key("ssh-ed25519")

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            authorized_client_keys=f"{server.client_key}.pub",
            sftp_factory=Hostile,
        )

    acceptor = wait_for(serve())
    host_key = key.export_public_key().decode()
    trusted = {**server.trusted, "host_keys": [host_key]}
    transport = SSHTransport("127.0.0.1", port=acceptor.get_port(), **trusted)
    yield transport
    transport.close()
    running().call_soon_threadsafe(acceptor.close)


@pytest.mark.parametrize("lie", [b"../evil", b"/tmp/evil", b"a/b", b"", b"twice"])
def test_a_machine_that_names_files_elsewhere_writes_nothing(hostile, tmp_path, monkeypatch, lie):
    monkeypatch.setattr(Hostile, "lie", lie)
    target = tmp_path / "in" / "target"
    with pytest.raises((Damaged, StateError)):
        hostile.get("/t", str(target))
    assert not target.exists()
    assert list(tmp_path.rglob("*evil*")) == [], "a machine wrote outside of the target"
    assert list((tmp_path / "in").iterdir()) == []


def test_a_link_that_claims_to_be_inside_becomes_a_copy(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(Hostile, "lie", b"link")
    hostile.get("/t", str(tmp_path / "target"))
    copied = tmp_path / "target" / "link"
    assert not copied.is_symlink(), "a machine laid a link to a file of this computer"
    assert copied.read_bytes() == b"evil"


def test_rights_that_a_machine_lends_are_not_taken_over(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(Hostile, "lie", b"program")
    hostile.get("/t", str(tmp_path / "target"))
    assert stat.S_IMODE((tmp_path / "target" / "program").stat().st_mode) == 0o777


def test_a_folder_without_end_is_refused(over_ssh, server, tmp_path):
    a, b = server.home / "a", server.home / "b"
    a.mkdir()
    b.mkdir()
    (a / "to-b").symlink_to(b)
    (b / "to-a").symlink_to(a)
    with pytest.raises(RunctlError, match="nested too deeply"):
        over_ssh.get("a", str(tmp_path / "x"))
    with pytest.raises(RunctlError, match="nested too deeply"):
        over_ssh.put(str(a), str(Path("never")))
    assert not (server.home / "never").exists()
