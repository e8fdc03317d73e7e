"""Secrets for scripts: what a file or a name is read as, and that no error shows a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import define
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runctl_core.errors import NotFound, RunctlError, UsageError
from runctl_core.models.jobs import Job
from runctl_core.secrets import read_env_file, read_secret
from runctl_core.settings import setting

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="\0\r\n\"'", exclude_categories=["Cs"])).map(str.strip)


def _told(error: RunctlError) -> str:
    return f"{error.message} {error.why} {error.fix}"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=sesame", "sesame"),
        ("  export KEY = sesame  ", "sesame"),
        ("KEY='  sesame '", "  sesame "),
        ('KEY="se\'same"', "se'same"),
        ("KEY=se=same=", "se=same="),
        ("KEY=$HOME # no comment", "$HOME # no comment"),
        ("KEY=", ""),
        ("KEY='", "'"),
        ("KEY=se\x0bsa\x1cme\u2028x", "se\x0bsa\x1cme\u2028x"),
        ("# OTHER=x\n\nKEY=sesame\r\n", "sesame"),
        ("\ufeffKEY=sesame", "sesame"),
        ("KEY=first\nKEY=sesame", "sesame"),
    ],
)
def test_a_line_is_read_as_it_stands(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / "env"
    path.write_bytes(line.encode())
    assert read_env_file(str(path)) == {"KEY": value}


@given(st.dictionaries(NAMES, PLAIN))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_of_variables_is_read_whole(tmp_path: Path, values: dict[str, str]) -> None:
    path = tmp_path / "env"
    path.write_bytes("".join(f'{name}="{value}"\n' for name, value in values.items()).encode())
    assert read_env_file(str(path)) == values


@pytest.mark.parametrize(
    "line", ["sesame", "1KEY=sesame", "KEY sesame", "=sesame", "KEY-2=sesame", "a b=sesame"]
)
def test_a_line_that_is_none_is_told_by_its_number_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "env"
    path.write_text(f"FINE=1\n{line}\n")
    with pytest.raises(UsageError) as caught:
        read_env_file(str(path))
    assert f"{path}, line 2" in caught.value.message
    assert "sesame" not in _told(caught.value)


def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "sesame")
    assert read_secret("KEY") == ("KEY", "sesame")
    (tmp_path / "key").write_text("several\nlines\n")
    assert read_secret(f"OTHER=@{tmp_path / 'key'}") == ("OTHER", "several\nlines")


def test_a_value_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        read_secret("KEY=sesame")
    assert "sesame" not in _told(caught.value)
    assert "export KEY" in caught.value.fix


@pytest.mark.parametrize("content", [b"se\0same", b"\xffsesame"])
def test_what_no_variable_can_hold_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises((UsageError, NotFound)) as caught:
        read_secret(f"KEY=@{tmp_path / 'key'}")
    assert "same" not in _told(caught.value).replace(str(tmp_path), "")
    assert caught.value.__cause__ is None, "the cause would show the bytes"


def test_no_representation_of_a_job_or_of_settings_shows_a_secret() -> None:
    @define
    class Cloud:
        key: str = setting("", help="K.", secret=True)
        keys: list[str] = setting([], help="K.", secret=True)

    job = Job(id="a-1", command=("x",), workdir="/", secrets={"KEY": "sesame"})
    assert "sesame" not in repr(job) + repr(Cloud("sesame", ["sesame"]))
