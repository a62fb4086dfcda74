// A sign-in page written by hand for the older front-end system, as teams have them from before ProxiedSignInPage: it asks for
// the session itself, takes the user from `id`, and lets guests in where there is none.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Route } from 'react-router-dom';
import { createApp } from '@backstage/app-defaults';
import { AppRouter, FlatRoutes } from '@backstage/core-app-api';
import { Progress, UserIdentity } from '@backstage/core-components';
import { discoveryApiRef, useApi } from '@backstage/core-plugin-api';
import { configLoader } from './config';
import { Home } from './home';

const GUEST = { userId: 'guest', profile: { email: 'guest@example.com', displayName: 'Guest', picture: '' } };

async function session(discoveryApi) {
  const answer = await fetch(`${await discoveryApi.getBaseUrl('auth')}/awsalb/refresh`, { credentials: 'include' });
  if (!answer.ok) throw new Error(`no session: ${answer.status}`);
  const { profile, backstageIdentity } = await answer.json();
  return { userId: backstageIdentity.id, profile, getIdToken: async () => backstageIdentity.token };
}

function SignIn({ onSignInSuccess }) {
  const discoveryApi = useApi(discoveryApiRef);
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (asked) return;
    setAsked(true);
    session(discoveryApi)
      .catch(() => GUEST)
      .then(user => onSignInSuccess(UserIdentity.fromLegacy(user)));
  }, [asked, discoveryApi, onSignInSuccess]);
  return <Progress />;
}

const app = createApp({ configLoader, components: { SignInPage: SignIn } });

const App = app.createRoot(
  <AppRouter>
    <FlatRoutes>
      <Route path="/" element={<Home />} />
    </FlatRoutes>
  </AppRouter>,
);

createRoot(document.getElementById('root')).render(<App />);
