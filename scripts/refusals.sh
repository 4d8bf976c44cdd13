#!/usr/bin/env bash
# Sourced by scripts that see what is refused. They have a folder in $dir.

# fails CODE WHY COMMAND…: the command must end with this exit code, and say why: something that WHY, a pattern of grep, is found in. What it
# says stays in $dir/refused. A failure for another reason is none of those that are meant.
fails() {
    local code=$1 why=$2 found=0
    shift 2
    "$@" >"$dir/out" 2>"$dir/refused" || found=$?
    if [[ $found != "$code" ]]; then
        echo "exit code $found and not $code: $*" >&2
        cat "$dir/refused" >&2
        return 1
    fi
    if ! grep -q -- "$why" "$dir/refused"; then
        echo "it does not say '$why': $*" >&2
        cat "$dir/refused" >&2
        return 1
    fi
}
