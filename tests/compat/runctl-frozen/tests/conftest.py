"""Loads the kit."""

pytest_plugins = ["runctl_core.testing.plugin"]
