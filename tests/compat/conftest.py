"""What lies below is a distribution of its own: its tests run in its own folder, `nox -s kit`."""

collect_ignore = ["runctl-frozen"]
