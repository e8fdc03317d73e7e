"""Your own machines over SSH, as a runctl provider."""
