// The older front-end system.
import { createRoot } from 'react-dom/client';
import { Route } from 'react-router-dom';
import { createApp } from '@backstage/app-defaults';
import { AppRouter, FetchMiddlewares, FlatRoutes, createFetchApi } from '@backstage/core-app-api';
import { ProxiedSignInPage } from '@backstage/core-components';
import { configApiRef, createApiFactory, discoveryApiRef, fetchApiRef, identityApiRef } from '@backstage/core-plugin-api';
import { configLoader } from './config';
import { Home } from './home';
import { SignInError, reloadWhenSessionHasEnded } from './sessionEnd';
import { signingOutForGood } from './signOut';

const app = createApp({
  configLoader,
  apis: [
    createApiFactory({
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
  ],
  components: {
    SignInPage: props => (
      <ProxiedSignInPage
        {...props}
        provider="awsalb"
        ErrorComponent={SignInError}
        onSignInSuccess={identity => props.onSignInSuccess(signingOutForGood(identity))}
      />
    ),
  },
});

const App = app.createRoot(
  <AppRouter>
    <FlatRoutes>
      <Route path="/" element={<Home />} />
    </FlatRoutes>
  </AppRouter>,
);

createRoot(document.getElementById('root')).render(<App />);
