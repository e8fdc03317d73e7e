"""The provider contract: what a plugin implements so that runctl can train on its machines.

Calls block. The engine makes them from daemon threads of its own, each with a time-out, several at
once on one object: a provider keeps no state between calls that a lock does not guard. Every error
that leaves a provider is one of `runctl_core.errors`, with a scope where place matters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import deep_mapping, instance_of

if TYPE_CHECKING:
    from runctl_core.executor import JobExecutor
    from runctl_core.models.resources import LaunchSpec, Offer, Resource, ResourceRequest

API_VERSION = 1
"""The plugin API that this core speaks; a plugin names the one it was made for."""

OLDEST_API = 1
"""The oldest plugin API that still works: the one before `API_VERSION`, once there is one."""

CAPABILITIES: Mapping[str, str] = {
    "spot": "offers machines that may be taken away, at their own price, when the request asks for spot",
    "stop": "stops a machine, which keeps its disks, and starts it again (the class `Stoppable`)",
    "image": "makes a machine from an image that the user names",
    "region": "has more than one region; offers name theirs, and a request may ask for one",
    "processes": "its executor lists the processes of a job",
    "exec": "its executor runs a command beside a job",
}
"""What a provider may lack, by the name that `ProviderInfo.unsupported` takes, and what it is. One that is
not declared absent there is taken to be present, and the author's kit tests it."""


def _makes_something(_: object, __: object, factory: Any) -> None:
    named = isinstance(factory, str) and all(factory.partition(":"))
    if not named and not callable(factory):
        raise TypeError(
            f"factory is neither a function nor a text like mycloud.provider:MyCloud: {factory!r}"
        )


@frozen
class ProviderInfo:
    """What a plugin says of its provider; returned by the hook `runctl_provider`.

    Attributes:
        name: Equal to the entry point's name.
        title: For people, such as `Amazon EC2`.
        factory: Makes the provider from an instance of `settings`. Called when first needed. A text such
            as `mycloud.provider:MyCloud` names it, and its module is imported only then.
        settings: An attrs class whose attributes are the provider's settings; None for none.
        unsupported: Capability → why this provider lacks it, in a sentence. Names are in `CAPABILITIES`.
        api: The plugin API it was made for.
        homepage: Where its documentation is.
    """

    name: str = field(validator=instance_of(str))
    title: str = field(validator=instance_of(str))
    factory: Callable[[Any], TrainingProvider] | str = field(validator=_makes_something)
    settings: type | None = None
    unsupported: Mapping[str, str] = field(
        factory=dict, validator=deep_mapping(instance_of(str), instance_of(str))
    )
    api: int = API_VERSION
    homepage: str = field(default="", validator=instance_of(str))

    def refuse(self, spec: LaunchSpec) -> None:
        """Refuse what a launch asks for and this provider declares absent: the first line of a
        `create_resource`. Raises Unsupported, with the declared reason.
        """
        asked = {"spot": spec.offer.spot, "image": spec.image is not None}
        for capability, reason in self.unsupported.items():
            if asked.get(capability):
                from runctl_core.errors import Unsupported

                raise Unsupported(f"{self.name} has no {capability}", why=reason)


class TrainingProvider(ABC):
    """Gets, lists, reaches and releases the resources that jobs run on."""

    listing_delay_s: float = 0.0
    """How long after its creation a resource may be missing from `list_resources`, in seconds. An
    intent whose outcome is unknown is closed as `nothing was made` only after that time."""

    shares_files: bool = False
    """Whether its machines see the files of this computer, under the same paths. Where they do not, the
    code is copied to them, and the results are copied home."""

    @abstractmethod
    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """What fits `request` now, in any order.

        Called once a launch, and by `runctl offers`. Every filter of the request is honoured; what
        fits but is taken is offered with `available=False`. Nothing is created.

        Raises:
            AuthenticationError, ProviderUnavailable, RateLimited.
        """

    @abstractmethod
    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make what `spec` says, with its tags set in the same call.

        The tracker has stored the intent durably before this is called. It is idempotent by
        `spec.token`: a second call with the token returns the first call's resource. A crash at any
        line leaves either nothing, or a resource that `list_resources` shows with its token.

        Raises:
            CapacityError, QuotaError, InsufficientFunds: Nothing was made; `scope` says how far.
            InvalidRequest: The request is wrong everywhere.
            UnknownOutcome: It may have been made. The caller reconciles by token.
        """

    @abstractmethod
    def get_resource(self, resource_id: str) -> Resource:
        """The resource as it is now.

        Raises:
            ResourceNotFound: The provider does not know it, or lists it as gone.
        """

    @abstractmethod
    def list_resources(self) -> Iterable[Resource]:
        """Everything that exists, whether runctl made it or not. Gone resources may be left out.

        Volumes and snapshots are resources too, of their own `kind`, with what they cost an hour.

        Intents and orphans are settled by it, so it must be whole: a listing that could not be
        completed raises instead of returning a part.
        """

    @abstractmethod
    def terminate_resource(self, resource_id: str) -> None:
        """End and release the resource with everything that runs on it. Idempotent.

        Returns when the provider accepted the request; the caller asks `get_resource` until it is
        gone. A resource that is gone already is no error.
        """

    @abstractmethod
    def executor(self, resource: Resource) -> JobExecutor:
        """How jobs run on `resource`. Cheap: connects when first used, not here."""


class Stoppable(ABC):
    """Can be stopped, which keeps its disks (and their price), and started again."""

    @abstractmethod
    def stop_resource(self, resource_id: str) -> None:
        """Stop it. Idempotent."""

    @abstractmethod
    def start_resource(self, resource_id: str) -> None:
        """Start it again. Idempotent. Raises CapacityError when its place was taken."""
