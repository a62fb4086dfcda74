// What the package @grpc/grpc-js makes of a response.
//
// node grpc-js.mjs ADDRESS...    calls grpc.health.v1.Health/Check at each; prints [version, [[code, message], ...]] as JSON
import { readFileSync } from 'node:fs';
import { Client, credentials, status } from '@grpc/grpc-js';

const { version } = JSON.parse(readFileSync('node_modules/@grpc/grpc-js/package.json', 'utf8'));
const asIs = (bytes) => bytes;
const call = (address) =>
  new Promise((resolve) => {
    const client = new Client(address, credentials.createInsecure());
    const options = { deadline: Date.now() + 20_000 };
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, Buffer.alloc(0), options, (error) => {
      client.close();
      resolve(error ? [status[error.code], error.details] : ['OK', '']);
    });
  });
console.log(JSON.stringify([version, await Promise.all(process.argv.slice(2).map(call))]));
