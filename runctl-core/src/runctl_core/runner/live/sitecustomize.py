"""Shows a Python script's output at once although its standard output is a file.

Python fills a buffer before it writes to a file, and writing each line by itself costs several
times as much; so a small thread empties the buffer ten times a second. It never does so while the
interpreter forks or ends, so that nobody waits for a lock that it took along. This directory leaves
`sys.path`, and the `sitecustomize` that would have been imported without us is imported.
"""

import os
import stat
import sys

PERIOD_S = 0.1


def _flush_all() -> None:
    for stream in (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr):
        # Only the interpreter's own kind of stream: anything else is the script's business.
        if stream is not None and type(stream).__name__ == "TextIOWrapper":
            try:
                if stream.fileno() in (1, 2):
                    stream.flush()
            except ValueError:  # closed, or detached from its buffer
                continue


class _Flusher:
    """The thread, and what keeps it away from forks and from the end of the interpreter."""

    def __init__(self) -> None:
        import _thread

        self._begin, self._lock, self._threads = (
            _thread.start_new_thread,
            _thread.allocate_lock,
            _thread._count,
        )
        self._turn = self._lock()
        self._hidden: object = None
        self._ticks = 0

    def start(self) -> None:
        try:
            self._begin(self._run, ())
        except RuntimeError:  # no thread to be had: the output comes when the buffer is full
            return

    def _run(self) -> None:
        pause = self._lock()
        pause.acquire()
        try:
            while not pause.acquire(timeout=PERIOD_S):
                with self._turn:
                    _flush_all()
                    self._show_warnings()
        except OSError:  # the disk is full: the script itself shall meet the next error
            return

    def hold(self) -> None:
        """Before a fork, and at the end: no flush from now on."""
        self._turn.acquire()

    def before_fork(self) -> None:
        self.hold()
        if sys.version_info >= (3, 12) and self._threads() <= 1:
            self._hide_warning()

    def after_fork_in_parent(self) -> None:
        self._turn.release()

    def after_fork_in_child(self) -> None:
        self._turn = self._lock()
        self.start()

    def _hide_warning(self) -> None:
        """Python warns of forks beside threads; when the only other one is ours, it need not."""
        import warnings

        self._ticks = 0
        if self._hidden is None:
            text = "This process .* is multi-threaded"
            warnings.filterwarnings("ignore", text, DeprecationWarning)
            self._hidden = warnings.filters[0]

    def _show_warnings(self) -> None:
        self._ticks += 1
        if self._hidden is not None and self._ticks > 1:  # the fork has long returned
            filters = sys.modules["warnings"].filters
            filters[:] = [entry for entry in filters if entry is not self._hidden]
            self._hidden = None


def _unbuffered() -> bool:
    return bool(getattr(sys.stdout, "write_through", False))


def _watch_stdout() -> None:
    try:
        wanted = stat.S_ISREG(os.fstat(1).st_mode) and not _unbuffered()
    except OSError:  # no standard output at all
        return
    if wanted and sys.version_info >= (3, 8):
        import atexit

        flusher = _Flusher()
        flusher.start()
        atexit.register(flusher.hold)
        os.register_at_fork(
            before=flusher.before_fork,
            after_in_parent=flusher.after_fork_in_parent,
            after_in_child=flusher.after_fork_in_child,
        )


def _import_next() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or os.curdir) != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


_watch_stdout()
_import_next()
