"""A GPU has one name, whatever its driver or a cloud calls it."""

from __future__ import annotations

import pytest

from runctl_core.api import gpu_name


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100"),
        ("NVIDIA H100 NVL", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA GH200 480GB", "GH200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("A100-PCIE-40GB", "A100"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 3080 Ti", "RTX 3080 Ti"),
        ("NVIDIA GeForce GTX 1060 6GB", "GTX 1060"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("Quadro RTX 6000", "RTX 6000"),
        ("Graphics Device", "Graphics Device"),
    ],
)
def test_names_are_those_that_people_ask_for(printed: str, name: str) -> None:
    assert gpu_name(printed) == name
