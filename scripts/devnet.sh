# Sourced by the other scripts: starts a devnet and waits for it. Whoever starts one also stops it, in a
# trap. After `devnet_start DIR ARGS…` the functions below answer from DIR/devnet.json.

# Seconds until everything of a devnet must serve.
DEVNET_READY_S=${DEVNET_READY_S:-90}
devnet_pid=

# build: builds the program and sets $headwater to its path. HEADWATER_PROGRAM names one that is built already.
build() {
    if [[ -n ${HEADWATER_PROGRAM:-} ]]; then
        headwater=$HEADWATER_PROGRAM
        return
    fi
    cargo build --quiet --bin headwater "$@"
    local target=${CARGO_TARGET_DIR:-target} profile=debug
    [[ " $* " == *" --release "* ]] && profile=release
    headwater=$(cd "$target" && pwd)/$profile/headwater
}

devnet_start() {
    devnet_dir=$1
    "$headwater" devnet --dir "$@" >/dev/null &
    devnet_pid=$!
    local waited=0
    until [[ -s $devnet_dir/devnet.json ]]; do
        kill -0 "$devnet_pid" 2>/dev/null || { echo "the devnet did not start" >&2; return 1; }
        ((waited++ < DEVNET_READY_S * 10)) || { echo "the devnet was not ready in $DEVNET_READY_S s" >&2; return 1; }
        sleep 0.1
    done
    export HEADWATER_NETWORK=$devnet_dir/network.json
    # The scripts leave the user's own account alone.
    export HEADWATER_ACCOUNT=$devnet_dir/account
}

devnet_stop() {
    if [[ -n $devnet_pid ]]; then
        kill -TERM "$devnet_pid" 2>/dev/null || true
        wait "$devnet_pid" 2>/dev/null || true
        devnet_pid=
    fi
}

devnet_gateway() { jq -r .gateway "$devnet_dir/devnet.json"; }

# devnet_node N FIELD: a field of the N-th node, counted from 0.
devnet_node() { jq -r ".nodes[$1].$2" "$devnet_dir/devnet.json"; }

# devnet_kill N: the N-th node loses its power.
devnet_kill() {
    curl -fsS -o /dev/null -X POST -H "Authorization: Bearer $(<"$devnet_dir/token")" \
        "$(jq -r .control.url "$devnet_dir/devnet.json")/nodes/$(devnet_node "$1" id)/kill"
}
