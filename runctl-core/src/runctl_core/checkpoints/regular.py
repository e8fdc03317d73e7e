"""Files of a checkpoint, opened: never a pipe, a terminal or a device, which would hold us or have no end."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader


def opened(path: str) -> BufferedReader:
    """A file to read. Raises OSError, also for what is no regular file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe that nobody writes to opens too
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.fdopen(fd, "rb")
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no file", path)
