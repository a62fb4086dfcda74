// A stock Backstage back end with the auth backend and its guest provider, for the peer tests.
//
// node replica.mjs --config FILE
// GET /api/auth/mint/PLUGIN            a plugin token of the auth backend for that plugin, as text
// GET /api/catalog/whose               says whose token a call carried, as the plugin catalog sees it
// GET /.backstage/health/v1/readiness  answers 200 when it is up
import { createBackend } from '@backstage/backend-defaults';
import { coreServices, createBackendModule, createBackendPlugin } from '@backstage/backend-plugin-api';

const mint = createBackendModule({
  pluginId: 'auth',
  moduleId: 'mint',
  register(env) {
    env.registerInit({
      deps: { http: coreServices.httpRouter, auth: coreServices.auth },
      async init({ http, auth }) {
        http.use(async (request, response, next) => {
          const target = request.path.match(/^\/mint\/(\w+)$/)?.[1];
          if (!target) return next();
          try {
            const onBehalfOf = await auth.getOwnServiceCredentials();
            response.send((await auth.getPluginRequestToken({ onBehalfOf, targetPluginId: target })).token);
          } catch (error) {
            next(error);
          }
        });
      },
    });
  },
});

const catalog = createBackendPlugin({
  pluginId: 'catalog',
  register(env) {
    env.registerInit({
      deps: { http: coreServices.httpRouter, httpAuth: coreServices.httpAuth },
      async init({ http, httpAuth }) {
        http.use(async (request, response, next) => {
          if (request.path !== '/whose') return next();
          try {
            response.json((await httpAuth.credentials(request, { allow: ['user', 'service'] })).principal);
          } catch (error) {
            next(error);
          }
        });
      },
    });
  },
});

const backend = createBackend();
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(mint);
backend.add(catalog);
await backend.start();
