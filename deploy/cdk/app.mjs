// The load balancer, its rules and a service with alb-auth-proxy, as one stack of the AWS CDK:
//     npm ci && CDK_OUTDIR=cdk.out node app.mjs
// template.json is what it synthesises. A test reads that file, and .ci/deploy compares it with a new synthesis.
import { App, CfnParameter, DefaultStackSynthesizer, Duration, SecretValue, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as logs from 'aws-cdk-lib/aws-logs';

const provider = {
  issuer: 'https://login.microsoftonline.com/TENANT/v2.0',
  authorizationEndpoint: 'https://login.microsoftonline.com/TENANT/oauth2/v2.0/authorize',
  tokenEndpoint: 'https://login.microsoftonline.com/TENANT/oauth2/v2.0/token',
  userInfoEndpoint: 'https://graph.microsoft.com/oidc/userinfo',
  clientId: 'CLIENT',
};

// The issuer of the bearer tokens of machines.
const machines = {
  issuer: 'https://login.microsoftonline.com/TENANT/v2.0',
  jwksEndpoint: 'https://login.microsoftonline.com/TENANT/discovery/v2.0/keys',
};

// A finding of checkov that is suppressed, with the reason.
const skip = (construct, id, comment) => construct.node.defaultChild.addMetadata('checkov', { skip: [{ id, comment }] });

class Edge extends Stack {
  constructor(scope, id) {
    super(scope, id, {
      analyticsReporting: false,
      description: 'A service behind a load balancer that signs users in',
      // The stack has no assets, so it needs nothing of `cdk bootstrap`.
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
    });
    const certificate = new CfnParameter(this, 'CertificateArn', { type: 'String' });
    const proxyImage = new CfnParameter(this, 'ProxyImage', { type: 'String', allowedPattern: '^.+@sha256:[0-9a-f]{64}$' });
    const image = new CfnParameter(this, 'ApplicationImage', { type: 'String', allowedPattern: '^.+@sha256:[0-9a-f]{64}$' });

    const vpc = new ec2.Vpc(this, 'Vpc', { maxAzs: 2, natGateways: 1, restrictDefaultSecurityGroup: false });
    const edgeGroup = new ec2.SecurityGroup(this, 'EdgeSecurityGroup', { vpc, allowAllOutbound: false });
    edgeGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Clients');
    edgeGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'The identity provider');
    const serviceGroup = new ec2.SecurityGroup(this, 'ServiceSecurityGroup', { vpc, allowAllOutbound: false });
    serviceGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Public keys of the load balancer, images, logs');

    const balancer = new elb.ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc,
      internetFacing: true,
      securityGroup: edgeGroup,
      dropInvalidHeaderFields: true,
      desyncMitigationMode: elb.DesyncMitigationMode.STRICTEST,
      deletionProtection: true,
    });
    skip(balancer, 'CKV_AWS_91', 'Access logs need a bucket whose policy names the region: balancer.logAccessLogs(bucket).');
    const listener = balancer.addListener('Https', {
      port: 443,
      // Without it the CDK opens the group for every address by itself.
      open: false,
      certificates: [elb.ListenerCertificate.fromArn(certificate.valueAsString)],
      sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
      defaultAction: elb.ListenerAction.fixedResponse(404, { contentType: 'text/plain' }),
    });

    const task = new ecs.FargateTaskDefinition(this, 'Task', { cpu: 512, memoryLimitMiB: 1024 });
    const logGroup = new logs.LogGroup(this, 'LogGroup', { retention: logs.RetentionDays.THIRTEEN_MONTHS });
    skip(logGroup, 'CKV_AWS_158', 'The log has no token, email or claim; CloudWatch encrypts it with its own key.');
    const logging = ecs.LogDrivers.awsLogs({ streamPrefix: 'service', logGroup });
    const hardened = name => {
      const parameters = new ecs.LinuxParameters(this, `${name}Linux`, { initProcessEnabled: false });
      parameters.dropCapabilities(ecs.Capability.ALL);
      return { logging, readonlyRootFilesystem: true, linuxParameters: parameters };
    };
    task.addContainer('alb-auth-proxy', {
      ...hardened('Proxy'),
      image: ecs.ContainerImage.fromRegistry(proxyImage.valueAsString),
      user: '65532:65532',
      portMappings: [{ containerPort: 3000 }],
      stopTimeout: Duration.seconds(60),
      environment: {
        // The signer: the ARN of the load balancer itself, not of the listener.
        ALB_AUTH_SIGNERS: balancer.loadBalancerArn,
        ALB_AUTH_ISSUER: provider.issuer,
        ALB_AUTH_CLIENT_IDS: provider.clientId,
        ALB_AUTH_EMAIL_DOMAINS: 'example.com',
        // The settings of deploy/kubernetes/proxy.yaml, which the image has.
        ALB_PROXY_CONFIG: '/etc/alb-auth-proxy/proxy.yaml',
        ALB_PROXY_SHUTDOWN_DELAY_SECONDS: '15',
      },
    });
    // Containers of a task share their loopback interface: the application listens there and nowhere else.
    task.addContainer('application', {
      ...hardened('Application'),
      image: ecs.ContainerImage.fromRegistry(image.valueAsString),
      environment: { HOST: '127.0.0.1', PORT: '8080' },
    });
    const service = new ecs.FargateService(this, 'Service', {
      cluster: new ecs.Cluster(this, 'Cluster', { vpc, containerInsightsV2: ecs.ContainerInsights.ENABLED }),
      taskDefinition: task,
      desiredCount: 2,
      minHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      securityGroups: [serviceGroup],
    });
    const targets = new elb.ApplicationTargetGroup(this, 'Targets', {
      vpc,
      port: 3000,
      protocol: elb.ApplicationProtocol.HTTP,
      targets: [service.loadBalancerTarget({ containerName: 'alb-auth-proxy', containerPort: 3000 })],
      deregistrationDelay: Duration.seconds(30),
      healthCheck: { path: '/.alb-auth-proxy/ready', interval: Duration.seconds(10), healthyThresholdCount: 2 },
    });

    const forward = () => elb.ListenerAction.forward([targets]);
    const signIn = onUnauthenticatedRequest =>
      elb.ListenerAction.authenticateOidc({
        ...provider,
        clientSecret: SecretValue.secretsManager('app/oidc', { jsonField: 'client_secret' }),
        scope: 'openid profile email',
        sessionTimeout: Duration.hours(10),
        onUnauthenticatedRequest,
        // The rule to the provider is above, with the others.
        allowHttpsOutbound: false,
        next: forward(),
      });
    const rule = (name, priority, paths, action, ...conditions) =>
      new elb.ApplicationListenerRule(this, name, {
        listener,
        priority,
        conditions: [elb.ListenerCondition.hostHeaders(['app.example.com']), elb.ListenerCondition.pathPatterns(paths), ...conditions],
        action,
      });
    rule('InternalPathsRule', 1, ['/healthz', '/metrics', '/.alb-auth-proxy/*', '/.backstage/health/*'], elb.ListenerAction.fixedResponse(404));
    const signOut = rule('SignOutRule', 110, ['/sign-out', '/signed-out'], forward());
    signOut.node.defaultChild.addMetadata('WithoutSignIn', 'A sign-out route and the page after it read no identity.');
    // OAuth clients such as MCP clients read here where to get a token. A document without secrets.
    const get = elb.ListenerCondition.httpRequestMethods(['GET']);
    const metadata = rule('ResourceMetadataRule', 120, ['/.well-known/oauth-protected-resource'], forward(), get);
    metadata.node.defaultChild.addMetadata('WithoutSignIn', 'The protected resource metadata of RFC 9728 is public.');
    // Machines, command line clients and MCP clients have a bearer token and no browser. The load balancer verifies it; the application
    // verifies it again, because a request that reaches the target by another way has passed no rule.
    const bearer = elb.ListenerAction.authenticateJwt({ ...machines, next: forward() });
    const machineRule = rule('MachineRule', 130, ['/machine/*', '/cli/*', '/mcp'], bearer);
    // The construct has no option for claims. Without aud, a token that the provider issued for another service would pass.
    machineRule.node.defaultChild.addPropertyOverride('Actions.0.JwtValidationConfig.AdditionalClaims', [
      { Name: 'aud', Format: 'single-string', Values: ['api://MACHINES'] },
    ]);
    rule('ApiRule', 140, ['/api/*'], signIn(elb.UnauthenticatedAction.DENY));
    rule('PagesRule', 150, ['/*'], signIn(elb.UnauthenticatedAction.AUTHENTICATE));
  }
}

const app = new App();
new Edge(app, 'Edge');
