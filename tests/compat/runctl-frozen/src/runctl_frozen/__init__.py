"""A provider as it was written for plugin API 1."""
