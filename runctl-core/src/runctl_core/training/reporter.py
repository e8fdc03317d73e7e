"""What the engine tells the outside, as it happens. Every method does nothing until overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runctl_core.models.resources import Offer, Resource
    from runctl_core.models.runs import Run


class Reporter:
    """Watches one run. What a method raises ends the watching, never the run."""

    def state(self, run: Run, detail: str) -> None:
        """The run entered a state; the row is already written."""

    def chosen(self, offer: Offer) -> None:
        """This offer is tried."""

    def passed_over(self, offer: Offer, reason: str) -> None:
        """This offer could not be had, and the next one is tried."""

    def created(self, resource: Resource, deadline: str) -> None:
        """The resource exists; `deadline` says in words how it ends."""

    def syncing(self, files: int, size_bytes: int) -> None:
        """So many files of so many bytes go to the machine; what it has of them already is not sent."""

    def synced(self, done_bytes: int, total_bytes: int) -> None:
        """So many bytes of those that are sent are on their way."""

    def log(self, data: bytes) -> None:
        """Bytes of the script, exact and in order."""

    def setup(self, data: bytes) -> None:
        """Bytes that a set-up program printed."""

    def quiet(self) -> None:
        """Nothing was written since the last look. Called several times a second."""

    def note(self, text: str) -> None:
        """Anything else that a user should know."""
