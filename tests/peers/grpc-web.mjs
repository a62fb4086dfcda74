// What the package grpc-web, the client of browsers, makes of a response: with the package xhr2 in place of a browser's
// XMLHttpRequest. Both follow redirects. A browser then does not show the page the other site's response.
//
// node grpc-web.mjs ADDRESS...    calls grpc.health.v1.Health/Check at each; prints [version, [[code, message], ...]] as JSON
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
globalThis.XMLHttpRequest = require('xhr2');
const { GrpcWebClientBase, MethodDescriptor, MethodType, StatusCode } = require('grpc-web');

const { version } = JSON.parse(readFileSync('node_modules/grpc-web/package.json', 'utf8'));
const nameOf = (code) => Object.keys(StatusCode).find((name) => StatusCode[name] === code) ?? String(code);
class Message {}
const path = '/grpc.health.v1.Health/Check';
const method = new MethodDescriptor(
  path, MethodType.UNARY, Message, Message, () => new Uint8Array(0), () => new Message(),
);
const call = (address) =>
  new Promise((resolve) => {
    const client = new GrpcWebClientBase({ format: 'binary' });
    client.rpcCall(`http://${address}${path}`, new Message(), {}, method, (error) => {
      resolve(error ? [nameOf(error.code), error.message] : ['OK', '']);
    });
  });
const called = await Promise.all(process.argv.slice(2).map(call));
console.log(JSON.stringify([version, called]));
// A redirect that led nowhere leaves a connection behind.
process.exit(0);
