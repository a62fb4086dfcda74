import { useEffect, useState } from 'react';
import { fetchApiRef, identityApiRef, useApi } from '@backstage/core-plugin-api';

// Who is signed in, and what a back end says when it is asked with that user's token.
export function Home() {
  const identityApi = useApi(identityApiRef);
  const { fetch } = useApi(fetchApiRef);
  const [user, setUser] = useState();
  const [said, setSaid] = useState('');

  useEffect(() => {
    Promise.all([identityApi.getProfileInfo(), identityApi.getBackstageIdentity()]).then(
      ([profile, identity]) => setUser({ profile, identity }),
      error => setSaid(String(error)),
    );
  }, [identityApi]);

  const ask = async () => {
    setSaid('...');
    try {
      const answer = await fetch('plugin://whoami/me');
      setSaid(`${answer.status} ${await answer.text()}`);
    } catch (error) {
      setSaid(String(error));
    }
  };

  if (!user) return <p id="said">{said}</p>;
  return (
    <main>
      <h2 id="name">{user.profile.displayName}</h2>
      <p id="email">{user.profile.email}</p>
      <p id="entity-ref">{user.identity.userEntityRef}</p>
      <p id="ownership">{user.identity.ownershipEntityRefs.join(' ')}</p>
      <button id="ask" onClick={ask}>
        Who am I?
      </button>
      {/* What the stock "Sign out" of the settings does. */}
      <button id="sign-out" onClick={() => identityApi.signOut()}>
        Sign out
      </button>
      <pre id="said">{said}</pre>
    </main>
  );
}
