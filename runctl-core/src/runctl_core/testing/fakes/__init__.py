"""Clouds for authors' tests: in this process, and over HTTP. Their machines really run commands.

A machine is a folder of this computer. What is started in it has its home there and ends with it; it is
no border of safety: a command may read and write whatever its user may.
"""

from __future__ import annotations

from runctl_core.testing.fakes.catalogue import MachineType
from runctl_core.testing.fakes.clock import CloudClock
from runctl_core.testing.fakes.cloud import FakeCloud
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.http import HttpCloud
from runctl_core.testing.fakes.script import FaultScript

__all__ = ["CloudClock", "CloudError", "FakeCloud", "FaultScript", "HttpCloud", "MachineType"]
