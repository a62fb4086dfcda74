// A stock Backstage back end for the peer tests, made of the plugins that are named.
//
// node backend.mjs PLUGIN,PLUGIN,.. --config FILE
// Plugins: catalog, proxy, whoami (says whose token a call carried), auth (with the providers awsalb and guest).
// KEY_ENDPOINT, where set, stands in for AWS's key endpoint, whose address the stock provider composes by itself, and
// CLIENT_DOCUMENTS for https://mcp-client.example, because a client id metadata document has to be on https.
// GET /.backstage/health/v1/readiness answers 200 when it is up.
import { createBackend } from '@backstage/backend-defaults';
import { coreServices, createBackendPlugin } from '@backstage/backend-plugin-api';

const whoami = createBackendPlugin({
  pluginId: 'whoami',
  register(env) {
    env.registerInit({
      deps: {
        http: coreServices.httpRouter,
        httpAuth: coreServices.httpAuth,
        userInfo: coreServices.userInfo,
      },
      async init({ http, httpAuth, userInfo }) {
        http.use(async (request, response, next) => {
          try {
            // Cookies carry limited user tokens: the road of images and downloads.
            const credentials = await httpAuth.credentials(request, { allow: ['user'], allowLimitedAccess: true });
            response.json({ principal: credentials.principal, userInfo: await userInfo.getUserInfo(credentials) });
          } catch (error) {
            next(error);
          }
        });
        http.addAuthPolicy({ path: '/cookie', allow: 'user-cookie' });
      },
    });
  },
});

const plugins = {
  catalog: () => [import('@backstage/plugin-catalog-backend')],
  proxy: () => [import('@backstage/plugin-proxy-backend')],
  whoami: () => [whoami],
  auth: () => [
    import('@backstage/plugin-auth-backend'),
    import('@backstage/plugin-auth-backend-module-aws-alb-provider'),
    import('@backstage/plugin-auth-backend-module-guest-provider'),
  ],
};

const elsewhere = [
  [/^https:\/\/public-keys\.auth\.elb\.[a-z0-9-]+\.amazonaws\.com\//, process.env.KEY_ENDPOINT],
  [/^https:\/\/mcp-client\.example\//, process.env.CLIENT_DOCUMENTS],
].filter(([, to]) => to);
const toTheInternet = globalThis.fetch;
globalThis.fetch = (resource, options) => {
  const [from, to] = (typeof resource === 'string' && elsewhere.find(([from]) => from.test(resource))) || [];
  return toTheInternet(from ? resource.replace(from, `${to.replace(/\/$/, '')}/`) : resource, options);
};

const backend = createBackend();
for (const name of process.argv[2].split(',')) {
  for (const feature of plugins[name]()) backend.add(feature);
}
await backend.start();
