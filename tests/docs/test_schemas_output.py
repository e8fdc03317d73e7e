"""What the real commands print of real runs is what the reference says that they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sample_provider
import schemas
from homes import Home, wait_for

SCRIPT = """
import io, json, os, pathlib, signal, sys, time, zipfile
folder = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
data = io.BytesIO()
with zipfile.ZipFile(data, "w") as archive:
    archive.writestr("weights.npy", "1")
(folder / "step-7.npz").write_bytes(data.getvalue())
(folder / "step-8.npz").write_bytes(data.getvalue()[:9])
pathlib.Path("report.txt").write_text("0.97")
print("what the script says: \\xe9", flush=True)
end = sys.argv[1]
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if end == "live":
    time.sleep(600)
sys.exit(int(end))
"""
MY_CLOUD = ("--provider", "mycloud")
RUNS = {
    "succeeded": (
        "--provider",
        "local",
        "--output",
        "report.txt",
        "--output",
        "never-made",
        "--max-hours",
        "1",
    ),
    "failed": (),
    "killed": MY_CLOUD,
    "stopped": (),
    "ended": (*MY_CLOUD, "--budget", "2", "--grace-seconds", "0"),
    "live": (*MY_CLOUD, "--max-hours", "1"),
}
ARGUMENT = {"succeeded": "0", "failed": "3", "killed": "killed"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with runs that ended in every way, one that goes on, and one whose price nobody knows."""
    home = Home(tmp_path_factory.mktemp("world"))
    sample_provider.install(home)
    home.env["RUNCTL_PROVIDER"] = "local"
    home.write("s.py", SCRIPT)
    home.write("plain.log", "one\ntwo\n")
    for name, options in RUNS.items():
        priced = {"RUNCTL_MYCLOUD_HOURLY_USD": "3600"} if name == "ended" else {}
        detach = ("--detach",) if name in ("live", "stopped") else ()
        words = ("train", "s.py", "--name", name, *options, *detach, "--", ARGUMENT.get(name, "live"))
        done = home.runctl(*words, env=priced)
        assert not detach or done.returncode == 0, done.stderr.decode()
    for name in ("live", "stopped"):
        wait_for(lambda name=name: home.json("status", name)["usage"], seconds=60, why="no sample came")
    home.runctl("stop", "stopped", "--grace-seconds", "0")
    yield home
    home.runctl("stop", "live", "--grace-seconds", "0")


@pytest.fixture
def once(home: Home) -> Home:
    """A home of its own, for commands that change something."""
    home.write("s.py", SCRIPT)
    return home


def printed(home: Home, *words: str, status: int = 0) -> Any:
    done = home.runctl(*words)
    assert done.returncode == status, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("command", ["status", "why", "logs"])
def test_a_run_is_shown_as_documented(world: Home, command: str, run: str) -> None:
    schemas.check(command, world.json(command, run))


def test_every_field_of_a_run_that_may_be_null_was_seen_with_a_value_and_without(world: Home) -> None:
    documents = [world.json("status", run) for run in RUNS]
    every_run_here_has = {"resource", "started_at"}
    no_run_here_has = {"resumed_from", "commit"}  # tests/e2e: test_resume.py, test_train_remote.py
    shared = schemas.load()["definitions"]["$defs"]["run"]["properties"]
    for field, schema in {**shared, **schemas.load()["run"]["properties"]}.items():
        if "null" in schema.get("type", ()) or "_or_null" in schema.get("$ref", ""):
            empty = {document[field] is None for document in documents}
            assert empty >= {True, False} or field in every_run_here_has | no_run_here_has, field


def test_a_receipt_is_the_document_of_its_run(world: Home) -> None:
    for run in ("succeeded", "failed", "killed", "stopped", "ended"):
        document = world.json("status", run)
        receipt = json.loads(Path(document["receipt"]).read_text())
        assert {**receipt, "usage": None, "warnings": []} == document


@pytest.mark.parametrize("words", [("ps",), ("ps", "--all"), ("runs",), ("runs", "--state", "failed")])
def test_lists_of_runs_are_as_documented(world: Home, words: tuple[str, ...]) -> None:
    document = world.json(*words)
    assert document
    schemas.check(words[0], document)


def test_the_processes_of_a_run_are_as_documented(world: Home) -> None:
    document = world.json("processes", "live")
    schemas.check("processes", document)
    assert document["processes"]


def test_warnings_are_as_documented(world: Home) -> None:
    everything = {"RUNCTL_WARN_DISK_FREE_BELOW_GB": "1000000", "RUNCTL_WARN_MEMORY_ABOVE_PERCENT": "0.001"}
    done = world.runctl("status", "live", "--json", env=everything)
    document = json.loads(done.stdout)
    schemas.check("status", document)
    assert [warning["kind"] for warning in document["warnings"]] == ["memory", "disk"]


@pytest.mark.parametrize("by", ["run", "project", "owner", "provider", "resource", "day", "month"])
def test_costs_are_as_documented(world: Home, by: str) -> None:
    document = world.json("cost", "--by", by)
    schemas.check("cost", document)
    assert document["cost_unknown_resources"] == 2, "the runs without a known price are not counted"


def test_the_cost_of_one_run_is_as_documented(world: Home) -> None:
    document = world.json("cost", "ended")
    schemas.check("cost", document)
    assert float(document["cost_usd"]) > 1


@pytest.mark.parametrize("run", ["succeeded", "live"])
def test_a_pull_is_as_documented(world: Home, tmp_path: Path, run: str) -> None:
    for copied in (True, False):
        document = printed(world, "pull", run, str(tmp_path / "here"), "--json")
        schemas.check("pull", document)
        paths = {file["path"]: file["copied"] for file in document["files"]}
        assert paths["checkpoints/step-7.npz"] is copied
        assert "attempt-1.log" in paths
        assert all((tmp_path / "here" / path).is_file() for path in paths)


@pytest.mark.parametrize("place", ["succeeded", "folder"])
def test_checkpoints_are_as_documented(world: Home, place: str) -> None:
    folder = world.json("status", "succeeded")["checkpoint_dir"]
    found = world.json("checkpoint", "list", place if place == "succeeded" else folder)
    schemas.check("checkpoint list", found)
    assert {checkpoint["complete"] for checkpoint in found} == {True, False}
    schemas.check("checkpoint info", world.json("checkpoint", "info", found[0]["path"]))


@pytest.mark.parametrize(("best", "metrics"), [("0.5", {"best_metric": 0.5}), ("NaN", {}), ("1" * 400, {})])
def test_a_trainers_checkpoint_is_as_documented(once: Home, best: str, metrics: dict[str, float]) -> None:
    once.write("checkpoint-500/model.safetensors", b"\x02\0\0\0\0\0\0\0{}")
    state = f'{{"global_step": 500, "epoch": 2.5, "best_metric": {best}}}'
    once.write("checkpoint-500/trainer_state.json", state)
    (found,) = once.json("checkpoint", "list", ".")
    schemas.check("checkpoint list", [found])
    assert (found["format"], found["step"], found["epoch"]) == ("huggingface", 500, 2)
    assert found["metrics"] == metrics


def test_what_is_monitored_is_as_documented(world: Home) -> None:
    folder = world.json("status", "succeeded")["checkpoint_dir"]
    schemas.check("monitor", world.json("monitor", "--log", "plain.log"))
    schemas.check("monitor", world.json("monitor", "--log", "plain.log", "--checkpoint", folder))


def test_what_is_sent_is_as_documented(once: Home) -> None:
    once.write(".gitignore", "data/\n")
    once.write("data/x", "1")
    once.write("t.py", 'open("data/x")')
    document = once.json("sync", "--plan", "t.py")
    schemas.check("sync", document)
    assert [found["path"] for found in document["missed"]] == ["data/x"]
    assert {"path": "data/", "reason": "ignored", "rule": ".gitignore:1:data/"} in document["left_out"]


def test_offers_are_as_documented(world: Home) -> None:
    offers = world.json("offers")
    schemas.check("offers", offers)
    assert [offer["hourly_usd"] for offer in offers] == ["0", None], "unknown prices come last, and are null"


def test_providers_are_as_documented(world: Home) -> None:
    schemas.check("providers list", world.json("providers", "list"))
    for name in ("local", "mycloud"):
        schemas.check("providers show", world.json("providers", "show", name))


@pytest.mark.parametrize("command", ["ps", "runs", "cost", "offers", "monitor", "checkpoint list"])
def test_nothing_is_a_document_too(once: Home, command: str) -> None:
    (once.work / "empty").mkdir()
    options = {
        "offers": ("--gpu", "H100"),
        "monitor": ("--checkpoint", "empty"),
        "checkpoint list": ("empty",),
    }
    document = once.json(*command.split(), *options.get(command, ()))
    schemas.check(command, document)
    assert document in ([], {"log": None, "checkpoints": []}) or document["rows"] == []


def test_a_broken_provider_is_as_documented(once: Home) -> None:
    sample_provider.install(once, plugin="print('loud')\nraise RuntimeError('no driver')")
    (broken,) = [row for row in once.json("providers", "list") if row["state"] == "broken"]
    assert broken["title"] is None
    schemas.check("providers list", once.json("providers", "list"))
    schemas.check("doctor", printed(once, "doctor", "--json", status=109))


def test_checks_are_as_documented(world: Home) -> None:
    schemas.check("doctor", world.json("doctor"))


def test_the_configuration_is_as_documented(once: Home) -> None:
    schemas.check("config path", once.json("config", "path"))
    schemas.check("init", once.json("init"))
    schemas.check("config set", once.json("config", "set", "output", "results,plots"))
    schemas.check("config set", once.json("config", "set", "budget", "12.50", "--project"))
    shown = once.json("config", "show")
    schemas.check("config show", shown)
    values = {row["key"]: row["value"] for row in shown}
    assert (values["output"], values["budget"]) == (["results", "plots"], "12.50")
    schemas.check("config path", once.json("config", "path"))
    schemas.check("config unset", once.json("config", "unset", "output"))
    schemas.check("config validate", once.json("config", "validate"))


def test_a_configuration_that_is_wrong_is_said_in_json_too(once: Home) -> None:
    once.write("runctl.toml", "bugdet = 3\n")
    document = printed(once, "config", "validate", "--json", status=102)
    schemas.check("config validate", document)
    assert document["valid"] is False
    assert "budget" in document["error"]["why"]


def test_a_plan_is_as_documented(once: Home) -> None:
    once.env["TOKEN"] = "never shown"
    words = ("--budget", "5", "--env", "A=1", "--secret", "TOKEN", "--output", "report.txt")
    done = once.runctl("train", "s.py", "--dry-run", "--json", *words)
    schemas.check("train --dry-run", json.loads(done.stdout))
    assert b"never shown" not in done.stdout
    schemas.check("train --dry-run", printed(once, "train", "s.py", "--dry-run", "--json"))


def test_what_train_prints_is_as_documented(once: Home) -> None:
    schemas.check("train", printed(once, "train", "s.py", "--json", "--", "0"))
    schemas.check("train", printed(once, "train", "s.py", "--json", "--", "3", status=3))


def test_what_resume_prints_is_as_documented(once: Home) -> None:
    once.runctl("train", "s.py", "--", "3")
    document = printed(once, "resume", "latest", "--json", status=3)
    schemas.check("resume", document)
    assert document["resumed_from"].endswith("step-7.npz")


def test_a_detached_run_its_following_and_its_stop_are_as_documented(once: Home) -> None:
    started = printed(once, "train", "s.py", "--detach", "--json", "--", "live")
    schemas.check("train", started)
    following = once.start("attach", started["run"], "--json")
    stopped = printed(once, "stop", started["run"], "--grace-seconds", "0", "--json")
    schemas.check("stop", stopped)
    out, _ = following.communicate(timeout=60)
    schemas.check("attach", json.loads(out))
    assert stopped["state"] == "cancelled"


def test_json_is_one_document_and_so_does_not_follow(once: Home) -> None:
    for words in (("logs", "latest"), ("monitor", "--log", "s.py")):
        done = once.runctl(*words, "--follow", "--json")
        assert (done.returncode, done.stdout) == (101, b"")


def test_a_part_of_a_log_says_where_it_begins(world: Home) -> None:
    whole = world.json("logs", "succeeded")
    part = world.json("logs", "succeeded", "--tail", "0")
    assert whole["text"] == "what the script says: é\n"
    assert (part["offset_bytes"], part["text"]) == (whole["size_bytes"], "")


def test_the_cost_of_a_part_of_a_run_says_which_part(world: Home) -> None:
    run, whole = world.json("status", "ended")["run"], world.json("cost", "ended")
    assert (whole["run"], whole["since_at"], whole["until_at"]) == (run, None, None)
    part = world.json("cost", "ended", "--by", "day", "--until", "2026-01-01")
    schemas.check("cost", part)
    assert (part["until_at"], part["rows"], part["cost_usd"]) == ("2026-01-01T00:00:00Z", [], "0")


def test_what_is_paid_per_hour_is_as_documented(world: Home) -> None:
    document = world.json("burn")
    schemas.check("burn", document)
    assert document["resource_count"] == 1


def test_a_report_is_as_documented(world: Home) -> None:
    document = world.json("resources", "export", "--all")
    schemas.check("resources export", document)
    assert document["resources"]
    assert document["month"]["cost_unknown_resources"] == 2
