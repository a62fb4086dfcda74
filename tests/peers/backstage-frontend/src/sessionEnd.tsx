// What to do when the load balancer's session has ended while a page is open. A script cannot sign in: it sees a redirect to
// another host, or a 401. A page can: one reload, and the load balancer takes the browser through the sign-in.
import { useEffect } from 'react';
import type { FetchMiddleware } from '@backstage/core-app-api';
import { ErrorPanel } from '@backstage/core-components';

// Who was sent round a moment ago and is here again is not helped by another round.
const ONCE_IN_MS = 60_000;
const LAST = 'reloaded-for-sign-in';

function reloadOnce() {
  const last = Number(sessionStorage.getItem(LAST));
  if (Date.now() - last < ONCE_IN_MS) return;
  sessionStorage.setItem(LAST, String(Date.now()));
  location.reload();
}

// Tells the end of a session from every other failure: only then a redirect is tried, or a 401 given, here.
async function sessionHasEnded() {
  try {
    const answer = await fetch('/api/auth/awsalb/refresh', {
      headers: { 'X-Requested-With': 'XMLHttpRequest' },
      credentials: 'include',
      redirect: 'manual',
    });
    return answer.type === 'opaqueredirect' || answer.status === 401;
  } catch {
    return false;
  }
}

// For the fetch API, before all other middleware: calls that fail without a session reload the page.
export const reloadWhenSessionHasEnded: FetchMiddleware = {
  apply: next => async (resource, options) => {
    const failed = async () => (await sessionHasEnded()) && reloadOnce();
    try {
      const answer = await next(resource, options);
      if (answer.status === 401) await failed();
      return answer;
    } catch (error) {
      await failed();
      throw error;
    }
  },
};

// For the sign-in page: it shows what is wrong, unless a reload may help.
export function SignInError({ error }: { error?: Error }) {
  useEffect(() => {
    sessionHasEnded().then(ended => ended && reloadOnce());
  }, []);
  return error ? <ErrorPanel title="You are not signed in" error={error} /> : null;
}
