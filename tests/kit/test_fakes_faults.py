"""The fake cloud's scripted faults: what strikes, when, and the same again from the replay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.errors import Unsupported, UsageError
from runctl_core.testing import CloudError, FakeCloud, Fault, Operation
from runctl_core.testing.fakes import FaultScript
from runctl_core.testing.fakes.script import possible

MACHINE = {"type": "cpu-2", "zone": "north-a", "name": "acme"}
TOKEN = {"token": "once"}
POSSIBLE = [(o, f) for o in Operation for f in Fault if possible(o, f)]
CALLS = st.lists(st.sampled_from(list(Operation)), max_size=40)
INJECTIONS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(POSSIBLE), st.integers(1, 3), st.integers(0, 2)), max_size=5
)


@pytest.fixture
def cloud(tmp_path):
    with FakeCloud(tmp_path) as cloud:
        yield cloud


def play(script, calls, injections=()):
    """What strikes a row of calls, with faults injected before some of them."""
    struck = []
    for place, operation in enumerate(calls):
        for when, (other, fault), times, after in injections:
            if when == place:
                script.inject(other, fault, times=times, after=after)
        struck.append((operation, *script.next(operation)))
    return struck


@given(st.integers(-5, 1 << 40), st.sampled_from(POSSIBLE), st.integers(0, 100), CALLS, INJECTIONS)
def test_every_run_of_faults_is_replayed_from_its_text(seed, pair, percent, calls, injections):
    rule = f"{pair[0]}:{pair[1]}@{percent}%,list:server_error@1-3"
    script = FaultScript(rule, seed=seed)
    struck = play(script, calls, injections)
    assert play(FaultScript(script.replay), calls) == struck, f"{script.replay} strikes other calls"


def test_a_whole_cloud_is_replayed_from_its_text(tmp_path):
    def run(folder, faults, *, injected):
        with FakeCloud(tmp_path / folder, seed=7, faults=faults) as cloud:
            if injected:
                cloud.inject(Operation.CREATE, Fault.REPLY_LOST, after=1)
            for number in range(30):
                try:
                    cloud.create(**MACHINE, token=str(number))
                    cloud.list()
                except (CloudError, OSError, ValueError):
                    continue
            return cloud.struck, cloud.replay

    struck, replay = run("first", "list:reset@20%,create:rate_limit@10%", injected=True)
    assert replay.startswith("seed 7, faults create:reply_lost@2,")
    assert len(struck) > 3
    assert run("second", replay, injected=False) == (struck, replay)


@pytest.mark.parametrize(
    "text", ["create", "create:boom@1", "make:reset@1", "list:reset@0", "list:reset@3-2", "list:quota@1",
             "list:reset@101%", "list:reset@1 list:reset@2"]
)  # fmt: skip
def test_a_script_that_says_no_faults_is_refused(text):
    with pytest.raises(UsageError):
        FaultScript(text)


@pytest.mark.parametrize("fault", [f for f in Fault if possible(Operation.CREATE, f)])
def test_only_lost_and_garbled_replies_have_made_a_machine(cloud, fault):
    cloud.inject(Operation.CREATE, fault)
    with pytest.raises((CloudError, OSError, ValueError)) as raised:
        cloud.create(**MACHINE, **TOKEN)
    made = fault in (Fault.REPLY_LOST, Fault.GARBLED)
    assert len(cloud.machines()) == made
    assert cloud.pending_faults() == 0
    assert isinstance(raised.value, CloudError) != (made or fault is Fault.RESET)
    assert cloud.create(**MACHINE, **TOKEN)["id"] == cloud.machines()[0].id


def test_a_rate_limit_names_its_time_and_a_silent_one_none(cloud):
    cloud.inject(Operation.LIST, Fault.RATE_LIMIT)
    cloud.inject(Operation.LIST, Fault.RATE_LIMIT_SILENT)
    said = []
    for _ in range(2):
        with pytest.raises(CloudError) as raised:
            cloud.list()
        said.append((raised.value.code, raised.value.retry_after_s))
    assert said == [("rate_limit", 1.0), ("rate_limit", None)]


def test_what_no_cloud_answers_cannot_be_injected(cloud):
    with pytest.raises(Unsupported):
        cloud.inject(Operation.LIST, Fault.NO_CAPACITY)


def test_faults_are_taken_back(cloud):
    cloud.inject(Operation.LIST, Fault.RESET, times=3)
    with pytest.raises(ConnectionResetError):
        cloud.list()
    cloud.clear_faults()
    assert cloud.pending_faults() == 0
    assert cloud.list() == []
    assert cloud.replay == "seed 0, faults list:reset@1"
