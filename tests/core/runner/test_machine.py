"""What the kernel counts, read from files as it writes them."""

from __future__ import annotations

import os

import pytest

from runctl_core.runner import history, machine

GB = 10**9


@pytest.fixture
def kernel(tmp_path):
    """Writes files of a kernel's below a root; returns that root."""

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return str(tmp_path)

    return write


MEMINFO = {"proc/meminfo": "MemTotal:  64000000 kB\nMemFree: 1 kB\nMemAvailable: 48000000 kB\n"}


def test_without_a_limit_memory_is_the_machines(kernel):
    root = kernel({**MEMINFO, "proc/self/cgroup": "0::/user\n", "sys/fs/cgroup/user/memory.max": "max\n"})
    assert machine.memory(root) == (64000000 * 1024, 48000000 * 1024)


def test_memory_is_no_more_than_the_containers_limit(kernel):
    root = kernel(
        {
            **MEMINFO,
            "proc/self/cgroup": "0::/pod/box\n",
            "sys/fs/cgroup/pod/memory.max": "8000000000\n",
            "sys/fs/cgroup/pod/memory.current": "7000000000\n",
            "sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 3000000000\n",
            "sys/fs/cgroup/pod/box/memory.max": "max\n",
        }
    )
    assert machine.memory(root) == (8 * GB, 4 * GB), "cached files can be dropped, so they are available"


def test_a_limit_of_the_older_control_groups_counts_too(kernel):
    root = kernel(
        {
            **MEMINFO,
            "proc/self/cgroup": "4:cpu,cpuacct:/x\n3:memory:/not/mounted/here\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "8000000000\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "7000000000\n",
            "sys/fs/cgroup/memory/memory.stat": "inactive_file 5\ntotal_inactive_file 3000000000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        }
    )
    assert machine.memory(root) == (8 * GB, 4 * GB)
    assert machine.cpus(root) == 1


def test_memory_that_the_kernel_does_not_tell_is_unknown(tmp_path):
    assert machine.memory(str(tmp_path)) == (None, None)


HAVE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("max 100000", HAVE),
        ("50000 100000", 1),
        ("150000 100000", min(2, HAVE)),
        ("9900000 100000", HAVE),
        ("100 0", HAVE),
    ],
)
def test_processors_are_no_more_than_the_quota_and_a_part_of_one_is_one(kernel, quota, count):
    root = kernel({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})
    assert machine.cpus(root) == count


def test_the_network_is_counted_once_whatever_bridges_it_crosses(kernel):
    line = "{}: {} 2 0 0 0 0 0 0 {} 4 0 0 0 0 0 0\n"
    names = [("lo", 1), ("eth0", 1000), ("enp3s0", 200), ("docker0", 1), ("veth12", 1), ("br-1", 1)]
    head = "Inter-|   Receive\n face |bytes    packets\n"
    root = kernel({"proc/net/dev": head + "".join(line.format(n, 3 * b, b) for n, b in names)})
    assert machine.network(root) == (3600, 1200)


def test_no_network_is_unknown(kernel):
    assert machine.network(kernel({"proc/net/dev": "head\n"})) is None


def test_disk_traffic_is_the_sum_of_those_processes_that_tell(kernel):
    text = "rchar: 9\nread_bytes: 4096\nwrite_bytes: {}\ncancelled_write_bytes: 7\n"
    root = kernel({"proc/7/io": text.format(100), "proc/8/io": text.format(20), "proc/9/io": ""})
    assert machine.disk([7, 8, 9, 10], root) == (8192, 120)
    assert machine.disk([9, 10], root) is None


def test_several_samples_are_one_with_means_and_the_worst():
    samples = [
        {"at": 1.0, "cpu_percent": 10.0, "memory_bytes": 5, "disk_free_bytes": 8, "gpu_temperature_c": 70},
        {"at": 3.0, "cpu_percent": 50.0, "memory_bytes": 3, "disk_free_bytes": 9, "gpu_percent": 7.0},
    ]
    assert history.together(samples) == {
        "at": 3.0,
        "cpu_percent": 30.0,
        "memory_bytes": 5,
        "disk_free_bytes": 8,
        "gpu_temperature_c": 70,
        "gpu_percent": 7.0,
    }


def test_an_hour_is_kept_in_few_samples():
    kept = history.History()
    for second in range(0, 2 * 3600, 2):
        kept.add({"at": second, "cpu_percent": 1.0})
    moments = [row["at"] for row in kept.rows]
    assert moments == sorted(moments)
    assert len(moments) < 130
    assert moments[-1] - moments[0] >= 3500
