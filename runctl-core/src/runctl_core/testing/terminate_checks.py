"""Checks of `terminate_resource`: what is ended is gone, twice is no error, and nothing else is ended."""

from __future__ import annotations

from contextlib import suppress

from runctl_core.errors import NotFound, RunctlError
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.driven import Driven
from runctl_core.testing.expect import is_gone, listed, raised, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher


class TerminateChecks(Fixtures):
    """What ending a resource promises."""

    def _end(self, provider: TrainingProvider, resource_id: str) -> None:
        """Terminate, and wait until the provider says that it is gone."""
        provider.terminate_resource(resource_id)
        until(lambda: is_gone(provider, resource_id), expected=f"{resource_id} gone", timeout_s=self.ready_s)

    @check("a terminated machine is gone from the cloud", tests="terminate_resource")
    def test_terminate_ends_the_machine(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Terminates, waits until the provider says that it is gone, and asks the cloud itself."""
        self._end(provider, machine.id)
        left = fake.machine(machine.id)
        if left is not None and not left.gone:
            broken(expected="gone: it costs money as long as it is there", found=left)

    @check("a terminated machine is told as gone by get", tests=("get_resource", "terminate_resource"))
    def test_get_after_terminate_says_gone(self, provider: TrainingProvider, machine: Resource) -> None:
        """Asks for a machine that was terminated: ResourceNotFound, or a state that is gone."""
        self._end(provider, machine.id)
        try:
            told = provider.get_resource(machine.id)
        except NotFound:
            return
        if not told.state.gone:
            broken(expected="ResourceNotFound, or TERMINATED", found=told)

    @check("a terminated machine leaves the list, or stands there as gone", tests="list_resources")
    def test_list_after_terminate_says_gone(self, provider: TrainingProvider, machine: Resource) -> None:
        """Looks for a terminated machine in the list."""
        self._end(provider, machine.id)
        if found := listed(provider, machine.id):
            broken(expected=f"{machine.id} not listed, or TERMINATED", found=found)

    @check("terminating twice is no error", tests="terminate_resource")
    def test_terminating_twice_is_no_error(self, provider: TrainingProvider, machine: Resource) -> None:
        """Terminates a machine twice in a row, and once more when it is gone."""
        provider.terminate_resource(machine.id)
        provider.terminate_resource(machine.id)
        self._end(provider, machine.id)
        provider.terminate_resource(machine.id)

    @check("terminating what vanished is no error", tests="terminate_resource")
    def test_terminating_what_vanished_is_no_error(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Takes a machine away without a trace, and terminates it."""
        fake.vanish(machine.id)
        provider.terminate_resource(machine.id)

    @check("terminating what nobody knows harms nothing", tests="terminate_resource")
    def test_terminating_the_unknown_harms_nothing(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Terminates an id that never was; what is there stays. One of runctl's errors is allowed."""
        with suppress(RunctlError):  # it may say so
            provider.terminate_resource("no-such-machine-0")
        left = fake.machine(machine.id)
        if left is None or left.gone:
            broken(expected=f"{machine.id} is still there", found="it was ended instead")

    @check("only the named machine is ended", tests="terminate_resource")
    def test_terminate_ends_nothing_else(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Terminates one of two machines."""
        one, other = launch(), launch()
        self._end(provider, one.id)
        left = fake.machine(other.id)
        if left is None or left.gone or is_gone(provider, other.id):
            broken(expected=f"{other.id} is still there", found="it is gone with the other")

    @check("a machine that is still starting can be terminated", tests="terminate_resource")
    def test_a_starting_machine_can_be_terminated(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Terminates right after the create."""
        self._end(provider, launch().id)

    @check("a termination that was refused raises, and the machine stays listed", tests="terminate_resource")
    def test_a_refused_termination_raises(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Lets the cloud refuse: whoever asked must learn that it still costs money."""
        fake.inject(Operation.TERMINATE, Fault.REFUSED)
        raised(RunctlError, lambda: provider.terminate_resource(machine.id), when="of a refused termination")
        if listed(provider, machine.id) is None or is_gone(provider, machine.id):
            broken(expected=f"{machine.id} listed: it is still there", found="it is told as gone")

    @check("a termination that failed raises", tests="terminate_resource")
    def test_a_failed_termination_raises(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Lets every try fail at the cloud."""
        fake.inject(Operation.TERMINATE, Fault.SERVER_ERROR, times=20)
        try:
            raised(
                RunctlError, lambda: provider.terminate_resource(machine.id), when="of a failed termination"
            )
        finally:
            fake.clear_faults()

    @check("a termination whose reply was lost can be asked for again", tests="terminate_resource")
    def test_terminate_after_a_lost_reply(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Loses the reply of the first, and terminates again."""
        fake.inject(Operation.TERMINATE, Fault.REPLY_LOST)
        with suppress(RunctlError):  # it may say so, as long as the second works
            provider.terminate_resource(machine.id)
        self._end(provider, machine.id)
