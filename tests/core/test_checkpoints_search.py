"""Which checkpoint a run goes on from: the newest whole one, whatever else lies in the folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from homes import Home
from runctl_core.checkpoints import describe, find, newest_complete
from runctl_core.checkpoints.naming import numbers
from runctl_core.errors import NotFound

from . import checkpoint_files as files


def _save(path: Path, content: bytes, at: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))
    return path


def _folder(path: Path, members: dict[str, bytes], at: float = 1000) -> Path:
    for name, content in members.items():
        _save(path / name, content, at)
    os.utime(path, (at, at))
    return path


def _trainer(step: int) -> bytes:
    return json.dumps({"global_step": step, "epoch": 1.5, "best_metric": 0.25}).encode()


def _index(*shards: str) -> bytes:
    return json.dumps({"weight_map": {f"w{i}": name for i, name in enumerate(shards)}}).encode()


def test_the_newest_whole_one_is_chosen_and_what_is_passed_over_is_told(tmp_path: Path) -> None:
    _save(tmp_path / "step-1.pt", files.torch(), 1000)
    good = _save(tmp_path / "step-2.pt", files.torch(), 2000)
    cut = _save(tmp_path / "step-3.pt", files.torch()[:-1], 3000)
    empty = _save(tmp_path / "step-4.pt", b"", 4000)
    choice = newest_complete(str(tmp_path))
    assert choice.chosen is not None
    assert choice.chosen.path == str(good)
    assert [passed.path for passed in choice.passed_over] == [str(empty), str(cut)]
    assert all(passed.problem for passed in choice.passed_over)


def test_nothing_is_chosen_when_nothing_is_whole(tmp_path: Path) -> None:
    _save(tmp_path / "step-1.npz", b"PK", 1000)
    choice = newest_complete(str(tmp_path))
    assert (choice.chosen, len(choice.passed_over)) == (None, 1)
    assert newest_complete(str(tmp_path / "no folder")).chosen is None


def test_time_decides_before_the_number_in_the_name(tmp_path: Path) -> None:
    _save(tmp_path / "step-900.pt", files.torch(), 1000)
    _save(tmp_path / "step-10.pt", files.torch(), 2000)
    assert find(str(tmp_path))[0].step == 10, "a run that counts anew would lose its new steps"


def test_of_one_moment_the_higher_step_is_the_newer(tmp_path: Path) -> None:
    for step in (9, 10, 8):
        _save(tmp_path / f"step-{step}.pt", files.torch(), 1000)
    assert [found.step for found in find(str(tmp_path))] == [10, 9, 8]


def test_what_is_still_being_written_is_no_checkpoint(tmp_path: Path) -> None:
    for name in ("a.pt.tmp", "b.pt.part", ".c.pt", "d.pt~", "e.pt.incomplete", "notes.txt", "log"):
        _save(tmp_path / name, files.torch(), 1000)
    assert find(str(tmp_path)) == []


def test_checkpoints_in_folders_below_are_found(tmp_path: Path) -> None:
    _save(tmp_path / "version_0" / "last.ckpt", files.torch(), 1000)
    assert [Path(found.path).name for found in find(str(tmp_path))] == ["last.ckpt"]


def test_a_trainers_folder_is_one_checkpoint_with_its_step_and_metric(tmp_path: Path) -> None:
    members = {"model.safetensors": files.safetensors(), "trainer_state.json": _trainer(500)}
    _folder(tmp_path / "checkpoint-500", {**members, "training_args.bin": files.torch()})
    (found,) = find(str(tmp_path))
    assert (found.format, found.step, found.epoch, found.complete) == ("huggingface", 500, 1, True)
    assert found.metrics == {"best_metric": 0.25}
    assert found.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"model.safetensors": files.safetensors()[:-1]}, "model.safetensors"),
        ({"trainer_state.json": b"{"}, "trainer_state.json"),
        ({"trainer_state.json": None, "training_args.bin": files.torch()}, "trainer_state.json"),
        ({"model.safetensors": None}, "no weights"),
        ({"optimizer.pt": files.torch()[:50]}, "optimizer.pt"),
    ],
)
def test_a_trainers_folder_that_lacks_a_part_is_not_whole(
    tmp_path: Path, changed: dict[str, bytes | None], problem: str
) -> None:
    members = {"model.safetensors": files.safetensors(), "trainer_state.json": _trainer(5), **changed}
    folder = _folder(tmp_path / "checkpoint-5", {k: v for k, v in members.items() if v is not None})
    found = describe(str(folder))
    assert not found.complete
    assert problem in found.problem


def test_a_folder_of_weights_alone_needs_no_trainer(tmp_path: Path) -> None:
    members = {"model.safetensors": files.safetensors(), "training_args.bin": files.torch()}
    assert describe(str(_folder(tmp_path / "final", members))).complete


@pytest.mark.parametrize("name", ["training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_what_a_trainer_writes_beside_a_model_is_none_by_itself(tmp_path: Path, name: str) -> None:
    model = _save(tmp_path / "model.safetensors", files.safetensors(), 1000)
    _save(tmp_path / name, files.torch(), 2000)
    assert [found.path for found in find(str(tmp_path))] == [str(model)], f"a run would go on from {name}"


SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.mark.parametrize(
    ("missing", "problem"),
    [("", ""), (SHARDS[1], SHARDS[1]), ("model.safetensors.index.json", "index is missing")],
)
def test_shards_are_whole_together_or_not_at_all(tmp_path: Path, missing: str, problem: str) -> None:
    members = {name: files.safetensors() for name in SHARDS}
    members["model.safetensors.index.json"] = _index(*SHARDS)
    members.pop(missing, None)
    _folder(tmp_path / "step-5", members)
    (found,) = find(str(tmp_path))
    assert (found.format, found.step, found.complete) == ("sharded", 5, not missing)
    assert problem in found.problem


def test_an_index_that_names_files_elsewhere_is_not_followed(tmp_path: Path) -> None:
    _save(tmp_path / "secret.safetensors", files.safetensors(), 1000)
    folder = _folder(
        tmp_path / "step-5", {"model.safetensors.index.json": _index("../secret.safetensors", "/dev/zero")}
    )
    assert not describe(str(folder)).complete


def test_links_that_lead_nowhere_or_in_circles_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    (tmp_path / "gone.pt").symlink_to("nothing")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "again").symlink_to(tmp_path)
    good = _save(tmp_path / "step-1.pt", files.torch(), 1000)
    assert [found.path for found in find(str(tmp_path))] == [str(good)]
    with pytest.raises(NotFound):
        describe(str(tmp_path / "loop.pt"))


def test_pipes_and_devices_are_no_checkpoints(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "endless.pt").symlink_to("/dev/zero")
    assert find(str(tmp_path)) == []
    folder = _folder(tmp_path / "checkpoint-1", {"trainer_state.json": _trainer(1)})
    os.mkfifo(folder / "model.safetensors")
    assert not describe(str(folder)).complete
    with pytest.raises(NotFound):
        describe(str(tmp_path / "pipe.pt"))


def test_ten_thousand_are_listed_in_seconds_and_the_newest_at_once(tmp_path: Path) -> None:
    content = files.npz()
    for step in range(10_000):
        (tmp_path / f"step-{step}.npz").write_bytes(content)
    began = time.process_time()
    choice = newest_complete(str(tmp_path))
    chosen_s = time.process_time() - began
    assert len(find(str(tmp_path))) == 10_000
    assert choice.chosen is not None
    assert choice.chosen.step == 9_999
    assert chosen_s < 1
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("name", "step", "epoch"),
    [
        ("step-500.pt", 500, None),
        ("global_step1200", 1200, None),
        ("epoch=3-step=1200.ckpt", 1200, 3),
        ("epoch-0003-step-12.npz", 12, 3),
        ("checkpoint-500", 500, None),
        ("checkpoint_epoch_3_step_50.pt", 50, 3),
        ("ckpt_000120.npz", 120, None),
        ("iter_0000100", 100, None),
        ("ep5.pth", None, 5),
        ("deep-7.pt", None, None),
        ("model.pt", None, None),
        ("step-" + "9" * 400 + ".pt", int("9" * 15), None),
    ],
)
def test_names_tell_step_and_epoch(name: str, step: int | None, epoch: int | None) -> None:
    said = numbers(f"/epoch-99/{name}")
    assert (said.step, said.epoch) == (step, epoch)


@pytest.mark.parametrize(
    "name", [b"step-1\nrm -rf.pt", b"step-1\xff.pt", "step-1 \u00e9\U0001f600.pt".encode()]
)
def test_any_name_is_listed(home: Home, name: bytes) -> None:
    path = os.fsencode(home.work) + b"/" + name
    with open(path, "wb") as file:
        file.write(files.torch())
    (row,) = home.json("checkpoint", "list", ".")
    assert os.fsencode(row["path"]) == path
    shown = home.runctl("checkpoint", "list", ".", env={"PYTHONUTF8": "0", "LC_ALL": "C"})
    assert shown.returncode == 0, shown.stderr.decode()
    assert shown.stdout.count(b"\n") == 1, "one checkpoint is shown as several lines"
