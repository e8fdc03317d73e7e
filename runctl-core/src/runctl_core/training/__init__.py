"""The run engine: from a script to its result, and back to it after anything that can go wrong.

`script.py` finds out how a script is started, `plan.py` is what was decided, `engine.py` the road
of one attempt, `settle.py` what a later command does for a run whose own command is gone,
`follow.py` the live log, `collect.py` and `receipt.py` what remains, `evidence.py` why a run failed.
"""
