"""What `nvidia-smi` says of a job's GPUs, asked beside the job."""

from __future__ import annotations

import os
import time

import pytest

from runctl_core.runner import gpus

MIB = 1 << 20
WHOLE = {
    "gpu_percent": 50.0,
    "gpu_memory_bytes": 1000 * MIB,
    "gpu_memory_total_bytes": 24000 * MIB,
    "gpu_temperature_c": 61.0,
    "gpu_power_w": 140.5,
}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of that name first on the path."""

    def install(body):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{body}\n")
        (folder / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


def without(*names):
    return {name: value for name, value in WHOLE.items() if name not in names}


@pytest.mark.parametrize(
    ("answer", "figures"),
    [
        ("50, 1000, 24000, 61, 140.50\n", WHOLE),
        ("[N/A], 1000, 24000, 61, 140.50\n", without("gpu_percent")),
        ("50, 1000, 24000, [Not Supported], [N/A]\n", without("gpu_temperature_c", "gpu_power_w")),
        ("50, 1000\n", without("gpu_memory_total_bytes", "gpu_temperature_c", "gpu_power_w")),
        ("nan, inf, -1, 61, 140.5\n", without("gpu_percent", "gpu_memory_bytes", "gpu_memory_total_bytes")),
        ("NVIDIA-SMI has failed because it couldn't communicate, or so\n", {}),
        ("\n", {}),
        ("", {}),
    ],
)
def test_what_one_gpu_does_not_tell_is_left_out(answer, figures):
    assert gpus.parse(answer) == figures


def test_several_gpus_are_averaged_summed_or_judged_by_the_hottest():
    answer = "50, 1000, 24000, 61, 140.5\n100, 24, 16000, 83, 59.5\n"
    assert gpus.parse(answer) == {
        "gpu_percent": 75.0,
        "gpu_memory_bytes": 1024 * MIB,
        "gpu_memory_total_bytes": 40000 * MIB,
        "gpu_temperature_c": 83.0,
        "gpu_power_w": 200.0,
    }


def test_a_sum_that_one_gpu_does_not_tell_is_unknown_and_not_too_small():
    assert gpus.parse("50, [N/A], 24000, 61, [N/A]\n100, 24, 16000, [N/A], 59.5\n") == {
        "gpu_percent": 75.0,
        "gpu_memory_total_bytes": 40000 * MIB,
        "gpu_temperature_c": 61.0,
    }


def asked_gpu(jobs):
    deadline = time.monotonic() + 15
    while not any(u.gpu_percent is not None for u in jobs.executor.usage("otter-1")):
        assert time.monotonic() < deadline, "the GPU was never asked"
        time.sleep(0.1)
    return jobs.executor.usage("otter-1")[-1]


def test_gpus_are_asked_beside_the_job(jobs, nvidia_smi):
    nvidia_smi('echo "37, 2048, 24576, 66, 250.25"')
    jobs.start("import time; time.sleep(60)", env={"CUDA_VISIBLE_DEVICES": "1"})
    sample = asked_gpu(jobs)
    assert (sample.gpu_percent, sample.gpu_memory_bytes) == (37.0, 2048 * MIB)
    assert (sample.gpu_memory_total_bytes, sample.gpu_temperature_c) == (24576 * MIB, 66.0)
    assert sample.gpu_power_w == pytest.approx(250.2, abs=0.06)
    assert sample.processes == 1, "our own question was counted as the job's process"


@pytest.mark.parametrize(("visible", "asked"), [({"CUDA_VISIBLE_DEVICES": "2"}, "--id=2"), ({}, "nounits")])
def test_only_the_gpus_that_the_job_sees_are_asked(jobs, nvidia_smi, tmp_path, monkeypatch, visible, asked):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvidia_smi(f'echo "$@" > {tmp_path}/asked; echo "1, 1, 1, 1, 1"')
    jobs.start("import time; time.sleep(60)", env=visible)
    asked_gpu(jobs)
    assert (tmp_path / "asked").read_text().strip().endswith(asked)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_job_that_sees_no_gpu_has_none_asked(tmp_path, nvidia_smi, hidden):
    nvidia_smi("true")
    probe = gpus.GpuProbe({**os.environ, "CUDA_VISIBLE_DEVICES": hidden})
    probe.turn(100.0)
    assert probe.pid == 0


def test_a_hanging_nvidia_smi_holds_up_nothing(jobs, nvidia_smi):
    nvidia_smi("exec sleep 60")
    status = jobs.run("import time; time.sleep(1.5)", env={"CUDA_VISIBLE_DEVICES": "0"})
    assert (status.exit_code, status.message) == (0, "")
