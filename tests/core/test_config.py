"""Configuration: the highest layer wins, with its origin; what is wrong is told with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from attrs import define
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runctl_core.config import load, strange_variables
from runctl_core.config_file import set_value, unset_value
from runctl_core.errors import ConfigError, NotFound
from runctl_core.settings import describe, setting

LAYERS = ("flag", "variable", "project", "user")


@define
class Cloud:
    """Settings of a provider that is not there."""

    region: str | None = setting(None, help="Where.")
    api_key: str | None = setting(None, help="Key.", secret=True)
    retries: int = setting(3, help="How often.", valid=lambda n: "" if n >= 0 else "it cannot be negative")
    verbose: bool = setting(False, help="Say more.")
    zones: list[str] = setting([], help="Zones.")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, with a user's configuration beside it."""
    monkeypatch.setenv("RUNCTL_CONFIG_DIR", str(tmp_path / "user"))
    for name in ("RUNCTL_MAX_HOURS", "RUNCTL_PROVIDER", "RUNCTL_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "user").mkdir()
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@given(st.dictionaries(st.sampled_from(LAYERS), st.integers(1, 99)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_highest_layer_wins_with_its_origin(
    place: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, int]
) -> None:
    project, user = place / "runctl.toml", place.parent / "user" / "config.toml"
    for path, layer in ((project, "project"), (user, "user")):
        path.write_text(f"max_hours = {values[layer]}\n" if layer in values else "")
    monkeypatch.setenv("RUNCTL_MAX_HOURS", str(values.get("variable", "")))
    config = load(directory=str(place), flags={"max_hours": values.get("flag")})
    winner = next((layer for layer in LAYERS if layer in values), None)
    origin = {
        "flag": "the command line",
        "variable": "the variable RUNCTL_MAX_HOURS",
        "project": str(project),
        "user": str(user),
        None: "default",
    }[winner]
    assert config.origins["max_hours"].origin == origin
    assert config.settings.max_hours == (values[winner] if winner else None)


def test_a_providers_settings_have_the_same_layers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "runctl.toml").write_text('[providers.my-cloud]\nregion = "north"\nretries = 5\n')
    monkeypatch.setenv("RUNCTL_MY_CLOUD_RETRIES", "7")
    monkeypatch.setenv("RUNCTL_MY_CLOUD_ZONES", "a, b")
    made = load(directory=str(place)).provider_settings("my-cloud", Cloud, {"verbose": "yes"})
    assert made == Cloud(region="north", retries=7, verbose=True, zones=["a", "b"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[providers.c]\nregoin = 'x'\n", ["regoin", "did you mean region?", "[providers.c]"]),
        ("[providers.c]\nretries = -1\n", ["retries", "cannot be negative"]),
        ("[providers.c]\nretries = 'many'\n", ["a whole number"]),
        ("[providers.c]\nverbose = 'perhaps'\n", ["true or false"]),
        ("[providers.c]\nregion = 3\n", ["a text"]),
    ],
)
def test_what_does_not_fit_is_named(place: Path, text: str, words: list[str]) -> None:
    (place / "runctl.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(directory=str(place)).provider_settings("c", Cloud)
    told = f"{caught.value.message} {caught.value.why}"
    assert all(word in told for word in words), told


def test_a_secret_is_not_shown_when_it_does_not_fit(place: Path) -> None:
    (place / "runctl.toml").write_text("[providers.c]\napi_key = 12345678\n")
    with pytest.raises(ConfigError) as caught:
        load(directory=str(place)).provider_settings("c", Cloud)
    assert "12345678" not in f"{caught.value.message}{caught.value.why}{caught.value.fix}"


def test_a_section_of_a_provider_that_is_not_installed_stops_nothing(place: Path) -> None:
    (place / "runctl.toml").write_text("max_hours = 2\n[providers.nowhere]\nx = 1\n")
    assert load(directory=str(place)).settings.max_hours == 2


def test_set_keeps_comments_and_unset_takes_it_back(place: Path) -> None:
    path = place / "runctl.toml"
    path.write_text("# ours\nmax_hours = 2 # short\n")
    assert set_value("max_hours", "4", project=True, directory=str(place)) == str(path)
    set_value("budget", "12.50", project=True, directory=str(place))
    assert path.read_text().startswith("# ours\nmax_hours = 4.0 # short\n")
    assert load(directory=str(place)).settings.budget == Decimal("12.50")
    unset_value("max_hours", project=True, directory=str(place))
    assert load(directory=str(place)).settings.max_hours is None
    with pytest.raises(NotFound):
        unset_value("max_hours", project=True, directory=str(place))


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x", ""])
def test_a_value_that_does_not_fit_is_never_written(place: Path, value: str) -> None:
    with pytest.raises(ConfigError):
        set_value("budget", value, project=True, directory=str(place))
    assert not (place / "runctl.toml").exists()


def test_a_run_that_a_script_starts_does_not_write_into_the_scripts_checkpoints(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_CHECKPOINT_DIR", str(place / "mine"))
    assert load(directory=str(place)).settings.checkpoint_dir == str(place / "mine")
    monkeypatch.setenv("RUNCTL_RUN_ID", "brave-otter-41")
    assert load(directory=str(place)).settings.checkpoint_dir is None


def test_a_misspelt_variable_is_a_warning(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNCTL_MAX_HUORS", "3")
    monkeypatch.setenv("RUNCTL_PLUGINS", "none")
    (warning,) = [text for text in strange_variables() if "HUORS" in text]
    assert "did you mean RUNCTL_MAX_HOURS?" in warning


def test_what_one_layer_protects_no_other_layer_takes_back(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "runctl.toml").write_text('protected = ["demo", "i-1"]\n')
    (place.parent / "user" / "config.toml").write_text('protected = ["i-1", "team=core"]\n')
    monkeypatch.setenv("RUNCTL_PROTECTED", "i-9")
    config = load(directory=str(place))
    assert config.settings.protected == ["i-9", "demo", "i-1", "team=core"]
    origin = config.origins["protected"].origin
    assert "RUNCTL_PROTECTED" in origin and "runctl.toml" in origin and "config.toml" in origin


def test_every_setting_has_help() -> None:
    from runctl_core.core_settings import CoreSettings

    assert all(declared.help.endswith(".") for declared in describe(CoreSettings))
