#!/usr/bin/env bash
# ListenerAction.authenticateJwt of the CDK has no option for additional claims, and drops them silently.
#
# The action jwt-validation of an Application Load Balancer compares issuer, signature and times, and further claims only if the rule
# lists them: AdditionalClaims, in CloudFormation and in the CDK's own generated CfnListenerRule. The higher-level construct takes
# issuer, jwksEndpoint and next. JavaScript that passes additionalClaims to it synthesises a rule without them. Such a rule accepts
# each token of the issuer, whichever service it was issued for, so the target has to compare the audience. A property override on the
# listener rule adds the claims.
#
# Versions:  aws-cdk-lib 2.276.0, constructs 10.8.1; Node.js 20.20.
# Behaviour seen, members of JwtValidationConfig in the synthesised template:
#
#   authenticateJwt({ issuer, jwksEndpoint, next })                      Issuer, JwksEndpoint
#   authenticateJwt({ issuer, jwksEndpoint, additionalClaims, next })    Issuer, JwksEndpoint
#   the same with addPropertyOverride on the CfnListenerRule             AdditionalClaims, Issuer, JwksEndpoint
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs Node.js with npm; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts aws-cdk-lib@2.276.0 constructs@10.8.1
cat >synth.mjs <<'JS'
import { App, Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  ApplicationListenerRule,
  ApplicationLoadBalancer,
  ListenerAction,
  ListenerCertificate,
  ListenerCondition,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';

const app = new App();
const stack = new Stack(app, 'Site');
const balancer = new ApplicationLoadBalancer(stack, 'Balancer', { vpc: new Vpc(stack, 'Network') });
const certificate = 'arn:aws:acm:eu-central-1:111122223333:certificate/example';
const listener = balancer.addListener('Https', {
  port: 443,
  certificates: [ListenerCertificate.fromArn(certificate)],
  defaultAction: ListenerAction.fixedResponse(404),
});
const issuer = 'https://idp.example.com';
const additionalClaims = [{ format: 'single-string', name: 'aud', values: ['api://orders'] }];
const rule = (priority, options) =>
  new ApplicationListenerRule(stack, `Rule${priority}`, {
    listener,
    priority,
    conditions: [ListenerCondition.pathPatterns([`/${priority}/*`])],
    action: ListenerAction.authenticateJwt({
      issuer,
      jwksEndpoint: `${issuer}/keys`,
      next: ListenerAction.fixedResponse(200),
      ...options,
    }),
  });
rule(1, {});
rule(2, { additionalClaims });
const overridden = rule(3, {}).node.defaultChild;
overridden.addPropertyOverride('Actions.0.JwtValidationConfig.AdditionalClaims', [
  { Format: 'single-string', Name: 'aud', Values: ['api://orders'] },
]);

const { Resources } = app.synth().getStackByName('Site').template;
const rules = Object.values(Resources).filter(({ Type }) => Type === 'AWS::ElasticLoadBalancingV2::ListenerRule');
rules.sort((one, other) => one.Properties.Priority - other.Properties.Priority);
for (const { Properties } of rules) {
  console.log(Properties.Priority, Object.keys(Properties.Actions[0].JwtValidationConfig).sort().join(', '));
}
JS
seen=$(node synth.mjs)
echo "$seen"
expected='1 Issuer, JwksEndpoint
2 Issuer, JwksEndpoint
3 AdditionalClaims, Issuer, JwksEndpoint'
[ "$seen" = "$expected" ] || {
    echo "expected:"
    echo "$expected"
    exit 1
}
