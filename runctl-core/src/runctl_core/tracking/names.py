"""Readable ids for runs: `brave-otter-41`."""

from __future__ import annotations

import random
import re

_ADJECTIVES = (
    "able amber apt azure bold brave brief bright brisk calm civil clear clever coral crisp dapper "
    "deft eager early easy fair famous fleet fond frank fresh gentle glad golden grand green happy "
    "hardy honest humble ideal jolly keen kind late lively lucid lucky mellow merry mild modest neat "
    "nimble noble novel open patient plain polite proud quick quiet rapid ready robust rosy round "
    "royal sage sharp shiny silent silver sincere smart smooth snug solid sound spry stable steady "
    "still stout sunny super swift tame tender tidy trusty upbeat valid vivid warm wary wise witty"
).split()
_ANIMALS = (
    "ant ape bat bear bee bison boar camel cat civet cobra condor coyote crab crane crow deer dingo "
    "dog dove duck eagle eel elk emu falcon ferret finch fox frog gecko gibbon goat goose gull hare "
    "hawk heron horse hyena ibex ibis iguana jackal jay kiwi koala krill lark lemur leopard lion "
    "llama lynx mink mole moose mouse newt okapi orca oryx otter owl ox panda parrot pelican pony "
    "puffin puma quail rabbit raven robin salmon seal shark sheep shrew skunk sloth snail stork swan "
    "tapir tern tiger toad trout tuna turtle viper vole walrus wasp weasel whale wolf wombat yak zebra"
).split()


_RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


def is_run_id(text: str) -> bool:
    """Whether it may be the id of a run: one comes from outside, in tags, and names a folder of ours."""
    return _RUN_ID.fullmatch(text) is not None


def run_id() -> str:
    """A random readable id: some 700,000 of them, so a clash is possible and the books say so."""
    pick = random.SystemRandom()
    return f"{pick.choice(_ADJECTIVES)}-{pick.choice(_ANIMALS)}-{pick.randrange(10, 100)}"
