"""A process of a job, as it is now."""

from __future__ import annotations

import math

from attrs import frozen


@frozen
class Process:
    """One process of a job.

    Attributes:
        pid: Its number on its machine.
        parent: The number of the process that started it, or took it over.
        user: Who owns it, there.
        command: The program and its arguments, as it shows them itself; long ones are cut.
        cpu_percent: What it uses now, its children left out; 100 is one processor, busy.
        memory_bytes: Its resident memory; what it shares with others counts too.
        elapsed_s: Seconds since it began.
        threads: How many it has; None when the machine does not tell.
        gpu_memory_bytes: Its memory on GPUs; None when it has none or nobody knows.
    """

    pid: int
    parent: int
    user: str
    command: tuple[str, ...]
    cpu_percent: float
    memory_bytes: int
    elapsed_s: float
    threads: int | None = None
    gpu_memory_bytes: int | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a figure or a word that is none."""
        figures = (self.pid, self.parent, self.cpu_percent, self.memory_bytes, self.elapsed_s)
        words = (self.user, *self.command)
        if not (all(map(math.isfinite, figures)) and all(isinstance(word, str) for word in words)):
            raise ValueError(f"no process: {self!r:.200}")
