"""uv trusts whom this computer trusts, unless the user chose otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from homes import Home
from runctl_local import certificates


@pytest.fixture
def with_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that has a list of authorities."""
    path = tmp_path / "authorities.crt"
    path.touch()
    monkeypatch.setattr(certificates, "_LISTS", (str(path),))


def test_packages_are_fetched_with_the_authorities_of_this_computer(home: Home, with_a_list: None) -> None:
    assert certificates.trust({}) == {"UV_SYSTEM_CERTS": "1"}
    home.write("s.py", "import os; print(os.environ.get('SSL_CERT_FILE'), os.environ['UV_SYSTEM_CERTS'])")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        home.env.pop(name, None)
    seen = home.runctl("train", "s.py", "--env", "UV_SYSTEM_CERTS=chosen").stdout
    assert seen == b"None chosen\n", "the user's own choice was overruled"


@pytest.mark.parametrize("name", ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_choice_of_the_user_stands(name: str, with_a_list: None) -> None:
    assert certificates.trust({name: "/theirs"}) == {}


def test_without_a_list_uv_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_LISTS", ("/nowhere/at/all",))
    assert certificates.trust({}) == {}
