// The sign-in page in the newer front-end system, as the guide has it.
import { ProxiedSignInPage } from '@backstage/core-components';
import { SignInPageBlueprint } from '@backstage/plugin-app-react';
import { SignInError } from './sessionEnd';
import { signingOutForGood } from './signOut';

export const signIn = SignInPageBlueprint.make({
  params: {
    loader: async () => props => (
      <ProxiedSignInPage
        {...props}
        provider="awsalb"
        ErrorComponent={SignInError}
        onSignInSuccess={identity => props.onSignInSuccess(signingOutForGood(identity))}
      />
    ),
  },
});
