// The stock "Sign out" ends the load balancer's session too.
import type { IdentityApi } from '@backstage/core-plugin-api';

// The form leads the browser on to signOutUrl. If signOut returned, Backstage would open its own address instead.
export const signingOutForGood = (identity: IdentityApi): IdentityApi => ({
  getProfileInfo: () => identity.getProfileInfo(),
  getBackstageIdentity: () => identity.getBackstageIdentity(),
  getCredentials: () => identity.getCredentials(),
  signOut: async () => {
    await identity.signOut();
    const form = document.createElement('form');
    form.method = 'post';
    form.action = '/api/auth/awsalb/logout';
    document.body.append(form);
    form.submit();
    await new Promise(() => {});
  },
});
