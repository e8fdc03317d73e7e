"""Files from one place to another: parallel, gone on with after a kill, verified, whole or not at all.

`items.py` says which names are safe, `routes.py` from where to where, `plan.py` decides for each file,
`carry.py` is the act; sources and targets are folders of this computer or places in stores.
"""

from __future__ import annotations

from runctl_core.transfer.carry import Prepared, carry, prepare
from runctl_core.transfer.local_target import LocalTarget
from runctl_core.transfer.plan import Act, Step
from runctl_core.transfer.routes import Route, Where, routes
from runctl_core.transfer.sources import Files
from runctl_core.transfer.work import Workers

__all__ = [
    "Act",
    "Files",
    "LocalTarget",
    "Prepared",
    "Route",
    "Step",
    "Where",
    "Workers",
    "carry",
    "prepare",
    "routes",
]
