"""How a script is named on a machine that has a copy of its project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runctl_core.errors import UsageError
from runctl_core.training.place import Here, There, place_of
from runctl_core.training.script import Kind, detect


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a script in a folder, in which no program is on PATH."""
    root = tmp_path / "repo"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "src" / "train.py").write_text("print(1)\n")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(root)
    return root


def there(script: str) -> There:
    place = place_of(script, shares_files=False)
    assert isinstance(place, There)
    return place


def test_where_files_are_shared_a_script_runs_where_it_is(project: Path) -> None:
    assert type(place_of("src/train.py", shares_files=True)) is Here


def test_a_plain_script_runs_with_the_machines_python_from_where_the_command_was_given(project: Path) -> None:
    place = there("src/train.py")
    assert (place.root, place.workdir) == (str(project), str(project))
    assert detect("src/train.py", ["x"], place=place).command == ("python3", "src/train.py", "x")


def test_a_command_given_below_the_root_runs_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "src")
    place = there("train.py")
    assert place.workdir == str(project / "src")
    assert detect("train.py", place=place).command == ("python3", "train.py")


def test_a_command_given_outside_of_the_project_runs_in_the_scripts_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    place = there("repo/src/train.py")
    assert (place.root, place.workdir) == (str(project), str(project / "src"))


def test_without_a_project_the_current_folder_goes_along(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.rmdir(project / ".git")
    place = there("src/train.py")
    assert (place.root, place.workdir) == (str(project), str(project))


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml", "requirements.txt"])
def test_a_projects_packages_are_made_with_the_machines_uv(project: Path, name: str) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\nbuild-system = 1\n")
    if name == "requirements.txt":
        os.unlink(project / "pyproject.toml")
    (project / name).touch()
    launch = detect("src/train.py", place=there("src/train.py"))
    assert len(launch.setup) == 2, "nobody makes uv available there"
    words = [word for program in (*launch.setup, launch.command) for word in program]
    assert not [word for word in words if str(project) in word], "a path of this computer goes to the machine"
    assert launch.command[:4] == ("sh", "-c", launch.command[2], "uv")


def test_an_executable_is_found_in_its_folder(project: Path) -> None:
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    assert detect("run.sh", place=there("run.sh")).command == ("./run.sh",)


def test_an_interpreter_is_a_program_of_the_machine(project: Path) -> None:
    launch = detect("src/train.py", python="/opt/conda/bin/python", place=there("src/train.py"))
    assert launch.kind is Kind.INTERPRETER
    assert launch.command == ("/opt/conda/bin/python", "src/train.py")


def test_a_file_outside_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="outside of the project"):
        There(str(project / "src"), str(project / "src")).path(str(project / "uv.lock"))


def machine(tmp_path: Path, python: str) -> dict[str, str]:
    """The environment of a machine that has a shell, tools and a `python3`, but no uv."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in ("sh", "mv", "rm", "mkdir", "chmod", "cat"):
        (programs / tool).symlink_to(f"/bin/{tool}")
    (programs / "python3").write_text(python)
    (programs / "python3").chmod(0o755)
    return {"PATH": str(programs), "HOME": str(tmp_path), "RUNCTL_JOB": f"{tmp_path}/root/job-1"}


MAKES_A_VENV = r"""#!/bin/sh
mkdir -p "$3/bin"
cat > "$3/bin/python" <<'PYTHON'
#!/bin/sh
printf '#!/bin/sh\necho "uv: $*"\n' > "${0%/*}/uv"
chmod +x "${0%/*}/uv"
PYTHON
chmod +x "$3/bin/python"
"""


def test_uv_is_made_available_once_on_a_machine_that_has_none(tmp_path: Path) -> None:
    env = machine(tmp_path, MAKES_A_VENV)
    (tmp_path / "root").mkdir()
    place = There("/p", "/p")
    first, again = (
        subprocess.run(place.before_uv()[0], env=env, capture_output=True, check=True) for _ in range(2)
    )
    assert b"installing" in first.stdout
    assert again.stdout == b"", "it is installed again and again"
    ran = subprocess.run([*place.uv("x"), "run", "a b"], env=env, capture_output=True, check=True)
    assert ran.stdout == b"uv: run a b\n"


def test_a_machine_that_cannot_get_uv_says_what_it_needs(tmp_path: Path) -> None:
    env = machine(tmp_path, "#!/bin/sh\necho No module named venv >&2; exit 1\n")
    (tmp_path / "root").mkdir()
    done = subprocess.run(There("/p", "/p").before_uv()[0], env=env, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"venv module, and the network" in done.stderr
    assert os.listdir(tmp_path / "root") == [], "half an environment stays"
