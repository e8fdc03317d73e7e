"""Samples, and the decision that a job is idle."""

from __future__ import annotations

import json
import os
import time

import pytest

from runctl_core.runner import history, oom, processes, usage


def process(cpu_s):
    return processes.Process(1, 0, 1, "7", cpu_s, 4096)


@pytest.fixture
def meter(tmp_path):
    meter = usage.Meter(str(tmp_path), str(tmp_path / "checkpoints"), {}, 10.0)
    meter.begin(1000.0)
    return meter


def feed(meter, moments, cpu_per_s=0.0, log_bytes=lambda moment: 0):
    """Sample at moments; returns at which of them the job was idle, for a window of 10 s."""
    idle = []
    for moment in moments:
        meter.sample(moment, [process(cpu_per_s * (moment - 1000))], log_bytes(moment))
        if meter.idle():
            idle.append(moment)
    return idle


def test_idle_needs_the_whole_window(meter):
    assert feed(meter, range(1002, 1016, 2)) == [1010, 1012, 1014]


def test_growth_of_the_log_begins_a_new_window(meter):
    assert feed(meter, range(1002, 1022, 2), log_bytes=lambda at: int(at >= 1007)) == [1018, 1020]


@pytest.mark.parametrize(("cores", "idle"), [(0.015, True), (0.03, False), (4, False)])
def test_two_percent_of_a_core_is_work(meter, cores, idle):
    assert bool(feed(meter, range(1002, 1040, 2), cpu_per_s=cores)) is idle


def test_late_samples_do_not_make_a_busy_job_idle(meter):
    assert feed(meter, [1001, 1030, 1070], cpu_per_s=1) == []
    assert not meter.idle()


def test_processor_time_of_a_lost_process_is_not_taken_off(meter):
    meter.sample(1002, [process(5000.0)], 0)
    meter.sample(1004, [process(0.0)], 0)
    for n in range(1, 20):
        meter.sample(1004 + 2 * n, [process(2.0 * n)], 0)
        assert not meter.idle(), "a busy job was taken for an idle one"


def test_a_gpu_at_work_is_work(meter):
    meter.gpu.figures = {"gpu_percent": 60.0}
    assert feed(meter, range(1002, 1040, 2)) == []
    meter.gpu.figures = {"gpu_percent": 4.0}
    assert feed(meter, range(1040, 1060, 2)) == [1048, 1050, 1052, 1054, 1056, 1058]


def test_samples_are_bounded_and_name_the_processes(meter, tmp_path):
    most = history.OLD_KEPT + 2 * history.TOGETHER
    for n in range(history.OLD_KEPT * history.TOGETHER + 100):
        meter.sample(1001.0 + n, [process(n / 2)], n)
    kept = json.loads((tmp_path / "usage.json").read_text())
    assert most - history.TOGETHER <= len(kept["samples"]) < most, "an hour is kept, and no more"
    assert kept["samples"][-1]["cpu_percent"] == 50
    assert kept["processes"] == [[1, "7"]]


def test_set_up_is_forgotten_when_the_script_begins(meter, tmp_path):
    meter.sample(1002.0, [process(1.0)], 0)
    meter.begin(1003.0)
    meter.sample(1004.0, [process(1.5)], 0)
    (only,) = json.loads((tmp_path / "usage.json").read_text())["samples"]
    assert only["cpu_percent"] == 50, "a script was judged by its set-up"


def test_a_sample_tells_the_machines_size_beside_what_the_job_uses(meter, tmp_path):
    meter.sample(1002.0, [process(1.0)], 0)
    (sample,) = json.loads((tmp_path / "usage.json").read_text())["samples"]
    assert 1 <= sample["cpus"] <= os.cpu_count()
    assert 0 < sample["memory_available_bytes"] < sample["memory_total_bytes"]
    assert sample["disk_free_bytes"] > 0
    assert "gpu_percent" not in sample, "a machine without a GPU was given one"


def test_traffic_of_the_first_sample_is_unknown_and_not_zero(meter, tmp_path):
    ours = [processes.table()[os.getpid()]]
    meter.sample(1002.0, ours, 0)
    meter.sample(1004.0, ours, 0)
    first, second = json.loads((tmp_path / "usage.json").read_text())["samples"]
    rates = {name for name in second if name.endswith("_per_s")}
    assert rates == {
        "disk_read_bytes_per_s",
        "disk_write_bytes_per_s",
        "network_received_bytes_per_s",
        "network_sent_bytes_per_s",
    }
    assert not rates & set(first)


def test_what_a_job_writes_to_disk_is_told_per_second(meter, tmp_path):
    ours = [processes.table()[os.getpid()]]
    meter.sample(1002.0, ours, 0)
    (tmp_path / "data").write_bytes(os.urandom(8 << 20))
    meter.sample(1004.0, ours, 0)
    sample = json.loads((tmp_path / "usage.json").read_text())["samples"][-1]
    assert 4 << 20 <= sample["disk_write_bytes_per_s"] < 8 << 20, "8 MiB in 2 s are 4 MiB/s"


def test_a_process_that_ends_takes_no_traffic_back(meter, tmp_path):
    ours = [processes.table()[os.getpid()]]
    meter.sample(1002.0, ours, 0)
    meter._counters["disk_write_bytes_per_s"] = 1 << 50
    meter.sample(1004.0, ours, 0)
    sample = json.loads((tmp_path / "usage.json").read_text())["samples"][-1]
    assert sample["disk_write_bytes_per_s"] == 0


def test_the_newest_change_is_found_at_any_depth(tmp_path):
    assert usage.newest_change(str(tmp_path / "missing")) == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    os.utime(tmp_path / "a" / "b" / "c", (1, 1))
    assert abs(usage.newest_change(str(tmp_path)) - time.time()) < 60, "a kept mtime hid a change"


def test_an_out_of_memory_kill_is_told_from_another():
    killed, failed, done = 9, 1 << 8, 0
    assert oom.caused(killed, (0, 4), (0, 5))
    assert oom.caused(137 << 8, (0, 4), (1, 5)), "a shell's way to say the same"
    assert not oom.caused(killed, (3, 4), (3, 4))
    assert oom.caused(failed, (0, 4), (1, 5)), "a data loader of it was killed"
    assert not oom.caused(failed, (0, 4), (0, 5)), "somebody else's kill"
    assert not oom.caused(done, (0, 4), (1, 5))


def test_the_kernels_counters_can_be_read():
    assert all(count >= 0 for count in oom.kills())


def test_processes_are_found_without_proc_too():
    ours = processes._from_ps()[os.getpid()]
    known = processes._from_proc()[os.getpid()]
    assert (ours.pid, ours.parent) == (known.pid, known.parent)
    assert ours.rss_bytes > 1 << 20
    assert ours.start


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:01", 1), ("1-02:03:04", 93784), ("0:01.50", 1.5), ("12:34", 754)],
)
def test_times_of_ps(text, seconds):
    assert processes.seconds(text) == seconds
