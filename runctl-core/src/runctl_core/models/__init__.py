"""The values that runctl passes around: frozen attrs classes, split so that a command makes few.

Import from the module of the thing (`runctl_core.models.resources`); nothing is collected here,
because each class costs about a millisecond at import.
"""
