"""This computer as a runctl provider."""

__version__ = "0.1.0"
