"""Shows a Python script's output at once although its standard output is a file.

Python fills a buffer before it writes to a file, and writing each line by itself costs several
times as much; so a small thread empties the buffer ten times a second. It is gone whenever the
interpreter forks or ends, so that it never holds the buffer's lock then. This directory leaves
`sys.path`, and the `sitecustomize` that would have been imported without us is imported.
"""

import os
import stat
import sys

PERIOD_S = 0.1


def _flush_all():
    for stream in (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr):
        # Only the interpreter's own kind of stream: anything else is the script's business.
        if type(stream).__name__ == "TextIOWrapper":
            try:
                if stream.fileno() in (1, 2):
                    stream.flush()
            except ValueError:  # closed, or detached from its buffer
                continue


class _Flusher:
    """The thread, and what keeps it away from forks and from the end of the interpreter."""

    def __init__(self):
        import _thread

        self._begin, self._lock = _thread.start_new_thread, _thread.allocate_lock
        self._ident = _thread.get_native_id
        self._turn = self._lock()
        self._stop = self._done = None
        self._task = 0

    def start(self):
        self._stop, self._done = self._lock(), self._lock()
        self._stop.acquire()
        self._done.acquire()
        try:
            self._begin(self._run, (self._stop, self._done))
        except RuntimeError:  # no thread to be had: the output comes when the buffer is full
            self._stop = None

    def _run(self, stop, done):
        self._task = self._ident()
        try:
            while not stop.acquire(timeout=PERIOD_S):
                _flush_all()
        except OSError:  # the disk is full: the script itself shall meet the next error
            stop.acquire()
        finally:
            done.release()

    def stop(self):
        self._turn.acquire()
        if self._stop:
            self._stop.release()
            self._done.acquire()
            self._wait_for_the_system()

    def _wait_for_the_system(self):
        """Python 3.12 and later warn of a fork when the system still counts two threads."""
        path = "/proc/self/task/%d" % self._task
        for _ in range(1000):
            if not os.path.exists(path):
                return
            os.sched_yield()

    def resume(self):
        self.start()
        self._turn.release()


def _unbuffered():
    return getattr(sys.stdout, "write_through", False)


def _watch_stdout():
    try:
        wanted = stat.S_ISREG(os.fstat(1).st_mode) and not _unbuffered()
    except OSError:  # no standard output at all
        return
    if wanted and sys.version_info >= (3, 8):
        import atexit

        flusher = _Flusher()
        flusher.start()
        atexit.register(flusher.stop)
        os.register_at_fork(
            before=flusher.stop,
            after_in_parent=flusher.resume,
            after_in_child=flusher.resume,
        )


def _import_next():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or os.curdir) != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


_watch_stdout()
_import_next()
