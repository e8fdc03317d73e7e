"""Which plugin APIs fit: today's, the one before it with a warning, and no other."""

from __future__ import annotations

import pytest

from runctl_core.errors import PluginError
from runctl_core.plugin_api import require_fitting_api
from runctl_core.provider import API_VERSION, OLDEST_API


def fits(api: object, oldest: int = 2, newest: int = 3) -> str:
    return require_fitting_api(api, "runctl-acme", oldest=oldest, newest=newest)


def test_a_plugin_of_todays_api_fits_without_a_word() -> None:
    assert fits(3) == ""
    assert require_fitting_api(API_VERSION, "runctl-acme") == ""


def test_a_plugin_of_the_api_before_works_and_is_told_when_it_stops() -> None:
    assert fits(2) == (
        "it was made for plugin API 2, and this runctl-core speaks 3: it works, and will stop"
        " with plugin API 4: pip install --upgrade runctl-acme"
    )


def test_a_plugin_of_an_older_api_is_refused_and_is_to_be_upgraded() -> None:
    with pytest.raises(PluginError, match=r"API 1, and .* speaks 2 and 3: pip install --upgrade runctl-acme"):
        fits(1)


def test_a_plugin_of_a_newer_api_is_refused_and_the_core_is_to_be_upgraded() -> None:
    with pytest.raises(PluginError, match="pip install --upgrade runctl-core"):
        fits(4)


@pytest.mark.parametrize("api", ["3", None, 2.5])
def test_an_api_that_is_no_number_is_refused(api: object) -> None:
    with pytest.raises(PluginError, match="pip install --upgrade runctl-acme"):
        fits(api)


def test_two_apis_at_most_are_spoken() -> None:
    assert API_VERSION - OLDEST_API in (0, 1)
