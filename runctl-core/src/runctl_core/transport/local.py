"""This computer as a machine: commands are child processes, and files are simply there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from runctl_core.errors import NotFound, StateError, UnknownOutcome, Unsupported
from runctl_core.transport import Completed, Transport
from runctl_core.transport.whole import discard, replace


class LocalTransport(Transport):
    """Runs things here. Copies are real ones: what was fetched does not change with its source."""

    shares_files = True

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """See `Transport.run`. A program that cannot be executed ends with 127 or 126."""
        import subprocess

        data = input if isinstance(input, bytes) else b"".join(input)
        try:
            done = subprocess.run(argv, input=data, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise UnknownOutcome(
                f"{argv[0]} did not end within {timeout_s:.0f} s", why="it was killed"
            ) from error
        except OSError as error:
            return Completed(_cannot(error), b"", f"{argv[0]}: {error.strerror}\n".encode())
        return Completed(_shell_status(done.returncode), done.stdout, done.stderr)

    def stream(
        self, argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        """See `Transport.stream`. Raises NotFound for a program or directory that is not there."""
        import subprocess

        with _ctrl_c_for_the_child():
            try:
                child = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(env or {})})
            except OSError as error:
                if error.filename == cwd:
                    raise NotFound(f"no directory {cwd}", why=error.strerror or "") from error
                raise NotFound(f"cannot execute {argv[0]}", why=error.strerror or "") from error
            return _shell_status(child.wait())

    def put(self, source: str, target: str, *, mode: int | None = None) -> None:
        """See `Transport.put`. Folders above `target` are made. Raises NotFound, StateError."""
        _copy(source, target, mode)

    def get(self, source: str, target: str) -> None:
        """See `Transport.get`. Folders above `target` are made. Raises NotFound, StateError."""
        _copy(source, target, None)

    def close(self) -> None:
        """There is nothing to let go of."""

    def forward(self, local_port: int, host: str, port: int) -> NoReturn:
        """Ports of this computer are here already. Raises Unsupported."""
        raise Unsupported(
            f"port {port} of {host} is not brought to port {local_port}",
            why="this machine is the computer that you are on",
            fix=f"connect to {host}:{port} itself",
        )

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Transport.read`. Raises NotFound, and StateError for a file that we may not read."""
        try:
            handle = os.open(path, os.O_RDONLY)
            try:
                return os.pread(handle, limit, offset)
            finally:
                os.close(handle)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"no file {path}", why=error.strerror or "") from error
        except OSError as error:
            raise StateError(f"cannot read {path}", why=error.strerror or "") from error


def _shell_status(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode


def _cannot(error: OSError) -> int:
    return 127 if isinstance(error, FileNotFoundError) else 126


@contextmanager
def _ctrl_c_for_the_child() -> Iterator[None]:
    """Let Ctrl-C pass by this process, because the terminal sends it to the child too.

    Catching KeyboardInterrupt would be too late: it may strike when the child's status was taken
    from the kernel and is not kept yet. A handler, unlike `SIG_IGN`, is not inherited by the child.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _copy(source: str, target: str, mode: int | None) -> None:
    import shutil

    partial = f"{target}.{os.getpid()}-{os.urandom(4).hex()}.part"  # threads copy at once, too
    try:
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        if os.path.isdir(source):
            _copy_folder(source, partial)
        else:
            shutil.copy2(source, partial)
        if mode is not None:
            os.chmod(partial, mode)
        replace(partial, target)
    except OSError as error:
        discard(partial)
        if not os.path.lexists(source):
            raise NotFound(f"no file {source}", why=error.strerror or "") from error
        raise StateError(
            f"cannot copy {source} to {target}",
            why=error.strerror or str(error)[:300],
            fix=f"make room, or make {os.path.dirname(target)} writable, then try again",
        ) from error


def _copy_folder(source: str, target: str) -> None:
    """Copy a folder. Links that lead out of it become copies of what they lead to."""
    import shutil

    root = os.path.realpath(source)
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_regular)
    for folder, folders, files in os.walk(target):
        for name in folders + files:
            copied = os.path.join(folder, name)
            if os.path.islink(copied):
                original = os.path.join(source, os.path.relpath(copied, target))
                _settle_link(original, copied, root)


def _copy_regular(source: str, target: str) -> None:
    """Copy a regular file; sockets, pipes and what vanishes meanwhile are left out."""
    import shutil

    if os.path.isfile(source):
        try:
            shutil.copy2(source, target)
        except FileNotFoundError:
            return


def _settle_link(original: str, copied: str, root: str) -> None:
    import shutil

    end = os.path.realpath(original)
    if not os.path.exists(end):
        return
    os.unlink(copied)
    if end == root or end.startswith(os.path.join(root, "")):
        folder = os.path.realpath(os.path.dirname(original))
        os.symlink(os.path.relpath(end, folder), copied)
    elif os.path.isdir(end):
        _copy_folder(end, copied)
    else:
        shutil.copy2(end, copied)
