#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sample server application for upload-reply, "BGUploadNotify Reference": answers every uploaded
# file with its SHA-256, as "<digest>  <bytes> bytes". Copy it and put your own work into reply().
#
# httpd runs it as a CGI program (mod_cgid or mod_cgi). It has to know the spool folder:
#     SetEnv BGUPLOAD_SPOOL /var/lib/mod_bgupload/spool
# Other paths are refused, whoever asks.
#
# It is asked again when its answer was lost, with the same session id: the same file then has to
# give the same reply, or at least do no harm twice. Here it does by nature.
set -u
# The server's user may be another one, and has to read the reply. Its folder keeps others out.
umask 022
LC_ALL=C
export LC_ALL

id=${HTTP_BITS_SESSION_ID-}
data=${HTTP_BITS_REQUEST_DATAFILE_NAME-}
response=${HTTP_BITS_RESPONSE_DATAFILE_NAME-}
spool=${BGUPLOAD_SPOOL-}

# answer STATUS: the end. mod_bgupload passes errors of 400 and more on to the client: it gives up
# after most that begin with 4, and tries again after most that begin with 5.
answer() {
    printf 'Status: %s\nContent-Type: text/plain\n\n' "$1"
    exit 0
}

# What went wrong is for the server's error log, not for the client.
fail() {
    printf 'sample-application: %s (session %s)\n' "$1" "$id" | tr -c '[:print:]\n' '?' >&2
    answer '500 Internal Server Error'
}

# Absolute, in the spool, and without a way out of it
is_in_spool() {
    case $1 in
        */../* | */.. | */./* | *//*) return 1 ;;
        "$spool"/?*) return 0 ;;
    esac
    return 1
}

# The reply to a file, on standard output. This is the application.
reply() {
    digest=$(sha256sum <"$1") && size=$(wc -c <"$1") &&
        printf '%s  %s bytes\n' "${digest%% *}" "$size"
}

[ "${REQUEST_METHOD-}" = POST ] || fail 'not asked by POST'
case $spool in
    /?*) ;;
    *) fail 'BGUPLOAD_SPOOL is not set to an absolute path' ;;
esac
is_in_spool "$data" || fail 'the path of the file is not in the spool'
is_in_spool "$response" || fail 'the path of the reply is not in the spool'
[ -f "$data" ] && [ ! -L "$data" ] || fail 'the file cannot be found'

# Under another name first: nobody shall take half a reply for a whole one.
new=$response.$$
trap 'rm -f "$new"' EXIT
reply "$data" >"$new" || fail 'the file cannot be read or the reply cannot be written'
mv -f "$new" "$response" || fail 'the reply cannot be put into its place'
# To have the file published at its destination as well, when the client completes the upload:
#     printf 'BITS-Copy-File-To-Destination: yes\n'
answer '200 OK'
