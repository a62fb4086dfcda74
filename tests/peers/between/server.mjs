// A server of Node.js: node server.mjs PORT

import http from "node:http";

http.createServer((_, response) => response.end("ok")).listen(Number(process.argv[2]), "127.0.0.1");
