//! The templates in deploy/, held to SECURITY.md's list of what the operator must do.

mod cloudformation;
mod images;
mod kubernetes;
mod memory;
mod model;
mod monitoring;
#[cfg(all(feature = "backstage-auth", feature = "rds", feature = "proxy"))]
mod settings;
#[cfg(unix)]
mod signer;
mod terraform;
mod workflows;

use self::model::Deployment;
use crate::pages::page::read;

/// A template of the repository and its reader.
struct Template {
    files: &'static [&'static str],
    read: fn(&[String]) -> Deployment,
}

const TERRAFORM: Template = Template {
    files: &["terraform/edge.tf", "terraform/rules.tf", "terraform/service.tf"],
    read: terraform::deployment,
};
const TERRAFORM_BACKSTAGE: Template =
    Template { files: &["terraform/edge.tf", "terraform/backstage_auth.tf"], read: terraform::deployment };
const CLOUDFORMATION: Template = Template {
    files: &["cloudformation/edge.yaml", "cloudformation/application.yaml"],
    read: cloudformation::deployment,
};
const BACKSTAGE: Template = Template {
    files: &["cloudformation/edge.yaml", "cloudformation/backstage-auth.yaml"],
    read: cloudformation::deployment,
};
const LAMBDA: Template =
    Template { files: &["cloudformation/edge.yaml", "cloudformation/lambda.yaml"], read: cloudformation::deployment };
const CDK: Template = Template { files: &["cdk/template.json"], read: cloudformation::deployment };
const KUBERNETES: Template = Template {
    files: &[
        "kubernetes/ingress.yaml",
        "kubernetes/service.yaml",
        "kubernetes/deployment.yaml",
        "kubernetes/networkpolicy.yaml",
        "kubernetes/targetgroupbinding.yaml",
    ],
    read: kubernetes::deployment,
};

impl Template {
    fn texts(&self) -> Vec<String> {
        self.files.iter().map(|file| read(&format!("deploy/{file}"))).collect()
    }

    fn deployment(&self) -> Deployment {
        (self.read)(&self.texts())
    }

    /// The mistakes that are found if the text `from`, which must be there, is `to` instead.
    fn planted(&self, from: &str, to: &str) -> Vec<String> {
        let mut texts = self.texts();
        assert!(texts.iter().any(|text| text.contains(from)), "{:?} has no {from:?}", self.files);
        texts.iter_mut().for_each(|text| *text = text.replace(from, to));
        (self.read)(&texts).mistakes()
    }
}

#[test]
fn s_74_every_template_does_what_the_operator_must_do() {
    for (template, rules, without_sign_in, groups, containers) in [
        (&TERRAFORM, 6, 2, 1, 2),
        (&TERRAFORM_BACKSTAGE, 1, 0, 1, 1),
        (&CLOUDFORMATION, 6, 2, 1, 2),
        (&BACKSTAGE, 2, 0, 1, 1),
        (&LAMBDA, 2, 0, 0, 0),
        (&CDK, 6, 2, 1, 2),
        (&KUBERNETES, 6, 2, 1, 2),
    ] {
        let deployment = template.deployment();
        assert_eq!(deployment.mistakes(), Vec::<String>::new(), "{:?}", template.files);
        // A reader that finds nothing would find no mistake either.
        assert_eq!(deployment.rules.len(), rules, "{:?}", template.files);
        let exempt = deployment.rules.iter().filter(|rule| rule.without_sign_in.is_some()).count();
        assert_eq!(exempt, without_sign_in, "{:?}", template.files);
        assert_eq!(deployment.target_groups.len(), groups, "{:?}", template.files);
        assert_eq!(deployment.load_balancers.len(), 1, "{:?}", template.files);
        assert_eq!(deployment.containers.len(), containers, "{:?}", template.files);
    }
}

#[test]
fn s_74_a_planted_fault_in_a_template_is_found() {
    for (template, from, to, expected) in [
        (&TERRAFORM, "drop_invalid_header_fields = true", "drop_invalid_header_fields = false", "drops invalid header"),
        (&TERRAFORM, "desync_mitigation_mode     = \"strictest\"", "desync_mitigation_mode = \"monitor\"", "desync"),
        (&TERRAFORM, "    type = \"authenticate-oidc\"", "    type = \"fixed-response\"", "pages forwards"),
        (
            &TERRAFORM,
            "on_unauthenticated_request = \"authenticate\"",
            "on_unauthenticated_request = \"allow\"",
            "pages: allow",
        ),
        (
            &TERRAFORM,
            "on_unauthenticated_request = \"deny\"",
            "on_unauthenticated_request = \"authenticate\"",
            "/api/*",
        ),
        (
            &TERRAFORM,
            "WithoutSignIn = \"a sign-out route and the page after it read no identity\"",
            "",
            "sign_out forwards",
        ),
        (&TERRAFORM, "[\"/sign-out\", \"/signed-out\"]", "[\"/sign*\"]", "sign_out is exempt for /sign*"),
        (
            &TERRAFORM,
            "referenced_security_group_id = aws_security_group.edge.id",
            "cidr_ipv4 = \"10.0.0.0/8\"",
            "admits",
        ),
        (
            &TERRAFORM,
            "referenced_security_group_id = aws_security_group.edge.id",
            "referenced_security_group_id = aws_security_group.other.id",
            "admits",
        ),
        (&TERRAFORM, "protocol          = \"HTTPS\"", "protocol          = \"HTTP\"", "HTTPS"),
        (&TERRAFORM, "client_secret              = var.client_secret", "client_secret = \"secret\"", "client secret"),
        (&TERRAFORM, "value = aws_lb.edge.arn }", "value = aws_lb_listener.https.arn }", "ALB_AUTH_SIGNERS"),
        (
            &TERRAFORM,
            "  default_action {\n    type = \"fixed-response\"",
            "  default_action {\n    type = \"forward\"",
            "https forwards",
        ),
        (&TERRAFORM, "values = [var.machine_audience]", "values = []", "machines: aud"),
        (
            &TERRAFORM_BACKSTAGE,
            "on_unauthenticated_request = \"deny\"",
            "on_unauthenticated_request = \"allow\"",
            "backstage_auth: allow",
        ),
        (&TERRAFORM_BACKSTAGE, "value = aws_lb.edge.arn }", "value = aws_lb_listener.https.arn }", "ALB_ARN"),
        (
            &TERRAFORM_BACKSTAGE,
            "referenced_security_group_id = aws_security_group.edge.id",
            "cidr_ipv4 = \"10.0.0.0/8\"",
            "admits",
        ),
        (
            &CLOUDFORMATION,
            "drop_invalid_header_fields.enabled, Value: \"true\"",
            "drop_invalid_header_fields.enabled, Value: \"false\"",
            "drops invalid header",
        ),
        (
            &CLOUDFORMATION,
            "routing.http.desync_mitigation_mode, Value: strictest",
            "routing.http.desync_mitigation_mode, Value: monitor",
            "desync",
        ),
        (&CLOUDFORMATION, "- Type: jwt-validation", "- Type: fixed-response", "MachineRule forwards"),
        (
            &CLOUDFORMATION,
            "OnUnauthenticatedRequest: authenticate",
            "OnUnauthenticatedRequest: allow",
            "PagesRule: allow",
        ),
        (&CLOUDFORMATION, "      Priority: 140", "      Priority: 160", "/api/*"),
        (
            &CLOUDFORMATION,
            "      WithoutSignIn: The protected",
            "      Reason: The protected",
            "ResourceMetadataRule forwards",
        ),
        (&CLOUDFORMATION, "Values: [/sign-out, /signed-out]", "Values: [\"/*\"]", "SignOutRule is exempt for /*"),
        (
            &CLOUDFORMATION,
            "      SourceSecurityGroupId: { \"Fn::ImportValue\": { \"Fn::Sub\": \"${EdgeStack}-EdgeSecurityGroupId\" } }",
            "      CidrIp: 10.0.0.0/8",
            "admits",
        ),
        (
            &CLOUDFORMATION,
            "DefaultActions:\n        - Type: fixed-response",
            "DefaultActions:\n        - Type: forward",
            "HttpsListener forwards",
        ),
        (
            &CLOUDFORMATION,
            "{{resolve:secretsmanager:${ClientSecretName}:SecretString:client_secret}}",
            "secret",
            "client secret",
        ),
        (&CLOUDFORMATION, "${EdgeStack}-LoadBalancerArn", "${EdgeStack}-HttpsListenerArn", "ALB_AUTH_SIGNERS"),
        (&CLOUDFORMATION, "ReadonlyRootFilesystem: true", "ReadonlyRootFilesystem: false", "root file system"),
        (&CLOUDFORMATION, "User: \"65532:65532\"", "User: \"0:0\"", "runs as root"),
        (&BACKSTAGE, "OnUnauthenticatedRequest: deny", "OnUnauthenticatedRequest: allow", "BackstageAuthRule: allow"),
        (
            &BACKSTAGE,
            "      GroupId: { Ref: DatabaseSecurityGroupId }",
            "      GroupId: { \"Fn::GetAtt\": [ServiceSecurityGroup, GroupId] }",
            "admits",
        ),
        (
            &BACKSTAGE,
            "-LoadBalancerArn\" } }\n            - { Name: OIDC_ISSUER",
            "-HttpsListenerArn\" } }\n            - { Name: OIDC_ISSUER",
            "ALB_ARN",
        ),
        (&LAMBDA, "- Type: authenticate-oidc", "- Type: fixed-response", "PagesRule forwards"),
        (
            &LAMBDA,
            "lambda.multi_value_headers.enabled, Value: \"true\"",
            "lambda.multi_value_headers.enabled, Value: \"false\"",
            "multi_value",
        ),
        (&LAMBDA, "targetgroup/${TargetGroupName}/*", "targetgroup/*", "InvokeByTargetGroup"),
        (&CDK, "\"Type\": \"authenticate-oidc\"", "\"Type\": \"fixed-response\"", "PagesRule"),
        (&CDK, "\"Value\": \"strictest\"", "\"Value\": \"monitor\"", "desync"),
        (&CDK, "\"WithoutSignIn\": \"A sign-out", "\"Reason\": \"A sign-out", "SignOutRule"),
        (&CDK, "\"Name\": \"aud\"", "\"Name\": \"sub\"", "aud is not required"),
        (&CDK, "\"Type\": \"jwt-validation\"", "\"Type\": \"fixed-response\"", "MachineRule"),
        (
            &KUBERNETES,
            "drop_invalid_header_fields.enabled=true",
            "drop_invalid_header_fields.enabled=false",
            "drops invalid header",
        ),
        (&KUBERNETES, "auth-type: oidc", "auth-type: none", "pages forwards"),
        (
            &KUBERNETES,
            "tower-alb-auth/without-sign-in: a sign-out",
            "example.com/reason: a sign-out",
            "sign-out forwards",
        ),
        (
            &KUBERNETES,
            "- path: /sign-out\n            pathType: Exact",
            "- path: /sign-out\n            pathType: Prefix",
            "sign-out is exempt for /sign-out/*",
        ),
        (&KUBERNETES, "group.order: \"140\"", "group.order: \"160\"", "/api/*"),
        (&KUBERNETES, "unauthenticated-request: authenticate", "unauthenticated-request: allow", "pages: allow"),
        (&KUBERNETES, "[{\"HTTPS\": 443}]", "[{\"HTTP\": 80}, {\"HTTPS\": 443}]", "HTTPS"),
        (&KUBERNETES, "cidr: 10.0.0.0/24", "cidr: 0.0.0.0/0", "admits"),
        (&KUBERNETES, "securityGroup: { groupID: sg-00000000000000000 }", "ipBlock: { cidr: 10.0.0.0/8 }", "admits"),
        (&KUBERNETES, "type: ClusterIP", "type: LoadBalancer", "past the load balancer"),
        (&KUBERNETES, "configMapRef: { name: alb-auth }", "configMapRef: { name: other }", "ALB_AUTH_SIGNERS"),
        (&KUBERNETES, "runAsUser: 65532", "runAsUser: 0", "runs as root"),
        (&KUBERNETES, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "root file system"),
        (&KUBERNETES, "{ name: HOST, value: 127.0.0.1 }", "{ name: HOST, value: 0.0.0.0 }", "loopback"),
    ] {
        let found = template.planted(from, to);
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{from} -> {to}: {found:?}");
    }
}

/// A path that a rule forwards without a user is exempt in the sidecar, and no other path is.
#[test]
fn s_74_the_sidecar_exempts_exactly_what_the_rules_forward_without_a_user() {
    let proxy: serde_json::Value = serde_saphyr::from_str(&read("deploy/kubernetes/proxy.yaml")).expect("YAML");
    let texts = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let sorted = |mut paths: Vec<String>| {
        paths.sort();
        paths
    };
    let exempt: Vec<String> = texts(&proxy["exempt"])
        .iter()
        .map(|entry| entry.split(' ').nth(1).expect("method and path").to_owned())
        .collect();
    let optional: Vec<String> = proxy["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .inspect(|rule| assert_eq!(rule["access"], "optional"))
        .map(|rule| rule["path"].as_str().expect("a path").to_owned())
        .collect();
    for template in [&TERRAFORM, &CLOUDFORMATION, &CDK, &KUBERNETES] {
        let rules = template.deployment().rules;
        let without = rules.iter().filter(|rule| rule.without_sign_in.is_some()).flat_map(|rule| rule.paths.clone());
        assert_eq!(sorted(without.collect()), sorted(exempt.clone()), "{:?}", template.files);
        let is_machine = |action: &model::Action| matches!(action, model::Action::Bearer { .. });
        let machines =
            rules.iter().filter(|rule| rule.actions.iter().any(is_machine)).flat_map(|rule| rule.paths.clone());
        assert_eq!(sorted(machines.collect()), sorted(optional.clone()), "{:?}", template.files);
    }
}
