"""The core of runctl: contracts, run engine, tracker and command line.

Nothing is imported here, so that `runctl --version` costs no more than Python itself.
Authors of plugins import from `runctl_core.api`.
"""

__version__ = "0.1.0"
