"""Copying from a machine, which may lie: nothing that it names is written outside of the target."""

from __future__ import annotations

import asyncio
import os
import posixpath
import stat
from typing import TYPE_CHECKING

from runctl_core.errors import Damaged, NotFound, StateError
from runctl_core.transport.ssh.reading import dropped, in_order
from runctl_core.transport.ssh.trouble import is_gone
from runctl_core.transport.whole import discard

if TYPE_CHECKING:
    import asyncssh

_FILES_AT_ONCE = 16
_DEEPEST = 64
_ENDLESS = 1 << 62


async def get(files: asyncssh.SFTPClient, source: str, partial: str) -> None:
    """Copy a file or folder to `partial` here. Raises StateError for what this disk does not take."""
    discard(partial)
    try:
        await _Copy(files).all(os.fsencode(source), os.fsencode(partial))
    except OSError as error:
        if is_gone(error):
            raise
        raise StateError(
            f"cannot copy {source} to {partial}",
            why=error.strerror or str(error),
            fix=f"make room, or make {os.path.dirname(partial)} writable, then try again",
        ) from error


class _Copy:
    """One copy: its files come many at once, its links and the modes of its folders at the end."""

    def __init__(self, files: asyncssh.SFTPClient) -> None:
        self._files = files
        self._free = asyncio.Semaphore(_FILES_AT_ONCE)
        self._coming: list[asyncio.Future[None]] = []
        self._links: list[tuple[bytes, bytes]] = []
        self._folders: list[tuple[bytes, asyncssh.SFTPAttrs]] = []

    async def all(self, source: bytes, target: bytes) -> None:
        found = await self._files.stat(source)
        try:
            if _kind(found) == stat.S_IFDIR:
                await self._folder(source, target, found, await self._files.realpath(source), 0)
            else:
                self._come(source, target, found)
            await asyncio.gather(*self._coming)
        finally:
            await dropped(self._coming)
        for text, link in self._links:
            os.symlink(text, link)
        for folder, known in reversed(self._folders):
            _settle(folder, known)

    def _come(self, source: bytes, target: bytes, found: asyncssh.SFTPAttrs) -> None:
        self._coming.append(asyncio.ensure_future(self._file(source, target, found)))

    async def _folder(
        self, source: bytes, target: bytes, found: asyncssh.SFTPAttrs, root: bytes, depth: int
    ) -> None:
        if depth > _DEEPEST:
            raise StateError(f"{_shown(source)} is nested too deeply", why="its links lead round in a circle")
        os.mkdir(target, 0o700)
        self._folders.append((target, found))
        for entry in await self._files.readdir(source):
            name = os.fsencode(entry.filename)
            if name in (b".", b".."):
                continue
            if not name or b"/" in name or b"\0" in name:
                raise Damaged(f"the machine names a file {_shown(name)!r}", why="that is no name in a folder")
            below, here = posixpath.join(source, name), os.path.join(target, name)
            if _kind(entry.attrs) == stat.S_IFLNK:
                await self._link(below, here, root, depth)
            elif _kind(entry.attrs) == stat.S_IFDIR:
                await self._folder(below, here, entry.attrs, root, depth + 1)
            elif _kind(entry.attrs) == stat.S_IFREG:
                self._come(below, here, entry.attrs)

    async def _link(self, source: bytes, target: bytes, root: bytes, depth: int) -> None:
        """Keep a link that stays inside, as a relative one; copy what any other leads to."""
        import asyncssh

        try:
            end = posixpath.normpath(await self._files.realpath(source))
            found = await self._files.stat(source)
        except asyncssh.SFTPNoSuchFile:
            await self._dangling(source, target)
            return
        if end == root or end.startswith(posixpath.join(root, b"")):
            folder = posixpath.normpath(await self._files.realpath(posixpath.dirname(source)))
            self._links.append((posixpath.relpath(end, folder), target))
        elif _kind(found) == stat.S_IFDIR:
            await self._folder(end, target, found, end, depth + 1)
        elif _kind(found) == stat.S_IFREG:
            self._come(end, target, found)

    async def _dangling(self, source: bytes, target: bytes) -> None:
        """Keep a link to nothing as it is, unless it leads out: here that may be something."""
        text = await self._files.readlink(source)
        place = os.path.relpath(os.path.dirname(target), self._folders[0][0])
        depth = 0 if place == b"." else place.count(b"/") + 1
        plain = not text.startswith(b"/") and posixpath.normpath(text) == text
        if plain and text.split(b"/").count(b"..") <= depth:
            self._links.append((text, target))

    async def _file(self, source: bytes, target: bytes, found: asyncssh.SFTPAttrs) -> None:
        import asyncssh

        async with self._free:
            try:
                file = await self._files.open(source, "rb", encoding=None, block_size=0)
            except asyncssh.SFTPNoSuchFile:
                if self._folders:
                    return  # it vanished meanwhile, as many of a live folder do
                raise NotFound(f"no file {_shown(source)}") from None
            async with file:
                handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                with os.fdopen(handle, "wb") as copy:
                    async for data in in_order(file, 0, _ENDLESS, self._files.limits.max_read_len):
                        copy.write(data)
            _settle(target, found)


def _settle(path: bytes, found: asyncssh.SFTPAttrs) -> None:
    """Give a copy its mode and time. Bits that lend rights to others are not taken over."""
    if found.permissions is not None:
        os.chmod(path, found.permissions & 0o777)
    if found.mtime is not None:
        os.utime(path, (found.atime or found.mtime, found.mtime))


def _kind(found: asyncssh.SFTPAttrs) -> int:
    return stat.S_IFMT(found.permissions or stat.S_IFREG)


def _shown(path: bytes) -> str:
    return path.decode(errors="backslashreplace")
