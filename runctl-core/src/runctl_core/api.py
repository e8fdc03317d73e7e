"""The public face of runctl for authors of plugins. What is not listed here may change any day."""

from __future__ import annotations

from runctl_core.__main__ import main as run_command
from runctl_core.__main__ import provider_main as run_provider_command
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    ConfigError,
    InsufficientFunds,
    InvalidRequest,
    NotFound,
    PriceLimitError,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    ResourceNotFound,
    RunctlError,
    Scope,
    SetupError,
    StateError,
    UnknownOutcome,
    Unsupported,
)
from runctl_core.executor import JobExecutor, LogName
from runctl_core.hookspecs import hookimpl
from runctl_core.models.checks import Check, Verdict
from runctl_core.models.jobs import EndedBy, Job, JobPhase, JobStatus, Usage
from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.processes import Process
from runctl_core.models.resources import (
    LaunchSpec,
    Offer,
    Resource,
    ResourceRequest,
    ResourceState,
    gpu_name,
)
from runctl_core.paths import state_dir
from runctl_core.provider import API_VERSION, ProviderInfo, Stoppable, TrainingProvider
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.settings import setting
from runctl_core.stores import Store, StoredFile
from runctl_core.transport import Completed, Transport
from runctl_core.transport.local import LocalTransport

_LATER = {
    "Answer": "rest",
    "Format": "models.checkpoints",
    "Look": "models.checkpoints",
    "MachineKey": "transport.keys",
    "RestClient": "rest",
    "SSHTransport": "transport.ssh",
    "Selection": "sync",
    "TensorTotals": "models.checkpoints",
    "machine_key": "transport.keys",
}
"""What only some plugins need, and where it is: imported when it is named, so that no other waits for it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runctl_core.models.checkpoints import Format, Look, TensorTotals
    from runctl_core.rest import Answer, RestClient
    from runctl_core.sync import Selection
    from runctl_core.transport.keys import MachineKey, machine_key
    from runctl_core.transport.ssh import SSHTransport
else:

    def __getattr__(name: str) -> object:
        """What `_LATER` names."""
        if name not in _LATER:
            raise AttributeError(f"runctl_core.api has no {name}")
        from importlib import import_module

        return getattr(import_module(f"runctl_core.{_LATER[name]}"), name)


__all__ = [
    "API_VERSION",
    "UNKNOWN_PRICE",
    "Answer",
    "AuthenticationError",
    "CapacityError",
    "Check",
    "Completed",
    "ConfigError",
    "EndedBy",
    "Format",
    "InsufficientFunds",
    "InvalidRequest",
    "Job",
    "JobExecutor",
    "JobPhase",
    "JobStatus",
    "LaunchSpec",
    "LocalTransport",
    "LogName",
    "Look",
    "MachineKey",
    "NotFound",
    "Offer",
    "Price",
    "PriceLimitError",
    "Process",
    "ProviderInfo",
    "ProviderUnavailable",
    "QuotaError",
    "RateLimited",
    "Resource",
    "ResourceNotFound",
    "ResourceRequest",
    "ResourceState",
    "RestClient",
    "RunctlError",
    "RunnerExecutor",
    "SSHTransport",
    "Scope",
    "Selection",
    "SetupError",
    "StateError",
    "Stoppable",
    "Store",
    "StoredFile",
    "TensorTotals",
    "TrainingProvider",
    "Transport",
    "UnknownOutcome",
    "Unsupported",
    "Usage",
    "Verdict",
    "gpu_name",
    "hookimpl",
    "machine_key",
    "run_command",
    "run_provider_command",
    "setting",
    "state_dir",
]
