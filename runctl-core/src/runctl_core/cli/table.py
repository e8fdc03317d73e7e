"""The only list of commands. Importing it imports nothing else."""

RUN, LOOK, THINGS = "Train", "Results", "Resources and money"
PROVIDE, SET_UP = "Providers", "Set up"

PANELS = (RUN, LOOK, THINGS, PROVIDE, SET_UP)
"""The panels of the root help, in order."""

_CLI = "runctl_core.cli."

COMMANDS = (
    ("train", _CLI + "train", "train", RUN, "Train a script and bring its results home"),
    ("sync", _CLI + "sync", "sync", RUN, "Show which files go to a machine"),
    ("resume", _CLI + "resume", "resume", RUN, "Start a run again from its newest checkpoint"),
    ("ps", _CLI + "runs", "ps", RUN, "List the runs that are not over"),
    ("top", _CLI + "top", "top", RUN, "Watch everything on one screen"),
    ("logs", _CLI + "follow", "logs", RUN, "Print a run's output"),
    ("attach", _CLI + "follow", "attach", RUN, "Follow a run from here on"),
    ("exec", _CLI + "exec", "exec_", RUN, "Run a command beside a run, on its machine"),
    ("ssh", _CLI + "ssh", "ssh", RUN, "Open a shell beside a run, and bring its ports here"),
    ("stop", _CLI + "stop", "stop", RUN, "Stop a run"),
    ("stop-all", _CLI + "stop_all", "stop_all", RUN, "Stop every live run of mine"),
    ("panic", _CLI + "panic", "panic", RUN, "Stop and let go of everything of mine, everywhere"),
    ("runs", _CLI + "runs", "runs", LOOK, "List the history of runs"),
    ("status", _CLI + "status", "status", LOOK, "Show everything about one run"),
    ("processes", _CLI + "processes", "processes", LOOK, "List the processes of a live run"),
    ("why", _CLI + "why", "why", LOOK, "Explain why a run failed"),
    ("pull", _CLI + "pull", "pull", LOOK, "Copy a run's results to a folder"),
    ("transfer", _CLI + "transfer", "transfer", LOOK, "Copy files between here, runs and stores"),
    ("checkpoint list", _CLI + "checkpoint", "list_", LOOK, "List the checkpoints of a folder or a run"),
    ("checkpoint info", _CLI + "checkpoint", "info", LOOK, "Describe one checkpoint"),
    ("checkpoint verify", _CLI + "checkpoint_verify", "verify", LOOK, "Say whether checkpoints are good"),
    ("checkpoint resume", _CLI + "checkpoint_resume", "resume", LOOK, "Start a run from a checkpoint"),
    ("checkpoint prune", _CLI + "checkpoint_prune", "prune", LOOK, "Delete checkpoints that nobody needs"),
    ("monitor", _CLI + "monitor", "monitor", LOOK, "Watch any log file and checkpoint folder"),
    ("resources list", _CLI + "resources", "list_", THINGS, "List what there is, the dearest first"),
    ("resources summary", _CLI + "resources", "summary", THINGS, "Sum up what there is and what it costs"),
    ("resources insights", _CLI + "resources_insights", "insights", THINGS, "Find what could cost less"),
    ("resources watch", _CLI + "resources_watch", "watch", THINGS, "Watch what comes, goes and changes"),
    ("resources export", _CLI + "export", "export", THINGS, "Write a report: a page, a table, a document"),
    ("resources cleanup", _CLI + "cleanup", "cleanup", THINGS, "Delete what no live run needs"),
    ("orphans", _CLI + "resources_orphans", "orphans", THINGS, "List what bills and no run explains"),
    ("adopt", _CLI + "resources_marks", "adopt", THINGS, "Count a resource as yours"),
    ("ignore", _CLI + "resources_marks", "ignore", THINGS, "Report a resource no more"),
    ("protect", _CLI + "resources_marks", "protect", THINGS, "Let nothing delete a resource"),
    ("audit", _CLI + "audit", "audit", THINGS, "Show what was stopped and deleted, and why"),
    ("cost", _CLI + "cost", "cost", THINGS, "Show what was spent"),
    ("burn", _CLI + "cost", "burn", THINGS, "Show what is paid per hour now"),
    ("offers", _CLI + "offers", "offers", PROVIDE, "Show what fits, cheapest first"),
    ("providers list", _CLI + "providers", "list_", PROVIDE, "List the installed providers"),
    ("providers show", _CLI + "providers", "show", PROVIDE, "Show what a provider can do"),
    ("providers new", _CLI + "providers_new", "new", PROVIDE, "Write the package of a new provider"),
    ("init", _CLI + "init", "init", SET_UP, "Write a runctl.toml for this project"),
    ("config show", _CLI + "config", "show", SET_UP, "Show every setting with its origin"),
    ("config set", _CLI + "config", "set_", SET_UP, "Set a setting"),
    ("config unset", _CLI + "config", "unset", SET_UP, "Take a setting back"),
    ("config validate", _CLI + "config", "validate", SET_UP, "Check the configuration"),
    ("config path", _CLI + "config", "path", SET_UP, "Show where the configuration is"),
    ("doctor", _CLI + "doctor", "doctor", SET_UP, "Check that everything works"),
    ("completion", _CLI + "completion", "completion", SET_UP, "Print the completion script of a shell"),
)
"""Name (two words in a group), module, function, panel, one-line summary."""

QUICK = {
    "ps": (_CLI + "listing", "ps", {"--all": "every", "-a": "every", "--json": "json"}),
}
"""Commands that answer without Typer when they get nothing but flags: module, function, and the
parameter that each flag sets. Anything else goes through Typer as every command does."""

GROUPS = {
    "checkpoint": "List, verify, prune and resume checkpoints",
    "providers": "Look at the installed providers, and begin a new one",
    "resources": "List what every provider has, and clean up",
    "config": "Look at the configuration, and change it",
}
"""Groups of commands, with their one-line summary."""


EXIT_STATUS = {
    "train": "The script's own, 128 + N when signal N ended it; 130 when Ctrl-C detached.",
    "resume": "The script's own, 128 + N when signal N ended it; 130 when Ctrl-C detached.",
    "checkpoint resume": "The script's own, 128 + N when signal N ended it; 130 when Ctrl-C detached.",
    "attach": "The script's own, 128 + N when signal N ended it; 130 when Ctrl-C detached.",
    "logs": "0 when everything was printed; 130 when Ctrl-C detached.",
    "processes": "0, also when the run ends while it is watched; 130 when Ctrl-C ended the watching.",
    "exec": "The command's own, 128 + N when signal N ended it.",
    "ssh": "The shell's own, 128 + N when signal N ended it; 130 when Ctrl-C ended what only brings ports.",
    "orphans": "0 when there is certainly none, 3 when there is any, 107 when nobody can tell.",
    "resources list": "0, also when a provider does not answer; with --strict the status of its error.",
    "resources watch": "0 after the last look, 130 when Ctrl-C ended it.",
    "resources cleanup": "0, also when nothing was to be deleted; 117 when something is still there.",
    "stop-all": "0, or 117 when a run could not be stopped.",
    "panic": "0, or 117 when anything of mine may go on that nobody protects.",
    "doctor": "0, or 109 when a check failed; warnings do not count.",
    "checkpoint verify": "0 when all are good, 114 when one is damaged, 115 when one cannot be verified.",
    "config validate": "0, or 102 when something is wrong.",
}
"""Where a command's exit status is more than 0 for success and 100 to 117 for an error of runctl."""


def names() -> "list[str]":
    """The first words of all commands, in the order of the table."""
    return list(dict.fromkeys(row[0].split()[0] for row in COMMANDS))


def taken() -> "set[str]":
    """The first words that no plugin's command group may have."""
    return {*names(), "help", "_complete"}


def subcommands(group: str) -> "list[tuple[str, str, str, str, str]]":
    """The rows of a group; empty when there is no such group."""
    return [row for row in COMMANDS if row[0].startswith(group + " ")]


def find(words: "list[str]") -> "tuple[str, str, str, str, str] | None":
    """The row that a command line begins with."""
    for row in COMMANDS:
        name = row[0].split()
        if words[: len(name)] == name:
            return row
    return None
