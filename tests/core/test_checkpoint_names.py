"""Step and epoch are read from a checkpoint's name as training scripts write it."""

from __future__ import annotations

import pytest

from runctl_core.checkpoints.naming import numbers

NAMES = {
    "step-500.pt": (500, None),
    "global_step1200": (1200, None),
    "checkpoint-70": (70, None),
    "epoch-0030-step-1260.npz": (1260, 30),
    "epoch=3-step=1200.ckpt": (1200, 3),
    "model_ep7.safetensors": (None, 7),
    "EPOCH_12.keras": (None, 12),
    "deep-5.npz": (None, None),
    "weights.bin": (None, None),
}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_in_a_name_are_what_its_writer_meant(name: str) -> None:
    found = numbers(f"/runs/epoch-99/{name}")
    assert (found.step, found.epoch) == NAMES[name], f"`checkpoint list` would lie about {name}"
