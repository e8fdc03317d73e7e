"""The GPUs of this computer: found by the driver's own words, and never guessed."""

from __future__ import annotations

import os

import pytest

from runctl_core.api import ProviderUnavailable, ResourceRequest
from runctl_local import gpus

from .conftest import H100, RTX, SECOND_H100, Driver, Local, spec

BROKEN = {
    "fails": "#!/bin/sh\necho NVIDIA-SMI has failed because it could not talk to the driver; exit 9\n",
    "hangs": "#!/bin/sh\nexec sleep 60\n",
    "prints other things": "#!/bin/sh\necho hello\n",
    "prints bytes": "#!/bin/sh\nprintf '\\377\\376\\001'\n",
    "is not a program": "nothing that runs",
}


def test_cpu_is_offered_without_any_driver(local: Local, driver: Driver) -> None:
    os.unlink(driver.program)
    (offer,) = local.offers(ResourceRequest())
    assert (offer.name, offer.gpu, offer.available) == ("cpu", None, True)
    assert offer.vcpus == len(os.sched_getaffinity(0))
    assert offer.memory_bytes > 1 << 28


def test_each_kind_is_offered_in_each_number_that_is_here(local: Local, driver: Driver) -> None:
    driver.shows(H100, RTX, SECOND_H100)
    assert local.names() == ["cpu", "h100x1", "h100x2", "rtx-4090x1"]
    two = local.offer("h100x2")
    assert (two.gpu, two.gpu_count, two.gpu_memory_bytes) == ("H100", 2, 81559 << 20)


def test_every_offer_costs_nothing_and_says_who_knows(local: Local, driver: Driver) -> None:
    driver.shows(H100)
    for offer in local.offers(ResourceRequest()):
        assert offer.price.known
        assert (offer.price.hourly_usd, offer.price.source) == (0, "local")


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (ResourceRequest(gpu="h100", gpu_count=1), ["h100x1", "h100x2"]),
        (ResourceRequest(gpu="H100", gpu_count=2), ["h100x2"]),
        (ResourceRequest(gpu="H100", gpu_count=3), []),
        (ResourceRequest(gpu="A100", gpu_count=1), []),
        (ResourceRequest(instance_type="cpu"), ["cpu"]),
        (ResourceRequest(spot=True), []),
        (ResourceRequest(region="eu"), []),
        (ResourceRequest(vcpus=100_000), []),
        (ResourceRequest(memory_bytes=1 << 60), []),
    ],
)
def test_every_filter_of_a_request_is_honoured(
    local: Local, driver: Driver, request_: ResourceRequest, names: list[str]
) -> None:
    driver.shows(H100, SECOND_H100, RTX)
    assert [offer.name for offer in local.offers(request_)] == names


def test_a_gpu_on_which_somebody_computes_is_busy(local: Local, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    driver.computes((1, "GPU-a"))
    assert local.names(free=False) == ["h100x2"]
    assert local.offer("h100x2").note == "1 of 2 free"


def test_a_process_that_computes_on_two_gpus_makes_both_busy(local: Local, driver: Driver) -> None:
    driver.shows(H100, SECOND_H100)
    driver.computes((1, "GPU-a"), (1, "GPU-b"))
    assert local.names(free=True) == ["cpu"]


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_driver_is_named_and_cpu_is_still_offered(
    local: Local, driver: Driver, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(gpus, "TIMEOUT_S", 0.3)
    driver.says(BROKEN[how])
    (offer,) = local.offers(ResourceRequest())
    assert offer.name == "cpu"
    assert "nvidia-smi does not tell" in offer.note


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize(
    "wanted", [ResourceRequest(gpu="H100", gpu_count=1), ResourceRequest(instance_type="h100x1")]
)
def test_a_gpu_that_nobody_can_tell_of_is_an_error_and_not_an_empty_list(
    local: Local, driver: Driver, monkeypatch: pytest.MonkeyPatch, how: str, wanted: ResourceRequest
) -> None:
    monkeypatch.setattr(gpus, "TIMEOUT_S", 0.3)
    driver.says(BROKEN[how])
    with pytest.raises(ProviderUnavailable) as caught:
        list(local.offers(wanted))
    assert caught.value.why
    assert caught.value.fix


def test_a_broken_driver_does_not_hide_slots(local: Local, driver: Driver) -> None:
    slot = local.create_resource(spec(local.offer()))
    driver.says(BROKEN["fails"])
    assert local.slot_ids() == [slot.id]
    local.terminate_resource(slot.id)
    assert local.slot_ids() == []


def test_a_driver_without_a_gpu_is_not_broken(local: Local, driver: Driver) -> None:
    driver.says("#!/bin/sh\necho 'No devices were found'; exit 6\n")
    (offer,) = local.offers(ResourceRequest())
    assert offer.note == ""


def test_memory_that_the_driver_does_not_tell_is_unknown_and_no_error(local: Local, driver: Driver) -> None:
    driver.shows(("GPU-d", "NVIDIA GB10", "[N/A]"))
    assert local.offer("gb10x1").gpu_memory_bytes == 0
