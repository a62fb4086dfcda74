// The newer front-end system.
import { createRoot } from 'react-dom/client';
import { createApp } from '@backstage/frontend-defaults';
import { FetchMiddlewares, createFetchApi } from '@backstage/core-app-api';
import {
  ApiBlueprint,
  PageBlueprint,
  configApiRef,
  createFrontendModule,
  createFrontendPlugin,
  discoveryApiRef,
  fetchApiRef,
  identityApiRef,
} from '@backstage/frontend-plugin-api';
import { ConfigReader } from '@backstage/config';
import { configLoader } from './config';
import { Home } from './home';
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

const home = createFrontendPlugin({
  pluginId: 'home',
  extensions: [PageBlueprint.make({ params: { path: '/', loader: async () => <Home /> } })],
});

const app = createApp({
  advanced: { configLoader: async () => ({ config: ConfigReader.fromConfigs(await configLoader()) }) },
  features: [home, createFrontendModule({ pluginId: 'app', extensions: [signIn, calls] })],
});

createRoot(document.getElementById('root')).render(app.createRoot());
