# The stage of a measurement, sourced by bench.sh and bench-media.sh: optimised programs, a devnet at 4+2 in $dir/net, nginx with the
# files in $dir/www, and an empty $dir/scratch. All of it is gone when the script ends, or has called stage_end.
scripts/install-tools.sh bench
source scripts/devnet.sh
source scripts/nginx.sh
build --release
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"

stage_begin() {
    dir=$(mktemp -d "${TMPDIR:-/tmp}/headwater-bench.XXXXXX")
    trap stage_end EXIT
    chmod 755 "$dir"
    mkdir "$dir/scratch"
    nginx_start "$dir/nginx" "$dir/www"
    devnet_start "$dir/net" --nodes 6 --coding 4+2
}

stage_end() {
    nginx_stop
    devnet_stop
    rm -rf "$dir"
}
