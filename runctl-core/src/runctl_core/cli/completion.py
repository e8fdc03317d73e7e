"""`runctl completion`: the script that teaches a shell what may come next."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from runctl_core.cli import output

_BASH = """\
_runctl() {
    local IFS=$'\\n'
    COMPREPLY=($(runctl _complete "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
}
complete -o default -o bashdefault -F _runctl runctl
"""

_ZSH = """\
#compdef runctl
_runctl() {
    local -a answers
    answers=("${(@f)$(runctl _complete $((CURRENT - 1)) "${words[@]}" 2>/dev/null)}")
    if [[ -n "${answers[1]}" ]]; then compadd -a answers; else _files; fi
}
if [[ "${funcstack[1]}" == _runctl ]]; then _runctl "$@"; else compdef _runctl runctl; fi
"""

_FISH = """\
function __runctl_complete
    set -l words (commandline -opc) (commandline -ct)
    runctl _complete (math (count $words) - 1) $words 2>/dev/null
end
complete -c runctl -n 'count (__runctl_complete) >/dev/null' -f -k -a '(__runctl_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""The completion script of each shell."""


def completion(
    shell: Annotated[str, Argument(metavar="bash|zsh|fish", help="The shell.")],
) -> None:
    """Print a shell's completion script.

    Examples:
        eval "$(runctl completion bash)"
        runctl completion fish > ~/.config/fish/completions/runctl.fish
    """
    from runctl_core.errors import UsageError

    if shell not in SCRIPTS:
        raise UsageError(
            f"no completion for {shell}", why="shells: bash, zsh, fish", fix="runctl completion bash"
        )
    output.lines(SCRIPTS[shell].splitlines())
