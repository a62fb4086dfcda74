// An MCP client that signs in by the SDK, for the peer tests.
//
// node mcp-sign-in.mjs AUTHORIZATION_SERVER PORT
// Serves at http://127.0.0.1:PORT what an MCP server says of itself (/.well-known/oauth-protected-resource), the client id
// metadata document of the client (/client.json, to be found at https://mcp-client.example/client.json), and its callback.
// Prints the address at which a user has to approve, then the token.
import { createServer } from 'node:http';
import { auth } from '@modelcontextprotocol/sdk/client/auth.js';

const [authorizationServer, port] = process.argv.slice(2);
const here = `http://127.0.0.1:${port}`;
const client = 'https://mcp-client.example/client.json';
const redirectUrl = `${here}/callback`;
const metadata = {
  client_id: client,
  client_name: 'A client of the peer tests',
  redirect_uris: [redirectUrl],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  scope: 'openid',
};
let called;
const code = new Promise(resolve => (called = resolve));
const documents = {
  '/.well-known/oauth-protected-resource': { resource: here, authorization_servers: [authorizationServer] },
  '/client.json': metadata,
};
const server = createServer((request, response) => {
  const url = new URL(request.url, here);
  if (url.pathname === '/callback') {
    called(url.searchParams.get('code'));
    return response.end('done');
  }
  const document = documents[url.pathname];
  response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(document ?? {}));
});
await new Promise(resolve => server.listen(Number(port), '127.0.0.1', resolve));

const kept = {};
const provider = {
  redirectUrl,
  clientMetadata: metadata,
  clientMetadataUrl: client,
  clientInformation: () => kept.client,
  saveClientInformation: information => (kept.client = information),
  tokens: () => kept.tokens,
  saveTokens: tokens => (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: verifier => (kept.verifier = verifier),
  redirectToAuthorization: url => console.log(`Open this URL to continue: ${url}`),
};
await auth(provider, { serverUrl: here });
await auth(provider, { serverUrl: here, authorizationCode: await code });
console.log(JSON.stringify({ client: kept.client.client_id, token: kept.tokens.access_token }));
server.close();
server.closeAllConnections();
