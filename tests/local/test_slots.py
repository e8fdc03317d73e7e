"""Slots: made whole or not at all, each GPU in one of them, and never lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from homes import Home, wait_for
from runctl_core import runner_executor
from runctl_core.api import CapacityError, ResourceNotFound, ResourceState, StateError
from runctl_local import provider as provider_module

from .conftest import H100, RTX, SECOND_H100, Driver, Local, spec

CREATE = """
import sys
from runctl_core.api import CapacityError, ResourceRequest
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings
from runctl_core.api import LaunchSpec
home, program, token, offer = sys.argv[1:]
provider = LocalProvider(Settings(home, program))
(offer,) = provider.offers(ResourceRequest(instance_type=offer))
print("ready", flush=True)
sys.stdin.read()
try:
    made = provider.create_resource(LaunchSpec(token, "n", offer, {"runctl:token": token}))
    print(made.id)
except CapacityError:
    print("taken")
"""


def _creators(local: Local, driver: Driver, tokens: list[str], offer: str) -> list[str]:
    """What as many processes say that create at the same moment."""
    command = [sys.executable, "-c", CREATE, str(local.home), driver.program]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([*command, token, offer], **pipes) for token in tokens]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.close()
    return [process.stdout.read().strip() for process in started if process.wait() == 0]


def _gpus_of(local: Local, slot_id: str) -> list[str]:
    return json.loads((local.slot_path(slot_id) / "slot.json").read_text())["gpus"]


def test_a_resource_is_what_was_asked_for(local: Local, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    made = local.create_resource(spec(local.offer("h100x2")))
    assert made == local.get_resource(made.id)
    assert (made.instance_type, made.gpu, made.gpu_count) == ("h100x2", "H100", 2)
    assert (made.managed, made.run_id, made.token) == (True, "otter", "t-1")
    assert (made.price.hourly_usd, made.price.source) == (0, "local")
    assert made.state is ResourceState.RUNNING


def test_a_token_makes_one_slot_whoever_asks_again(local: Local, driver: Driver) -> None:
    said = _creators(local, driver, ["t-1"] * 5, "cpu")
    assert len(said) == 5
    assert set(said) == set(local.slot_ids())
    assert len(set(said)) == 1


def test_of_twenty_at_once_each_gpu_goes_to_one(local: Local, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100, ("GPU-d", H100[1], H100[2]), RTX)
    said = _creators(local, driver, [f"t-{number}" for number in range(20)], "h100x1")
    assert said.count("taken") == 17
    owned = [gpu for slot_id in local.slot_ids() for gpu in _gpus_of(local, slot_id)]
    assert sorted(owned) == ["GPU-a", "GPU-b", "GPU-d"]
    assert local.names(free=True) == ["cpu", "rtx-4090x1"]


def test_what_is_taken_is_refused_and_makes_nothing(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    offer = local.offer("h100x1")
    local.create_resource(spec(offer))
    with pytest.raises(CapacityError) as caught:
        local.create_resource(spec(offer, "t-2"))
    assert caught.value.fix
    assert len(local.slot_ids()) == 1


def test_a_gpu_is_free_again_when_its_slot_goes(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    assert not local.offer("h100x1").available
    local.terminate_resource(made.id)
    assert local.offer("h100x1").available


def test_a_gpu_is_free_again_when_its_job_is_over(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    executor = local.executor(made)
    executor.start(local.job("input()"))
    wait_for(lambda: executor.status("otter-1").phase.over)
    assert local.offer("h100x1").available
    assert local.get_resource(made.id).note == "its job is over"


def test_a_gpu_of_a_running_job_stays_its_own_when_nothing_computes_yet(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    local.executor(made).start(local.job("import time; time.sleep(60)"))
    _make_older(local, made.id)
    assert not local.offer("h100x1").available
    assert local.get_resource(made.id).state is ResourceState.RUNNING


def _make_older(local: Local, slot_id: str, **changed: str) -> None:
    path = local.slot_path(slot_id) / "slot.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "created_at": "2020-01-01T00:00:00+00:00", **changed}))


def test_a_gpu_is_free_again_when_its_creator_died_before_a_job(
    local: Local, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.shows(H100)
    (slot_id,) = _creators(local, driver, ["t-1"], "h100x1")
    assert not local.offer("h100x1").available, "the job may be starting this very moment"
    monkeypatch.setattr(provider_module, "YOUNG", timedelta(0))
    assert local.offer("h100x1").available
    assert local.slot_ids() == [slot_id], "it is listed until somebody releases it"


def test_a_slow_creator_that_lives_keeps_its_gpu(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    _make_older(local, made.id)
    assert not local.offer("h100x1").available


def test_another_process_with_the_creators_pid_keeps_nothing(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    _make_older(local, made.id, creator=f"{os.getpid()}-1")
    assert local.offer("h100x1").available


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe", None])
def test_a_damaged_slot_is_unknown_and_never_lost(local: Local, damage: bytes | None) -> None:
    made = local.create_resource(spec(local.offer()))
    _damage(local.slot_path(made.id), damage)
    (listed,) = [found for found in local.list_resources() if found.kind != "process"]
    assert (listed.id, listed.state, listed.managed) == (made.id, ResourceState.UNKNOWN, True)
    assert str(local.slot_path(made.id)) in listed.note
    assert local.get_resource(made.id) == listed
    local.terminate_resource(made.id)
    assert local.slot_ids() == []


def _damage(slot: Path, content: bytes | None) -> None:
    if content is None:
        (slot / "slot.json").unlink()
    else:
        (slot / "slot.json").write_bytes(content)


def test_no_gpu_is_given_away_while_a_damaged_slot_may_own_it(local: Local, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    offer = local.offer("h100x1")
    made = local.create_resource(spec(offer))
    _damage(local.slot_path(made.id), b"")
    assert local.names(free=True) == ["cpu"]
    with pytest.raises(CapacityError) as caught:
        local.create_resource(spec(offer, "t-2"))
    assert str(local.slot_path(made.id)) in caught.value.why
    local.terminate_resource(made.id)
    assert local.names(free=True) == ["cpu", "h100x1", "h100x2"]


def test_a_damaged_slot_whose_job_is_over_holds_nothing(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    executor = local.executor(made)
    executor.start(local.job("pass"))
    wait_for(lambda: executor.status("otter-1").phase.over)
    _damage(local.slot_path(made.id), b"")
    assert local.offer("h100x1").available


def test_a_slot_whose_job_tells_nothing_keeps_its_gpu(
    local: Local, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_executor, "STALE_S", 0.3)
    driver.shows(H100)
    made = local.create_resource(spec(local.offer("h100x1")))
    local.executor(made).start(local.job("import time; time.sleep(60)"))
    state = local.slot_path(made.id) / "jobs" / "otter-1" / "state.json"
    runner = json.loads(state.read_text())["runner_pid"]
    os.kill(runner, signal.SIGSTOP)
    written = state.read_text()
    try:
        state.write_text("damaged")
        assert not local.offer("h100x1").available
        assert made.id in local.slot_ids(), "one unreadable job hides every slot"
    finally:
        state.write_text(written)
        os.kill(runner, signal.SIGCONT)


def test_what_is_not_there_is_not_found(local: Local) -> None:
    for name in ("local-0123456789ab", "pid-1-0", "../../etc", "nonsense"):
        with pytest.raises(ResourceNotFound):
            local.get_resource(name)
    gone = local.create_resource(spec(local.offer()))
    local.terminate_resource(gone.id)
    with pytest.raises(ResourceNotFound):
        local.get_resource(gone.id)
    with pytest.raises(ResourceNotFound):
        local.executor(gone)


def test_a_directory_that_cannot_be_read_is_an_error_and_not_an_empty_list(local: Local) -> None:
    local.home.mkdir()
    (local.home / "slots").write_text("a file in its place")
    with pytest.raises(StateError):
        list(local.list_resources())
    with pytest.raises(StateError):
        local.create_resource(spec(local.offer()))
    (local.home / "slots").unlink()


def test_what_others_put_beside_the_slots_is_left_alone(local: Local) -> None:
    made = local.create_resource(spec(local.offer()))
    (local.home / "slots" / "notes.txt").write_text("mine")
    assert local.slot_ids() == [made.id]
    local.terminate_resource("notes.txt")
    assert (local.home / "slots" / "notes.txt").read_text() == "mine"


def test_what_an_hour_costs_here_is_a_setting_and_the_books_follow_it(home: Home) -> None:
    home.write("s.py", "print(1)")
    home.env["RUNCTL_LOCAL_HOURLY_USD"] = "3600"
    assert home.json("offers")[0]["hourly_usd"] == "3600"
    assert home.runctl("train", "s.py").returncode == 0
    assert float(home.json("cost")["cost_usd"]) > 0
    home.env["RUNCTL_LOCAL_HOURLY_USD"] = "-1"
    assert home.runctl("offers", "--provider", "local").returncode == 102
