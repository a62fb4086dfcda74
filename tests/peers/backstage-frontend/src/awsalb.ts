// What goes into `features` of createApp in the newer front-end system, as the guide has it.
import { FetchMiddlewares, createFetchApi } from '@backstage/core-app-api';
import {
  ApiBlueprint,
  configApiRef,
  createFrontendModule,
  discoveryApiRef,
  fetchApiRef,
  identityApiRef,
} from '@backstage/frontend-plugin-api';
import { reloadWhenSessionHasEnded } from './sessionEnd';
import { signIn } from './signIn';

const calls = ApiBlueprint.make({
  name: 'fetch',
  params: define =>
    define({
      api: fetchApiRef,
      deps: { config: configApiRef, discoveryApi: discoveryApiRef, identityApi: identityApiRef },
      factory: ({ config, discoveryApi, identityApi }) =>
        createFetchApi({
          middleware: [
            reloadWhenSessionHasEnded,
            FetchMiddlewares.resolvePluginProtocol({ discoveryApi }),
            FetchMiddlewares.injectIdentityAuth({ config, identityApi }),
          ],
        }),
    }),
});

export const awsalb = createFrontendModule({ pluginId: 'app', extensions: [signIn, calls] });
