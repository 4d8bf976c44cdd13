# Sourced by the benchmarks: an nginx that serves a folder, the limit beside our gateway. Whoever starts it also stops it.

nginx_pid=

# A port that is free now, for a server that cannot choose one itself.
free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# nginx_start DIR ROOT: serves ROOT, with its own files in DIR; sets $nginx_url and $nginx_workers (process ids).
nginx_start() {
    local dir=$1 root=$2 port
    port=$(free_port)
    mkdir -p "$dir" "$root"
    cat >"$dir/nginx.conf" <<CONF
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
worker_processes 1;
events {}
http {
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    client_body_temp_path $dir/scratch;
    server {
        listen 127.0.0.1:$port;
        root $root;
        # The page, where a film is watched.
        rewrite ^/watch/[^/]+\$ /index.html;
    }
}
CONF
    # Its worker is another user, who has to reach the files.
    chmod 755 "$dir" "$root"
    PATH="$PATH:/usr/sbin" nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" &
    nginx_pid=$!
    nginx_url=http://127.0.0.1:$port
    until curl -s -o /dev/null "$nginx_url/"; do sleep 0.1; done
    nginx_workers=$(pgrep -d, -P "$nginx_pid")
}

nginx_stop() {
    [[ -z $nginx_pid ]] || kill "$nginx_pid" 2>/dev/null || true
    nginx_pid=
}
