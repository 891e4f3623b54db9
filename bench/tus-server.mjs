// SPDX-License-Identifier: Apache-2.0
// The tus server of bench/run: @tus/server, which stores files by @tus/file-store.
//
//     node tus-server.mjs PACKAGES                             tells versions, starts nothing
//     node tus-server.mjs PACKAGES FOLDER PORT [USER GROUP]    serves FOLDER/docroot/upload
//
// PACKAGES is where node_modules is. The server is one process, and its store and its locks are
// those that it has without being told: with locks in memory there can be no second process.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [packages, folder, port, user, group] = process.argv.slice(2);

// This file does not lie beside the packages, so a plain import would not find them.
const { resolve } = createRequire(`${packages}/`);
const load = (name) => import(pathToFileURL(resolve(name)));
const { Server } = await load('@tus/server');
const { FileStore } = await load('@tus/file-store');

// bench/run looks for [error] in the log.
function logError(request, error) {
    console.error(`[error] ${request.method} ${request.url}:`, error);
}

function serve() {
    const server = new Server({
        path: '/upload',
        datastore: new FileStore({ directory: `${folder}/docroot/upload` }),
        // The client looks for the files by the names that it gave them.
        namingFunction: (request, metadata) => metadata.filename,
        onResponseError: logError,
    });
    const listener = server.listen(Number(port), '127.0.0.1', () => {
        writeFileSync(`${folder}/run/tus.pid`, `${process.pid}\n`);
    });
    // Connections last as long as the client wants, as with the other servers.
    listener.keepAliveTimeout = 300000;
}

function tellVersions() {
    const about = JSON.parse(readFileSync(`${packages}/node_modules/@tus/server/package.json`));
    console.log(`@tus/server ${about.version}, Node.js ${process.versions.node}`);
}

if (folder === undefined) {
    tellVersions();
} else {
    if (user !== undefined) {
        process.initgroups(user, group);
        process.setgid(group);
        process.setuid(user);
    }
    serve();
}
