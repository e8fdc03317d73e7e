"""The author's kit: it checks a provider against the contract, and brings clouds to check it on.

Needs the extra `[test]`. Nothing else of runctl imports it, and no test run loads it unasked.
"""
