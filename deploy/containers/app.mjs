// A Node.js service behind a load balancer: it verifies x-amzn-oidc-data of each request by examples/verify/verify.mjs.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { verify } from '../../examples/verify/verify.mjs';

const { ALB_AUTH_KEY_ENDPOINT, ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS, NODE_EXTRA_CA_CERTS, PORT } = process.env;
const trusted = [ALB_AUTH_KEY_ENDPOINT, ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS];
const [endpoint, signer] = [new URL(ALB_AUTH_KEY_ENDPOINT), ALB_AUTH_SIGNERS];
// Keys over plain http, or by a CA of an emulator, are for the local load balancer, whose account no AWS customer has.
const emulated = signer.split(':')[4] === '000000000000';
if (endpoint.protocol !== 'https:' && !emulated) throw new Error('the key endpoint must be https');
if (NODE_EXTRA_CA_CERTS && !emulated) throw new Error('NODE_EXTRA_CA_CERTS: a CA of an emulator is for its own load balancer only');
// Node.js itself ignores a file that it cannot read.
if (NODE_EXTRA_CA_CERTS && !existsSync(NODE_EXTRA_CA_CERTS)) throw new Error(`${NODE_EXTRA_CA_CERTS} does not exist yet`);

createServer(async (request, response) => {
  const respond = (status, text) => response.writeHead(status, { 'cache-control': 'no-store' }).end(`${text}\n`);
  // Node.js joins repeated headers with a comma, which no token has.
  const token = request.headers['x-amzn-oidc-data'];
  if (!token) return respond(401, 'sign in');
  try {
    const claims = await verify(token, ...trusted);
    respond(200, `Node.js knows ${claims.email ?? claims.sub}`);
  } catch (error) {
    console.error(`rejected: ${error.message}`);
    respond(401, 'sign in');
  }
}).listen(Number(PORT));
