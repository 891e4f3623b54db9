# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The private servers of bench/run: ours, and the peers it is compared with. Each has a folder, a
# free port of 127.0.0.1 and a name: ours-off, ours-commit, versus-off, versus-commit, dav, plain,
# nginx, tus; F numbers ours and versus by their sessions instead. All that are httpd have the same
# numbers of threads and the same modules beside their own; none has an access log.

declare -A pid=() port=() root=()

# The user that servers run as when we are root.
choose_user() {
    local name
    user=
    [ "$(id -u)" = 0 ] || return 0
    for name in www-data apache daemon nobody; do
        if id "$name" >/dev/null 2>&1; then
            user=$name
            group=$(id -gn "$name")
            return
        fi
    done
    fail 'there is no user for the servers to run as'
}

takes_connections() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
    local candidate=$((20000 + RANDOM % 12000))
    while takes_connections "$candidate"; do
        candidate=$((20000 + RANDOM % 12000))
    done
    echo "$candidate"
}

# make_folder NAME PLACE: the folder of a server
make_folder() {
    local folder=$2/$1
    root[$1]=$folder
    mkdir -p "$folder"/{conf,logs,run,tmp,docroot/{upload,reply},state/spool}
    chmod 700 "$folder/state" "$folder/state/spool"
    : >"$folder/conf/mime.types"
    echo 'A small file.' >"$folder/docroot/small"
    [ -z "$user" ] || chown -R "$user:$group" "$folder"/{docroot,state,tmp,run}
}

# What is compiled into httpd needs no loading.
load_modules() {
    local name
    for name; do
        printf '<IfModule !%s_module>\nLoadModule %s_module "%s/mod_%s.so"\n</IfModule>\n' \
            "$name" "$name" "$modules" "$name"
    done
}

# Threads and processes as Debian has them. Connections last as long as the client wants.
base_conf() {
    local folder=${root[$1]}
    load_modules mpm_event unixd log_config watchdog authn_core authz_core dir mime reqtimeout
    [ -z "$user" ] || printf 'User %s\nGroup %s\n' "$user" "$group"
    cat <<END
ServerRoot "$folder"
ServerName 127.0.0.1:${port[$1]}
Listen 127.0.0.1:${port[$1]}
AcceptFilter http none
DefaultRuntimeDir "$folder/run"
PidFile "$folder/run/httpd.pid"
TypesConfig "$folder/conf/mime.types"
ErrorLog "$folder/logs/error.log"
LogLevel warn
StartServers 2
ThreadLimit 64
ThreadsPerChild 25
MinSpareThreads 25
MaxSpareThreads 75
MaxRequestWorkers 150
MaxConnectionsPerChild 0
Timeout 300
KeepAlive On
KeepAliveTimeout 300
MaxKeepAliveRequests 0
RequestReadTimeout header=20-40,MinRate=500 body=10,MinRate=500
DocumentRoot "$folder/docroot"
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory "$folder/docroot">
    Require all granted
</Directory>
END
}

# ours_conf NAME BUILD: from here on the lines of --conf hold for the whole server
ours_conf() {
    local folder=${root[$1]} sync=Off
    case $1 in *-commit) sync=Commit ;; esac
    cat <<END
LoadModule bgupload_module "$2/mod_bgupload.so"
BGUploadStore sqlite "$folder/state/sessions.db"
BGUploadSpool "$folder/state/spool"
BGUploadCleanupInterval 0
BGUploadMaxSessionsPerUser 0
BGUploadSync $sync
<Directory "$folder/docroot/upload">
    BGUpload On
</Directory>
<Directory "$folder/docroot/reply">
    BGUpload On
    BGUploadNotify Value
    BGUploadNotifyURL http://127.0.0.1:$application_port/
</Directory>
END
}

dav_conf() {
    local folder=${root[$1]}
    load_modules dav dav_fs
    cat <<END
DavLockDB "$folder/state/locks"
<Directory "$folder/docroot/upload">
    Dav On
</Directory>
END
}

nginx_conf() {
    local folder=${root[$1]} kind
    [ -z "$user" ] || echo "user $user $group;"
    cat <<END
daemon off;
worker_processes 2;
pid $folder/run/nginx.pid;
error_log $folder/logs/error.log error;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_timeout 300;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do
        echo "${kind}_temp_path $folder/tmp/$kind;"
    done)
    server {
        listen 127.0.0.1:${port[$1]};
        root $folder/docroot;
        location / {
            dav_methods PUT;
            dav_access user:rw group:r all:r;
            create_full_put_path off;
        }
    }
}
END
}

# write_conf NAME LINE...
write_conf() {
    local name=$1 line
    shift
    case $name in
        nginx)
            nginx_conf "$name"
            return
            ;;
        # All that it is told is in its command.
        tus) return ;;
    esac
    base_conf "$name"
    case $name in
        ours-*)
            ours_conf "$name" "$build"
            printf '%s\n' ${conf[@]+"${conf[@]}"}
            ;;
        versus-*)
            ours_conf "$name" "$versus"
            printf '%s\n' ${versus_conf[@]+"${versus_conf[@]}"}
            ;;
        dav) dav_conf "$name" ;;
    esac
    for line; do
        echo "$line"
    done
}

# serves NAME: it has written its pid, and listens
serves() {
    grep -qs . "${root[$1]}"/run/*.pid || return
    takes_connections "${port[$1]}"
}

launch() {
    local folder=${root[$1]} output=output command
    case $1 in
        nginx) command=("$nginx" -p "$folder" -c "$folder/conf/server.conf") ;;
        tus)
            command=("$node" "$src/bench/tus-server.mjs" "$tus" "$folder" "${port[$1]}")
            [ -z "$user" ] || command+=("$user" "$group")
            # It has no log of its own.
            output=error
            ;;
        *) command=("$httpd" -f "$folder/conf/server.conf" -DFOREGROUND) ;;
    esac
    rm -f "$folder"/run/*.pid
    "${command[@]}" </dev/null >"$folder/logs/$output.log" 2>&1 &
    pid[$1]=$!
}

# start NAME PLACE LINE...: a server; the lines are added to its configuration
start() {
    local name=$1 place=$2 deadline tries
    shift 2
    [ -n "${root[$name]-}" ] || make_folder "$name" "$place"
    # Somebody else may take the port between looking and starting.
    for tries in 1 2 3; do
        port[$name]=$(free_port)
        write_conf "$name" "$@" >"${root[$name]}/conf/server.conf"
        launch "$name"
        deadline=$((SECONDS + 20))
        while kill -0 "${pid[$name]}" 2>/dev/null && [ $SECONDS -lt $deadline ]; do
            ! serves "$name" || return 0
            sleep 0.05
        done
        stop "$name"
    done
    cat "${root[$name]}"/logs/*.log >&2
    fail "the server $name does not start (tried $tries times)"
}

# stop NAME: ends a server and waits for it
stop() {
    kill "${pid[$1]}" 2>/dev/null || true
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

# stop_all: ends all servers, looks into their error logs, and forgets them
stop_all() {
    local name
    for name in "${!pid[@]}"; do
        stop "$name"
        # AH10159 tells that all threads were busy, which some workloads are for.
        if grep -E ':(error|crit|alert|emerg)\]|\[(error|crit|alert|emerg)\]' \
            "${root[$name]}/logs/error.log" | grep -v AH10159 >&2; then
            fail "the error log of $name holds errors"
        fi
        rm -rf "${root[$name]}"
        unset "root[$name]" "port[$name]"
    done
}
