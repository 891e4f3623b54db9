# SPDX-License-Identifier: Apache-2.0
# Medians, spread and ratios of the records that bench/run collects: one JSON object a line.
# Variables: form (table or json), quick (1: no word about the targets).
#
# A measurement has a cost (CPU, or memory for C), a speed and two times. Ratios are made of two
# measurements of the same round, and the median is taken of the ratios.

function text(name) {
    if (!match($0, "\"" name "\":\"[^\"]*")) return ""
    return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4)
}

function number(name, line) {
    if (!match(line, "\"" name "\":[0-9.]+")) return 0
    return substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0
}

# The part of the line about one kind of requests
function times_of(kind) {
    if (!match($0, "\"" kind "\":[{][^}]*")) return ""
    return substr($0, RSTART, RLENGTH)
}

function unit_of(workload, what) {
    if (what == "speed") return workload == "S" ? "files/s" : \
        workload == "F" ? "frag./s" : workload == "C" ? "files/s" : "MiB/s"
    return workload == "S" ? "us/file" : workload == "F" ? "us/frag." : \
        workload == "C" ? "KiB/conn." : "s/GiB"
}

{
    place = text("place"); workload = text("workload"); server = text("server")
    round = number("round", $0)
    group = place SUBSEP workload
    key = group SUBSEP server
    if (!(group in seen)) { seen[group] = 1; groups[++group_count] = group; plan[group] = $0 }
    if (!(key in seen)) { seen[key] = 1; servers[group] = servers[group] " " server }
    if (round > rounds) rounds = round

    bytes = number("bytes", $0); uploads = number("uploads", $0)
    seconds = number("seconds", $0); cpu = number("server_cpu_seconds", $0)
    if (workload == "S") { cost = cpu * 1e6 / uploads; speed = uploads / seconds }
    else if (workload == "F") {
        count = bytes / number("fragment", $0)
        cost = cpu * 1e6 / count; speed = count / seconds
    } else if (workload == "C") {
        cost = (number("server_kib_after", $0) - number("server_kib_before", $0)) / \
            number("connections", $0)
        speed = uploads / seconds
    } else { cost = cpu * 1073741824 / bytes; speed = bytes / 1048576 / seconds }
    value[key, "cost", round] = cost
    value[key, "speed", round] = speed
    times = times_of(workload == "F" ? "fragment" : "upload")
    value[key, "p50", round] = number("p50_ms", times)
    value[key, "p99", round] = number("p99_ms", times)
}

# Sort list[1..n], few as they are; sets low, high and returns the median.
function median(list, n,    i, k, swap) {
    for (i = 2; i <= n; i++)
        for (k = i; k > 1 && list[k] < list[k - 1]; k--) {
            swap = list[k]; list[k] = list[k - 1]; list[k - 1] = swap
        }
    low = list[1]; high = list[n]
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median of a server's measurements; sets low and high.
function middle(key, what,    i, n, list) {
    for (i = 1; i <= rounds; i++)
        if ((key, what, i) in value) list[++n] = value[key, what, i]
    return median(list, n)
}

# The median of the ratios of two servers, or of their differences; -1 if there are none. Sets low
# and high.
function compare(group, server, other, what, difference,    i, n, list, a, b) {
    for (i = 1; i <= rounds; i++) {
        if (!((group, server, what, i) in value) || !((group, other, what, i) in value)) continue
        a = value[group, server, what, i]; b = value[group, other, what, i]
        if (difference) list[++n] = a - b
        else if (b > 0 && a > 0) list[++n] = a / b
    }
    return n ? median(list, n) : -1
}

# The columns of a table: the peers that are there, "versus" for all of its names.
function columns_of(group,    list) {
    list = group ~ /F$/ ? "ours-10" : group ~ /C$/ ? "plain" : ""
    if ((group, "dav") in seen) list = list " dav"
    if ((group, "nginx") in seen) list = list " nginx"
    if ((group, "tus") in seen) list = list " tus"
    if ((group, "disk") in seen) list = list " disk"
    if (servers[group] ~ / versus-/) list = list " versus"
    return list
}

# The server that stands in a column for this one.
function peer_in(column, server) {
    if (column != "versus") return column
    sub(/^ours-/, "versus-", server)
    return server
}

function ratio_text(group, server, column, what,    peer, r) {
    peer = peer_in(column, server)
    if (peer == server) return "-"
    r = compare(group, server, peer, what, 0)
    return r < 0 ? "-" : sprintf("%.2f", r)
}

function size_text(bytes) {
    return bytes >= 1073741824 ? bytes / 1073741824 " GiB" : \
        bytes >= 1048576 ? bytes / 1048576 " MiB" : bytes / 1024 " KiB"
}

function several(count, what) {
    return count " " what (count == 1 ? "" : "s")
}

function heading(group,    part, line, workload) {
    split(group, part, SUBSEP)
    workload = part[2]
    line = plan[group]
    printf "%s on %s: %s of %s, %s", workload, part[1], several(number("number", line), "file"), \
        size_text(number("size", line)), several(number("connections", line), "connection")
    if (workload == "F") printf ", fragments of %s", size_text(number("fragment", line))
    if (workload == "R") printf ", with a reply (peers: without)"
    if (workload == "C") printf ", sessions left open"
    printf "\n"
}

# The columns of ratios: of costs, then of speeds. The disk alone has no cost, C no speed that
# matters.
# Without a server, their headings.
function ratio_columns(group, workload, server,    names, n, i, k, what, title, width) {
    n = split(columns_of(group), names, " ")
    for (i = 1; i <= (workload == "C" ? 1 : 2); i++) {
        what = i == 1 ? "cost" : "speed"
        for (k = 1; k <= n; k++) {
            if (names[k] == "disk" && what == "cost") continue
            title = (i == 1 ? "C/" : "S/") names[k]
            width = length(title) > 5 ? length(title) : 5
            printf " %*s", width, \
                server == "" ? title : ratio_text(group, server, names[k], what)
        }
    }
    printf "\n"
}

function number_text(value, places, width) {
    return sprintf("%*s", width, value > 0 ? sprintf("%.*f", places, value) : "-")
}

# Half the distance from the lowest to the highest, in percent of the center
function spread_text(center) {
    return center > 0 ? sprintf("%3.0f", (high - low) * 50 / center) : "  -"
}

function time_text(key, what,    m) {
    m = middle(key, what)
    return number_text(m, m >= 1000 ? 0 : 2, 6)
}

function row(group, workload, server,    key, m) {
    key = group SUBSEP server
    m = middle(key, "cost")
    printf "  %-12s %s %s", server, number_text(m, 3, 8), spread_text(m)
    m = middle(key, "speed")
    printf " %s %s %s %s", number_text(m, 1, 7), spread_text(m), time_text(key, "p50"), \
        time_text(key, "p99")
    ratio_columns(group, workload, server)
}

function table(group,    part, names, n, i) {
    split(group, part, SUBSEP)
    heading(group)
    printf "  %-12s %8s %3s %7s %3s %6s %6s", "", unit_of(part[2], "cost"), "+-%", \
        unit_of(part[2], "speed"), "+-%", "p50 ms", "p99 ms"
    ratio_columns(group, part[2], "")
    n = split(servers[group], names, " ")
    for (i = 1; i <= n; i++) row(group, part[2], names[i])
    printf "\n"
}

# One target: a server's cost or speed against another's. Nothing if it was not measured.
function target(place, workload, server, what, other, sign, bound, words,    r, met) {
    r = compare(place SUBSEP workload, server, other, what == "memory" ? "cost" : what, \
        what == "memory")
    if (r == -1) return
    met = sign == "<=" ? r <= bound : r >= bound
    if (form == "json") {
        printf "%s\n{\"target\":\"%s %s\",\"value\":%.4f,\"low\":%.4f,\"high\":%.4f,", \
            target_count++ ? "," : "", workload, words, r, low, high
        printf "\"bound\":\"%s %s\",\"met\":%s}", sign, bound, met ? "true" : "false"
        return
    }
    if (!target_count++) printf "Targets: median of the rounds' ratios (lowest to highest)\n"
    printf "  %-3s %-48s %7.2f (%.2f to %.2f)  %s %s  %s\n", workload, words, r, low, high, sign, \
        bound, met ? "met" : "MISSED"
}

function targets(    i, large) {
    split("L1 L4", large, " ")
    for (i = 1; i <= 2; i++) {
        target("shm", large[i], "ours-off", "cost", "dav", "<=", 0.35, "CPU of mod_dav's")
        target("shm", large[i], "ours-off", "cost", "nginx", "<=", 1.0, "CPU of nginx's")
        target("shm", large[i], "ours-off", "speed", "dav", ">=", 2.5, "speed of mod_dav's")
    }
    target("shm", "M", "ours-off", "cost", "dav", "<=", 0.6, "CPU of mod_dav's")
    target("shm", "S", "ours-off", "speed", "dav", ">=", 0.4, "speed of mod_dav's")
    target("shm", "S", "ours-off", "speed", "tus", ">=", 2.5, "speed of the tus server's")
    target("disk", "S", "ours-commit", "speed", "disk", ">=", 0.6, "speed of the disk's, synced")
    target("shm", "F", "ours-10000", "cost", "ours-10", "<=", 1.05, "CPU, 10000 sessions to 10")
    target("shm", "F", "ours-1000000", "cost", "ours-10", "<=", 1.05, "CPU, 1000000 sessions to 10")
    target("shm", "C", "ours-off", "memory", "plain", "<=", 40, "KiB a connection beyond httpd's")
}

function json_metric(key, what,    m) {
    m = middle(key, what)
    return sprintf("\"%s\":{\"median\":%.4f,\"low\":%.4f,\"high\":%.4f}", what, m, low, high)
}

function json_ratio(group, server, peer, what,    r) {
    r = compare(group, server, peer, what, 0)
    return sprintf("\"%s\":%s", what, r < 0 ? "null" : sprintf("%.4f", r))
}

function json_ratios(group, server,    list, n, i, peer, out) {
    n = split(columns_of(group), list, " ")
    for (i = 1; i <= n; i++) {
        peer = peer_in(list[i], server)
        if (peer == server) continue
        out = out sprintf("%s\"%s\":{%s,%s}", out == "" ? "" : ",", peer, \
            json_ratio(group, server, peer, "cost"), json_ratio(group, server, peer, "speed"))
    }
    return out
}

function json(group,    part, names, n, i, key) {
    split(group, part, SUBSEP)
    n = split(servers[group], names, " ")
    for (i = 1; i <= n; i++) {
        key = group SUBSEP names[i]
        printf "%s\n{\"place\":\"%s\",\"workload\":\"%s\",\"server\":\"%s\",", \
            json_count++ ? "," : "", part[1], part[2], names[i]
        printf "\"cost_unit\":\"%s\",\"speed_unit\":\"%s\",%s,%s,%s,%s,\"ratios\":{%s}}", \
            unit_of(part[2], "cost"), unit_of(part[2], "speed"), json_metric(key, "cost"), \
            json_metric(key, "speed"), json_metric(key, "p50"), json_metric(key, "p99"), \
            json_ratios(group, names[i])
    }
}

END {
    if (form == "json") {
        printf "\"summary\":["
        for (g = 1; g <= group_count; g++) json(groups[g])
        printf "],\n\"targets\":["
        if (!quick) targets()
        printf "]"
        exit
    }
    for (g = 1; g <= group_count; g++) table(groups[g])
    if (!quick) targets()
}
