"""A folder is a checkpoint when nothing of it is missing: each library's layout, and what it may lack."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runctl_core.checkpoints import describe, find, newest_complete
from runctl_core.errors import NotFound
from runctl_core.models.checkpoints import TensorTotals

from . import checkpoint_files as files
from . import checkpoint_folders as folders

LAYOUTS: dict[str, tuple[str, Callable[[], dict[str, bytes]]]] = {
    "global_step500": ("deepspeed", folders.deepspeed),
    "step-500": ("distributed", folders.distributed),
    "500": ("orbax", folders.orbax),
}
OPTIONAL = {"_CHECKPOINT_METADATA", "state/_METADATA", "state/commit_success.txt", "metrics/metrics"}
"""What older versions of Orbax did not write, and what no run needs."""

PARTS = [(name, part) for name, (_, make) in LAYOUTS.items() for part in make() if part not in OPTIONAL]
in_each_layout = pytest.mark.parametrize("name", LAYOUTS)


@in_each_layout
def test_a_whole_folder_is_one_checkpoint_with_its_step(tmp_path: Path, name: str) -> None:
    form, make = LAYOUTS[name]
    folders.folder(tmp_path / name, make())
    (found,) = find(str(tmp_path))
    assert (found.format, found.step, found.complete, found.problem) == (form, 500, True, "")
    assert found.size_bytes == sum(map(len, make().values()))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_folder_that_lacks_a_part_is_not_whole(tmp_path: Path, name: str, part: str) -> None:
    folders.folder(tmp_path / name, {**LAYOUTS[name][1](), part: None})
    found = describe(str(tmp_path / name))
    assert (found.complete, bool(found.problem)) == (False, True), f"a run goes on without {part}"
    assert newest_complete(str(tmp_path)).chosen is None


@pytest.mark.parametrize(("name", "part"), [p for p in PARTS if "commit" not in p[1]])
def test_a_part_that_is_cut_short_makes_the_folder_damaged(tmp_path: Path, name: str, part: str) -> None:
    content = LAYOUTS[name][1]()
    size = 0 if part.endswith("0a1b") else len(content[part]) - 1
    folders.folder(tmp_path / name, {**content, part: content[part][:size]})
    assert not describe(str(tmp_path / name)).complete, f"{part} lacks its end, and nobody noticed"


@pytest.mark.parametrize(("name", "part"), [p for p in PARTS if "commit" not in p[1]])
def test_a_part_that_is_a_pipe_holds_nobody(tmp_path: Path, name: str, part: str) -> None:
    folder = folders.folder(tmp_path / name, LAYOUTS[name][1]())
    (folder / part).unlink()
    os.mkfifo(folder / part)
    (folder / "latest").unlink(missing_ok=True)
    os.mkfifo(folder / "latest")
    assert not describe(str(folder)).complete


@in_each_layout
def test_the_folder_that_a_script_saves_into_may_be_the_checkpoint(tmp_path: Path, name: str) -> None:
    folders.folder(tmp_path, LAYOUTS[name][1]())
    chosen = newest_complete(str(tmp_path)).chosen
    assert chosen is not None
    assert (chosen.path, chosen.format) == (str(tmp_path), LAYOUTS[name][0])


def test_folders_beside_the_parts_of_a_checkpoint_are_listed_too(tmp_path: Path) -> None:
    folders.folder(tmp_path, {**folders.distributed(), "optimizer.pt": files.torch()})
    folders.folder(tmp_path / "global_step1", folders.deepspeed())
    assert {found.format for found in find(str(tmp_path))} == {"distributed", "deepspeed"}


def test_the_ranks_that_deepspeed_had_are_told_by_its_own_file(tmp_path: Path) -> None:
    last = "bf16_zero_pp_rank_3_mp_rank_00_optim_states.pt"
    folders.folder(tmp_path / "global_step500", {**folders.deepspeed(4, 1), last: None})
    found = describe(str(tmp_path / "global_step500"))
    assert found.problem == "missing: zero_pp_rank_3_mp_rank_00_optim_states.pt"


def test_deepspeeds_files_tell_its_version(tmp_path: Path) -> None:
    found = describe(str(folders.folder(tmp_path / "any name", folders.deepspeed())))
    assert (found.framework, found.framework_version, found.step) == ("deepspeed", "0.16.2", 500)


def test_deepspeeds_part_inside_of_a_trainers_folder_is_judged_with_it(tmp_path: Path) -> None:
    trainers = {"model.safetensors": files.safetensors(), "trainer_state.json": b'{"global_step": 5}'}
    folder = folders.folder(tmp_path / "checkpoint-5", {**trainers, "latest": b"global_step5"})
    folders.folder(folder / "global_step5", folders.deepspeed())
    assert describe(str(folder)).complete
    (folder / "global_step5" / "mp_rank_00_model_states.pt").unlink()
    assert "mp_rank_00" in describe(str(folder)).problem


@pytest.mark.parametrize("part", ["pytorch_model_fsdp_0", "optimizer_0"])
def test_fsdps_parts_inside_of_a_trainers_folder_are_judged_with_it(tmp_path: Path, part: str) -> None:
    trainers = {"rng_state_0.pth": files.torch(), "trainer_state.json": b'{"global_step": 5}'}
    folder = folders.folder(tmp_path / "checkpoint-5", trainers)
    for name in ("pytorch_model_fsdp_0", "optimizer_0"):
        folders.folder(folder / name, folders.distributed())
    assert describe(str(folder)).complete
    (folder / part / ".metadata").unlink()
    assert describe(str(folder)).problem.startswith(f"{part}: its .metadata is missing")


def test_tensors_of_a_distributed_checkpoint_are_told_from_its_metadata(tmp_path: Path) -> None:
    found = describe(str(folders.folder(tmp_path / "step-1", folders.distributed())))
    assert found.tensors == TensorTotals(2, 26, {"float32": 80, "bfloat16": 12})


def test_metadata_that_names_files_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(100))
    content = folders.distributed()
    content[".metadata"] = content[".metadata"].replace(b"\x0c__0_0.distcp", b"\x0c../.././secr")
    found = describe(str(folders.folder(tmp_path / "step-1", content)))
    assert (found.complete, found.problem) == (False, "missing: ../.././secr")


def test_what_orbax_was_still_writing_is_listed_and_never_chosen(tmp_path: Path) -> None:
    folders.folder(tmp_path / "500", folders.orbax())
    folders.folder(tmp_path / "600.orbax-checkpoint-tmp-1795516494", folders.orbax())
    newest, _ = find(str(tmp_path))
    assert (newest.step, newest.complete, newest.problem) == (600, False, "it was still being written")
    chosen = newest_complete(str(tmp_path)).chosen
    assert chosen is not None
    assert chosen.step == 500


def test_orbax_tells_metrics_items_and_arrays(tmp_path: Path) -> None:
    found = describe(str(folders.folder(tmp_path / "500", folders.orbax())))
    assert (found.metrics, found.details) == ({"loss": 0.5}, {"items": ["metrics", "state"]})
    assert found.tensors == TensorTotals(2, 23)


def test_an_array_of_orbax_that_has_no_folder_is_missed(tmp_path: Path) -> None:
    folder = folders.folder(tmp_path / "5" / "default", folders.orbax_in_folders())
    assert (describe(str(folder)).complete, describe(str(folder)).step) == (True, 5)
    os.rename(folder / "layer.w", tmp_path / "elsewhere")
    assert describe(str(folder)).problem == "missing: layer.w"


def test_an_item_of_orbax_that_its_metadata_names_is_missed(tmp_path: Path) -> None:
    content = folders.orbax()
    metadata = {**json.loads(content["_CHECKPOINT_METADATA"]), "item_handlers": {"state": "", "dataset": ""}}
    content["_CHECKPOINT_METADATA"] = json.dumps(metadata).encode()
    assert describe(str(folders.folder(tmp_path / "5", content))).problem == "missing: dataset"


def test_a_trainers_folder_tells_its_metrics_and_the_models_tensors(tmp_path: Path) -> None:
    history = [{"loss": 0.7, "step": 1}, {"eval_loss": 0.5, "loss": 0.6, "step": 2}]
    members = {
        "model.safetensors": files.safetensors(),
        "optimizer.pt": files.torch(),
        "trainer_state.json": json.dumps({"global_step": 2, "log_history": history}).encode(),
        "config.json": b'{"transformers_version": "4.46.0", "architectures": ["LlamaForCausalLM"]}',
    }
    found = describe(str(folders.folder(tmp_path / "checkpoint-2", members)))
    assert (found.framework, found.framework_version) == ("transformers", "4.46.0")
    assert found.metrics == {"eval_loss": 0.5, "loss": 0.6}
    assert found.tensors == TensorTotals(2, 6, {"float32": 24}), "the optimizer's are none of the model's"
    assert found.details["architecture"] == "LlamaForCausalLM"


def test_weights_in_pickles_are_counted_too(tmp_path: Path) -> None:
    members = {"pytorch_model.bin": files.torch(), "optimizer.pt": files.torch()}
    found = describe(str(folders.folder(tmp_path / "checkpoint-2", members)))
    assert found.tensors == TensorTotals(2, 36, {"float32": 64, "bfloat16": 40})


def test_the_files_of_deepspeeds_ranks_are_added_up(tmp_path: Path) -> None:
    found = describe(str(folders.folder(tmp_path / "global_step500", folders.deepspeed())))
    assert found.tensors == TensorTotals(12, 216, {"float32": 384, "bfloat16": 240})


def test_shards_are_added_up(tmp_path: Path) -> None:
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    index = {"metadata": {"total_size": 48}, "weight_map": {"w": shards[0], "b": shards[1]}}
    members = dict.fromkeys(shards, files.safetensors())
    members["model.safetensors.index.json"] = json.dumps(index).encode()
    found = describe(str(folders.folder(tmp_path / "step-5", members)))
    assert found.tensors == TensorTotals(4, 12, {"float32": 48})
    assert (found.details["shards"], found.details["index_total_bytes"]) == (2, 48)


def test_a_history_that_is_too_long_to_read_does_not_make_a_checkpoint_damaged(tmp_path: Path) -> None:
    row = b'{"loss": 0.123456789, "grad_norm": 0.123456789},'
    state = b'{"global_step": 5, "log_history": [' + row * 400_000 + b"{}]}"
    members = {"model.safetensors": files.safetensors(), "trainer_state.json": state}
    found = describe(str(folders.folder(tmp_path / "checkpoint-5", members)))
    assert (found.complete, found.step) == (True, 5)


def test_a_folder_of_other_things_is_no_checkpoint(tmp_path: Path) -> None:
    folder = folders.folder(tmp_path / "src", {"train.py": b"", "config.json": b"{}"})
    assert find(str(tmp_path)) == []
    with pytest.raises(NotFound):
        describe(str(folder))
