# Sourced by the scripts that show a title for money, after devnet.sh and on a running devnet. After `paid_start` the programs find
# the ledger in HEADWATER_LEDGER; whoever calls it also calls `paid_stop`, in a trap. Nodes that are to be paid have to know the ledger
# when they start: then `paid_ledger` comes before the devnet, which is started with `--network-id "$paid_network"`.
declare -A paid_pids=()

# paid_serve NAME COMMAND…: starts one of our servers, on a port of its own choice; its answer is in $paid_dir/NAME.json.
paid_serve() {
    local name=$1 waited=0 pid
    shift
    "$headwater" --json "$@" --listen 127.0.0.1:0 >"$paid_dir/$name.json" 2>"$paid_dir/$name.log" &
    pid=$!
    paid_pids[$name]=$pid
    until [[ -s $paid_dir/$name.json ]]; do
        kill -0 "$pid" 2>/dev/null || { cat "$paid_dir/$name.log" >&2; return 1; }
        ((waited++ < 300)) || { echo "$name was not ready in 30 s" >&2; return 1; }
        sleep 0.1
    done
}

paid_url() { jq -r .ready.url "$paid_dir/$1.json"; }

# paid_kill NAME: the server loses its power.
paid_kill() {
    kill -KILL "${paid_pids[$1]}"
    wait "${paid_pids[$1]}" 2>/dev/null || true
    unset "paid_pids[$1]"
    rm "$paid_dir/$1.json"
}

# paid_ledger DIR: a ledger and its witness, for a network that need not run yet.
paid_ledger() {
    paid_dir=$1
    local treasury log
    mkdir -p "$paid_dir"
    paid_network=$(od -An -tx1 -N32 -v /dev/urandom | tr -d ' \n')
    treasury=$(paid_key network)
    log=$("$headwater" --json ledger init --dir "$paid_dir/ledger" --unit EUR --treasury "$treasury" --network-id "$paid_network" | jq -r .log)
    paid_serve witness witness --dir "$paid_dir/witness" --name witness.example --log "$log"
    printf 'log %s\nwitness W1 %s %s\nquorum W1\n' "$log" "$(jq -r .ready.key "$paid_dir/witness.json")" "$(paid_url witness)" \
        >"$paid_dir/witnesses.policy"
    paid_serve ledger ledger serve --dir "$paid_dir/ledger" --policy "$paid_dir/witnesses.policy"
    HEADWATER_LEDGER=$(paid_url ledger)
    export HEADWATER_LEDGER
}

# paid_end NAME: the server ends in order.
paid_end() {
    kill -TERM "${paid_pids[$1]}"
    wait "${paid_pids[$1]}" 2>/dev/null || true
    unset "paid_pids[$1]"
    rm "$paid_dir/$1.json"
}

# paid_start G COLLATERAL ARGS…: G gateways with these arguments that take part in the ledger, each with this to pay nodes from, which
# may ask paid_node_price_max micro-units for a GiB.
paid_start() {
    local gateways=$1 collateral=$2 n code
    shift 2
    paid_gateways=()
    for ((n = 1; n <= gateways; n++)); do
        paid_serve "gateway$n" gateway --any-creator --ledger "$HEADWATER_LEDGER" --pay-folder "$paid_dir/gateway$n" \
            --collateral "$collateral" --node-price-max "${paid_node_price_max:-100000}" "$@"
        code=$("$headwater" ledger voucher --dir "$paid_dir/ledger" --amount "$collateral")
        "$headwater" ledger top-up --key "$paid_dir/gateway$n/gateway.key" "$code" >/dev/null
        paid_gateways+=("$(paid_url "gateway$n")")
    done
}

paid_stop() {
    local pid
    for pid in "${paid_pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${paid_pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    paid_pids=()
}

# paid_key NAME: the key under which somebody earns; the account is made when there is none.
paid_key() { "$headwater" --json --account "$paid_dir/$1.account" account 2>/dev/null | jq -r .payment; }

# paid_as NAME ARGS…: `headwater ledger ARGS…` with this account.
paid_as() {
    local name=$1
    shift
    "$headwater" --json --account "$paid_dir/$name.account" ledger "$@"
}

# paid_publish FILE ARGS…: publishes for money, at every gateway; the addresses are in the list paid_watch.
paid_publish() {
    local gateway args=()
    for gateway in "${paid_gateways[@]}"; do
        args+=(--gateway "$gateway")
    done
    "$headwater" --json publish "$@" --ledger "$HEADWATER_LEDGER" "${args[@]}" >"$paid_dir/published.json" 2>"$paid_dir/publish.log" ||
        { cat "$paid_dir/publish.log" >&2; return 1; }
    mapfile -t paid_watch < <(jq -r '.watch[]' "$paid_dir/published.json")
}

# paid_agree AMOUNT BYTES GATEWAY NETWORK NODE ROLE:NAME:PPM…: who shares in what was published, signed by all of them.
paid_agree() {
    local file=$paid_dir/film.agreement share role name ppm
    {
        jq -r '"content = \"\(.id)\"\ncreator = \"\(.creator)\""' "$paid_dir/published.json"
        printf 'unit = "EUR"\nprice = { amount = "%s", of = %s, per = "byte" }\n' "$1" "$2"
        printf 'fees = { gateway = %s, network = %s, node = %s }\n' "$3" "$4" "$5"
        shift 5
        for share in "$@"; do
            IFS=: read -r role name ppm <<<"$share"
            printf '[[party]]\nkey = "%s"\nrole = "%s"\nppm = %s\n' "$(paid_key "$name")" "$role" "$ppm"
        done
    } >"$paid_dir/split.toml"
    "$headwater" ledger agree write "$paid_dir/split.toml" --out "$file" >/dev/null
    for share in "$@"; do
        IFS=: read -r role name ppm <<<"$share"
        paid_as "$name" agree sign "$file" --id "$(paid_agreement "$file")" >/dev/null
    done
}

# paid_agreement FILE: the id of the agreement in it, which whoever signs has to name.
paid_agreement() { "$headwater" --json ledger agree show "$1" | jq -r .id; }

# paid_register: the creator signs what all others have signed, and hands it in.
paid_register() {
    "$headwater" ledger agree sign "$paid_dir/film.agreement" --id "$(paid_agreement "$paid_dir/film.agreement")" >/dev/null
    "$headwater" ledger agree post "$paid_dir/film.agreement" >/dev/null
}

# paid_nodes BYTES: waits until gateways have given the nodes of the devnet vouchers of so many bytes, and hands them in; what each
# node says of it is in $paid_dir/node-N.json.
paid_nodes() {
    local waited=0 n dir
    while true; do
        n=0
        while read -r dir; do
            "$headwater" --json node redeem --dir "$dir" >"$paid_dir/node-$n.json"
            ((n += 1))
        done < <(jq -r '.nodes[].dir' "$devnet_dir/devnet.json")
        (($(jq -s 'map(.bytes) | add' "$paid_dir"/node-*.json) >= $1)) && return
        ((waited++ < 60)) || { echo "the nodes were not given vouchers of $1 bytes in time" >&2; return 1; }
        sleep 0.5
    done
}

# paid_settle: settles the open epoch, and waits until the log says so; what was settled, as JSON.
paid_settle() {
    local settled summary waited=0
    settled=$("$headwater" --json ledger settle --force --dir "$paid_dir/ledger")
    summary=$(jq -r .log_summary <<<"$settled")
    until (($(curl -fsS "$HEADWATER_LEDGER/log/checkpoint" | sed -n 2p) > summary)); do
        ((waited++ < 300)) || { echo "entry $summary of the log was not published in 30 s" >&2; return 1; }
        sleep 0.1
    done
    printf '%s\n' "$settled"
}
