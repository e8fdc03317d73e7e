"""What this provider promises beside the contract: slots, machines that are away, GPUs of one's own."""

import subprocess
import sys
import threading
import uuid

import pytest
from runctl_ssh.plugin import Settings, problem
from runctl_ssh.provider import SSH

from runctl_core.api import (
    AuthenticationError,
    CapacityError,
    Job,
    LaunchSpec,
    ProviderUnavailable,
    ResourceRequest,
)


def settings(*there, **more):
    """The settings of a user who has these machines; they have one key file, the first one's."""
    return Settings(**{"hosts": [one.host for one in there], **way(there[0]), **more})


def way(one):
    """How a machine is reached."""
    return {"key_file": one.key_file, "known_hosts": one.known_hosts}


def spec(offer):
    """A launch of its own."""
    token = str(uuid.uuid4())
    return LaunchSpec(token, "run", offer, {"runctl:token": token, "runctl:run": "calm-heron-27"})


@pytest.fixture
def one(gpus):
    """The machine with GPUs, all free again afterwards."""
    yield gpus
    gpus.clear()


def test_two_laptops_never_take_one_slot(one):
    laptops = [SSH(settings(one)) for _ in range(2)]
    (offer,) = laptops[0].offers(ResourceRequest())
    taken, full = [], []

    def take(laptop):
        for _ in range(5):
            try:
                taken.append(laptop.create_resource(spec(offer)).id)
            except CapacityError as error:
                full.append(error)

    threads = [threading.Thread(target=take, args=[laptop]) for laptop in laptops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slot[0] for slot in taken) == list("01234567"), "two runs have one GPU"
    assert len(full) == 2, "ten runs on eight GPUs"
    assert [offer.available for offer in laptops[0].offers(ResourceRequest())] == [False]


def test_a_machine_that_is_away_makes_the_list_raise_and_is_named(one):
    provider = SSH(settings(one, hosts=[one.host, "127.0.0.1:1"]))
    with pytest.raises(ProviderUnavailable, match=r"127\.0\.0\.1:1"):
        list(provider.list_resources())


def test_a_key_that_is_not_accepted_is_told_with_what_mends_it(one, plain):
    provider = SSH(settings(one, key_file=plain.key_file))
    with pytest.raises(AuthenticationError) as caught:
        provider.offers(ResourceRequest())
    assert caught.value.fix


def test_a_machine_without_a_gpu_is_one_slot(plain):
    provider = SSH(settings(plain))
    (offer,) = provider.offers(ResourceRequest())
    assert (offer.gpu, offer.gpu_count, offer.price.hourly_usd) == (None, 0, None)
    made = provider.create_resource(spec(offer))
    with pytest.raises(CapacityError):
        provider.create_resource(spec(offer))
    provider.terminate_resource(made.id)
    assert provider.list_resources() == []
    plain.clear()


def test_gpus_of_the_settings_are_not_asked_for(plain):
    provider = SSH(settings(plain, hosts=[f"{plain.host}=H100:2"]))
    (offer,) = provider.offers(ResourceRequest(gpu="h100"))
    assert [provider.create_resource(spec(offer)).id[0] for _ in range(2)] == ["0", "1"]
    plain.clear()


def test_a_job_sees_its_own_gpu_alone(one, tmp_path):
    provider = SSH(settings(one))
    (offer,) = provider.offers(ResourceRequest())
    provider.create_resource(spec(offer))
    second = provider.create_resource(spec(offer))
    executor = provider.executor(second)
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    job = Job("calm-heron-27-1", ("python3", "-c", code), str(one.slots), env={"CUDA_VISIBLE_DEVICES": "0"})
    handle = executor.start(job)
    while not executor.status(handle).phase.over:
        threading.Event().wait(0.05)
    assert executor.logs(handle, 0) == b"1\n", "two runs compute on one GPU"


@pytest.mark.parametrize("entry", ["gpu1", "me@gpu2:2222", "gpu1=H100", "me@gpu-3.lab:22=RTX 4090:2"])
def test_a_machine_is_named_as_the_readme_says(entry):
    assert problem([entry]) == ""


@pytest.mark.parametrize("entry", ["", "a b", "gpu1:ssh", "gpu1=", "@gpu1", "gpu1=H100:two"])
def test_what_names_no_machine_is_refused(entry):
    assert "is not like" in problem([entry])


def test_the_plugin_is_light():
    code = "import sys, runctl_ssh.plugin; print([m for m in sys.modules if m in ('asyncssh', 'asyncio')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "[]\n", "runctl --help would wait for it"
