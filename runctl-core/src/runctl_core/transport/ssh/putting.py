"""Copying to a machine: everything is made beside the target, and put in its place at the end."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.errors import NotFound, RunctlError, StateError
from runctl_core.transport.ssh.program import ran
from runctl_core.transport.ssh.reading import UNDER_WAY, dropped, in_our_words
from runctl_core.transport.ssh.trouble import is_gone

if TYPE_CHECKING:
    import asyncssh

    from runctl_core.transport.ssh.connection import Connection

_FILES_AT_ONCE = 16
_DEEPEST = 64
_PROBE_BYTES = 64 << 20
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@frozen
class Item:
    """What is copied.

    Attributes:
        path: Its path below the target, empty for the target itself.
        source: Its path here.
        found: What it is here.
        link: Where it leads, when it is a link.
    """

    path: str
    source: str
    found: os.stat_result
    link: str = ""


def items(source: str) -> list[Item]:
    """A file, or a folder and all in it, outer ones first. Links are treated as `LocalTransport` does.

    Raises:
        NotFound: There is no such file.
        StateError: It cannot be read, or its links lead round in a circle.
    """
    try:
        found = os.stat(source)
        first = Item("", source, found)
        if not stat.S_ISDIR(found.st_mode):
            return [first]
        return [first, *_below(source, "", os.path.realpath(source), 0)]
    except FileNotFoundError as error:
        raise NotFound(f"no file {source}", why=error.strerror or "") from error
    except OSError as error:
        raise StateError(f"cannot read {error.filename or source}", why=error.strerror or "") from error


def _below(folder: str, path: str, root: str, depth: int) -> Iterator[Item]:
    if depth > _DEEPEST:
        raise StateError(f"{folder} is nested too deeply", why="links lead out of it and back again")
    for name in sorted(os.listdir(folder)):
        source, inner = os.path.join(folder, name), os.path.join(path, name)
        found, new_root = os.lstat(source), root
        if stat.S_ISLNK(found.st_mode):
            end = os.path.realpath(source)
            inside = end == root or end.startswith(os.path.join(root, ""))
            if inside or not os.path.exists(end):
                beside = os.path.realpath(folder)
                link = os.path.relpath(end, beside) if os.path.exists(end) else os.readlink(source)
                yield Item(inner, source, found, link)
                continue
            source, found, new_root = end, os.stat(end), end
        if stat.S_ISDIR(found.st_mode):
            yield Item(inner, source, found)
            yield from _below(source, inner, new_root, depth + 1)
        elif stat.S_ISREG(found.st_mode):
            yield Item(inner, source, found)


async def put(
    connection: Connection,
    files: asyncssh.SFTPClient,
    what: list[Item],
    partial: str,
    target: str,
    mode: int | None,
) -> None:
    """Copy items to `target`, whole or not at all. Raises StateError; asyncssh's errors for the rest."""
    import asyncssh

    try:
        folder = os.path.dirname(target)
        if folder and not await files.isdir(os.fsencode(folder)):
            await files.makedirs(os.fsencode(folder), exist_ok=True)
        await remove(files, partial)
        await _make(files, what, partial)
        if mode is not None:
            await files.chmod(os.fsencode(partial), mode)
        await _replace(files, partial, target)
    except (asyncssh.Error, RunctlError, OSError) as error:
        if is_gone(error):
            raise
        await remove(files, partial)
        if isinstance(error, asyncssh.SFTPFailure):
            raise await _why(connection, what, partial, target, error) from error
        raise


async def _make(files: asyncssh.SFTPClient, what: list[Item], partial: str) -> None:
    folders = [item for item in what if stat.S_ISDIR(item.found.st_mode)]
    for item in folders:
        await files.mkdir(_at(partial, item), _attributes(0o700))
    free = asyncio.Semaphore(_FILES_AT_ONCE)
    sending: list[asyncio.Future[None]] = [
        asyncio.ensure_future(_send(files, item, _at(partial, item), free))
        for item in what
        if stat.S_ISREG(item.found.st_mode)
    ]
    try:
        await asyncio.gather(*sending)
    finally:
        await dropped(sending)
    for item in what:
        if item.link:
            await files.symlink(os.fsencode(item.link), _at(partial, item))
    for item in reversed(folders):
        await files.setstat(_at(partial, item), _kept(item.found))


async def _send(files: asyncssh.SFTPClient, item: Item, path: bytes, free: asyncio.Semaphore) -> None:
    from asyncssh import FXF_CREAT, FXF_TRUNC, FXF_WRITE

    block = files.limits.max_write_len
    async with free:
        try:
            source = open(item.source, "rb")  # noqa: SIM115
        except FileNotFoundError:
            if item.path:
                return  # it vanished meanwhile, as many of a live folder do
            raise NotFound(f"no file {item.source}") from None
        except OSError as error:
            raise StateError(f"cannot read {item.source}", why=error.strerror or "") from error
        flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
        with source:
            async with await files.open(path, flags, _attributes(0o600), encoding=None, block_size=0) as file:
                writing: deque[asyncio.Future[int]] = deque()
                offset = 0
                try:
                    while data := source.read(block):
                        if len(writing) >= UNDER_WAY:
                            await writing.popleft()
                        writing.append(asyncio.ensure_future(file.write(data, offset)))
                        offset += len(data)
                    while writing:
                        await writing.popleft()
                finally:
                    await dropped(list(writing))
                await file.setstat(_kept(item.found))


async def _replace(files: asyncssh.SFTPClient, partial: str, target: str) -> None:
    new, old = os.fsencode(partial), os.fsencode(target)
    if not (await files.isdir(new) and await files.isdir(old)):
        await files.posix_rename(new, old)
        return
    aside = f"{partial}.old"
    await files.posix_rename(old, os.fsencode(aside))
    await files.posix_rename(new, old)
    await remove(files, aside)


async def remove(files: asyncssh.SFTPClient, path: str) -> None:
    """Remove a file or folder over there, as far as the machine lets us."""
    name = os.fsencode(path)
    if await files.isdir(name):
        await files.rmtree(name, ignore_errors=True)
    elif await files.lexists(name):
        await files.remove(name)


async def _why(
    connection: Connection, what: list[Item], partial: str, target: str, error: asyncssh.SFTPError
) -> RunctlError:
    """What is wrong with the disk over there.

    SFTP says "Failure" of a full disk and of a spent quota: a program that writes there says which.
    """
    told = in_our_words(target, error)
    needed = sum(item.found.st_size for item in what if stat.S_ISREG(item.found.st_mode))
    probe = f"{partial}.probe"
    script = 'head -c "$1" /dev/zero > "$2"; status=$?; rm -f -- "$2"; exit $status'
    try:
        done = await ran(connection, ["sh", "-c", script, "sh", str(min(needed, _PROBE_BYTES)), probe])
    except RunctlError:
        return told
    reason = done.stderr.decode(errors="replace").strip().rpartition(": ")[2]
    if done.status == 0 or reason not in _FULL:
        return told
    folder = os.path.dirname(target) or "."
    return StateError(
        f"the disk of {target} over there is full",
        why=f"{reason}; {needed:,} bytes are to be copied",
        fix=f"make room there: df -h {folder} and quota show what there is; then try again",
    )


def _at(partial: str, item: Item) -> bytes:
    return os.fsencode(os.path.join(partial, item.path) if item.path else partial)


def _attributes(mode: int) -> asyncssh.SFTPAttrs:
    import asyncssh

    return asyncssh.SFTPAttrs(permissions=mode)


def _kept(found: os.stat_result) -> asyncssh.SFTPAttrs:
    import asyncssh

    return asyncssh.SFTPAttrs(
        permissions=stat.S_IMODE(found.st_mode), atime=int(found.st_atime), mtime=int(found.st_mtime)
    )
