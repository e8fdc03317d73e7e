"""This computer as a runctl provider."""
