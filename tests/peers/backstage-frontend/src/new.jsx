// The newer front-end system.
import { createRoot } from 'react-dom/client';
import { createApp } from '@backstage/frontend-defaults';
import { FetchMiddlewares, createFetchApi } from '@backstage/core-app-api';
import { ProxiedSignInPage } from '@backstage/core-components';
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
import { SignInPageBlueprint } from '@backstage/plugin-app-react';
import { ConfigReader } from '@backstage/config';
import { configLoader } from './config';
import { Home } from './home';
import { SignInError, reloadWhenSessionHasEnded } from './session-end';

const signIn = SignInPageBlueprint.make({
  params: {
    loader: async () => props => <ProxiedSignInPage {...props} provider="awsalb" ErrorComponent={SignInError} />,
  },
});

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
