"""What the user says of a resource: never delete it, never report it, count it as mine."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen


class Mark(StrEnum):
    """What can be said of a resource."""

    PROTECTED = "protected"
    IGNORED = "ignored"
    ADOPTED = "adopted"


@frozen
class Marked:
    """One mark on one resource.

    Attributes:
        provider: The resource's provider.
        resource_id: Its id there.
        mark: Which one.
        why: The user's reason; may be empty.
        by: Who set it.
        at: When.
    """

    provider: str
    resource_id: str
    mark: Mark
    why: str
    by: str
    at: datetime
