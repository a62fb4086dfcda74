// The package oidc-provider as an identity provider for the peer tests: one client, any user name, no pages.
//
// node oidc-provider.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI AUTH_METHOD
// Prints "ready" when it listens.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, clientId, clientSecret, redirectUri, authMethod] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: authMethod,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
  ],
  // A load balancer sends no PKCE.
  pkce: { required: () => false },
  features: { devInteractions: { enabled: false } },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'] },
  // Short, so that a test sees a refresh.
  ttl: { AccessToken: () => 2, IdToken: () => 60 },
  // A load balancer sends no prompt=consent, without which this provider would give no refresh token.
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // Whoever signs in has consented.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid email profile offline_access');
    await grant.save();
    return grant;
  },
  findAccount: async (_ctx, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: true,
      name: id,
      given_name: id,
      family_name: 'Doe',
    }),
  }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['only for tests'] },
});

const answer = provider.callback();
const server = createServer(async (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    // The page that a person would fill in.
    await provider.interactionFinished(request, response, { login: { accountId: 'jane.doe' } });
    return;
  }
  answer(request, response);
});
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
