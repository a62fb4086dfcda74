// What a team would write: a verifier for forward auth with the package aws-jwt-verify.
//
// node verifier.mjs PORT KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    PEERS_MODULES: the folder with the package
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.PEERS_MODULES}/`);
const { AlbJwtVerifier } = require('aws-jwt-verify');
const { AlbJwksCache } = require('aws-jwt-verify/alb-cache');
const [port, jwksUri, albArn, issuer, clientId] = process.argv.slice(2);
// The package's own fetcher speaks https alone, and the key endpoint of a run is on plain loopback.
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
const verifier = AlbJwtVerifier.create({ albArn, issuer, clientId, jwksUri }, { jwksCache: new AlbJwksCache({ fetcher }) });

createServer(async (request, response) => {
  try {
    const claims = await verifier.verify(request.headers['x-amzn-oidc-data']);
    response.writeHead(200, { 'x-forwarded-user': claims.email }).end();
  } catch {
    response.writeHead(401).end();
  }
}).listen(Number(port), '127.0.0.1');
