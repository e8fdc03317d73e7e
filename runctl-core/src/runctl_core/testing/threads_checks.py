"""Checks of threads: the core makes many calls at once on one object."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import Driven
from runctl_core.testing.expect import is_gone, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_THREADS = 8
_CALLS = 24

_Answer = TypeVar("_Answer")


def _at_once(call: Callable[[int], _Answer], times: int = _CALLS) -> list[_Answer]:
    """The answers of many calls from several threads; the first error of any is raised."""
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(call, range(times)))


class ThreadsChecks(Fixtures):
    """What holds when several threads call."""

    @check("lists and gets at once give each the whole answer", tests=("list_resources", "get_resource"))
    def test_lists_and_gets_at_once(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Lists and gets two machines from eight threads, and compares every answer."""
        ids = {launch().id, launch().id}
        until(
            lambda: ids <= {r.id for r in provider.list_resources()},
            expected="both listed",
            timeout_s=max(1.0, provider.listing_delay_s),
        )

        def call(number: int) -> set[str]:
            if number % 2:
                return {provider.get_resource(resource_id).id for resource_id in ids}
            return {r.id for r in provider.list_resources()} & ids

        if wrong := [answer for answer in _at_once(call) if answer != ids]:
            broken(expected=f"{sorted(ids)} from every call", found=wrong)

    @check("creates at once make a machine each", tests="create_resource")
    def test_creates_at_once(self, provider: TrainingProvider, launch: Launcher, fake: Driven) -> None:
        """Creates from several threads with tokens of their own: none gets another's machine."""
        specs = [launch.spec() for _ in range(4)]
        made = _at_once(lambda number: provider.create_resource(specs[number]), len(specs))
        for spec, resource in zip(specs, made, strict=True):
            if resource.token != spec.token or len(fake.alive(spec.token)) != 1:
                broken(expected=f"one machine with the token {spec.token}", found=resource)

    @check("terminations of one machine at once are no error", tests="terminate_resource")
    def test_terminations_at_once(self, provider: TrainingProvider, machine: Resource) -> None:
        """Terminates one machine from several threads."""
        _at_once(lambda _: provider.terminate_resource(machine.id), _THREADS)
        until(lambda: is_gone(provider, machine.id), expected="it is gone", timeout_s=self.ready_s)

    @check("a list made while machines come and go is no error", profile="chaos", tests="list_resources")
    def test_lists_while_machines_come_and_go(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Lists from some threads while others create and terminate; the machine that stays is in each."""
        stays = launch()
        until(
            lambda: stays.id in {r.id for r in provider.list_resources()},
            expected="it is listed",
            timeout_s=max(1.0, provider.listing_delay_s),
        )
        specs = [launch.spec() for _ in range(4)]

        def call(number: int) -> bool:
            if number % 4 == 0 and number // 4 < len(specs):
                provider.terminate_resource(provider.create_resource(specs[number // 4]).id)
                return True
            return stays.id in {r.id for r in provider.list_resources()}

        if not all(_at_once(call)):
            broken(expected=f"{stays.id} in every list", found="a list without it")
