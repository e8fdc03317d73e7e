"""The fake cloud's books: what it lists, at which state and price, whatever is done in whatever order."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from runctl_core.testing import CloudError, FakeCloud
from runctl_core.testing.fakes import CloudClock

START = datetime(2026, 11, 24, tzinfo=UTC)
MACHINE = {"type": "cpu-2", "zone": "north-a", "name": "acme"}
TOKEN = {"token": "t"}


@pytest.fixture
def cloud(tmp_path):
    with FakeCloud(tmp_path, clock=CloudClock(START), boot_s=10, end_s=5) as cloud:
        yield cloud


def code_of(call):
    with pytest.raises(CloudError) as raised:
        call()
    return raised.value.code


def test_a_machine_goes_through_its_states_as_time_passes(cloud):
    made = cloud.create(**MACHINE)["id"]
    seen = [cloud.get(made)["state"]]
    for act, seconds in ((None, 10), (cloud.stop, 0), (None, 5), (cloud.start, 0), (None, 10),
                         (cloud.terminate, 0), (None, 5)):  # fmt: skip
        if act:
            act(made)
        cloud.advance(seconds)
        seen.append(cloud.get(made)["state"])
    assert seen == [
        "pending",
        "running",
        "stopping",
        "stopped",
        "pending",
        "running",
        "terminating",
        "terminated",
    ]
    cloud.advance(3601)
    assert code_of(lambda: cloud.get(made)) == "not_found"


def test_a_token_makes_one_machine_even_when_that_is_gone(cloud):
    first = cloud.create(**MACHINE, **TOKEN)
    cloud.vanish(first["id"])
    assert cloud.create(**MACHINE, **TOKEN)["id"] == first["id"]
    assert len(cloud.machines()) == 1


def test_a_list_lags_and_a_get_does_not(tmp_path):
    with FakeCloud(tmp_path, listing_lag_s=30, clock=CloudClock(START)) as cloud:
        made = cloud.create(**MACHINE)["id"]
        cloud.advance(29)
        assert cloud.list() == []
        assert cloud.get(made)["id"] == made
        cloud.advance(1)
        assert [row["id"] for row in cloud.list()] == [made]


def test_prices_are_text_or_unknown_and_follow_the_state(cloud):
    prices = {(row["type"], row["region"], row["spot"]): row["price"] for row in cloud.offers()}
    assert prices["h100-1", "north", False] == "2.9000"
    assert prices["h100-1", "south", True] == "1.3920"
    assert prices["b200-1", "north", False] is None
    made = cloud.create(type="h100-1", zone="south-a", name="acme", spot=True)["id"]
    assert cloud.get(made)["price"] == "1.3920"
    cloud.advance(10)
    cloud.stop(made)
    cloud.advance(5)
    assert cloud.get(made)["price"] == "0.0100", "a stopped machine's disk costs"


def test_full_zones_quotas_and_wrong_requests_are_refused(cloud):
    assert code_of(lambda: cloud.create(type="h100-8", zone="north-a", name="x")) == "no_capacity"
    assert code_of(lambda: cloud.create(type="cpu-8", zone="north-a", name="x", spot=True)) == "invalid"
    cloud.fill("north-a")
    assert code_of(lambda: cloud.create(**MACHINE)) == "no_capacity"
    cloud.fill("north-a", full=False)
    cloud.quota = 1
    cloud.create(**MACHINE)
    assert code_of(lambda: cloud.create(**MACHINE)) == "quota"
    assert len(cloud.machines()) == 1


def test_a_protected_machine_is_not_terminated(cloud):
    made = cloud.create(**MACHINE)["id"]
    cloud.protect(made)
    assert code_of(lambda: cloud.terminate(made)) == "refused"
    cloud.protect(made, protected=False)
    cloud.terminate(made)
    cloud.terminate(made)
    assert cloud.get(made)["state"] == "terminating"


def test_a_preempted_machine_has_its_notice_and_then_is_gone(cloud):
    made = cloud.create(**MACHINE, spot=True)["id"]
    cloud.advance(10)
    cloud.preempt(made, notice_s=120)
    row = cloud.get(made)
    assert (row["state"], row["reclaim_at"]) == ("running", (START + timedelta(seconds=130)).isoformat())
    cloud.advance(120)
    row = cloud.get(made)
    assert (row["state"], row["ended_by"]) == ("terminated", "reclaimed")


def test_a_machine_ends_at_the_moment_that_was_asked_for(cloud):
    made = cloud.create(**MACHINE, delete_at=START + timedelta(hours=1))["id"]
    cloud.advance(3599)
    assert cloud.get(made)["state"] == "running"
    cloud.advance(1)
    assert cloud.get(made)["ended_by"] == "expired"


def test_a_vanished_machine_was_never_there(cloud):
    made = cloud.create(**MACHINE)["id"]
    cloud.vanish(made)
    assert cloud.list() == []
    assert code_of(lambda: cloud.get(made)) == "not_found"
    assert [machine.gone for machine in cloud.machines()] == [True]


def test_a_skewed_clock_shows_in_the_moments_of_making(cloud):
    cloud.skew_clock(-300)
    row = cloud.create(**MACHINE)
    assert datetime.fromisoformat(row["created_at"]) == START - timedelta(seconds=300)


class Books(RuleBasedStateMachine):
    """Any order of calls: the cloud's list is what was made and is not gone, each once, never coming back."""

    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.cloud = FakeCloud(self.folder.name, clock=CloudClock(START), boot_s=10, end_s=5)
        self.tokens, self.ended = {}, set()

    @rule(target=ids, token=st.integers(0, 8).map(str))
    def create(self, token):
        made = self.cloud.create(**MACHINE, token=token)["id"]
        assert self.tokens.setdefault(token, made) == made, "one token made two machines"
        return made

    @rule(made=ids, act=st.sampled_from(["terminate", "stop", "start", "vanish", "preempt", "fail"]))
    def act(self, made, act):
        try:
            getattr(self.cloud, act)(made)
        except CloudError as error:
            assert error.code in ("not_found", "bad_state")

    @rule(seconds=st.sampled_from([1, 5, 10, 4000]))
    def advance(self, seconds):
        self.cloud.advance(seconds)

    @invariant()
    def books_are_right(self):
        machines = {machine.id: machine for machine in self.cloud.machines()}
        assert len(machines) == len(set(self.tokens.values()))
        listed = [row["id"] for row in self.cloud.list()]
        assert len(listed) == len(set(listed))
        assert {i for i, machine in machines.items() if not machine.gone} <= set(listed)
        gone = {i for i, machine in machines.items() if machine.gone}
        assert self.ended <= gone, "a machine came back from its end"
        self.ended = gone

    def teardown(self):
        self.cloud.close()
        self.folder.cleanup()


Books.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestBooks = Books.TestCase
