//! The Terraform module, as far as `terraform fmt` writes it: a block opens and closes on lines of its own.

use super::{
    cloudformation::variables_of_the_settings,
    model::{Action, Admission, Container, Deployment, LoadBalancer, Rule},
};
use crate::pages::page::read;

/// `kind "label" "name" { ... }`, with what is in it.
#[derive(Debug, Default)]
struct Block {
    kind: String,
    labels: Vec<String>,
    arguments: Vec<(String, String)>,
    blocks: Vec<Block>,
    lines: Vec<String>,
}

impl Block {
    fn parse<'l>(head: &str, lines: &mut impl Iterator<Item = &'l str>) -> Self {
        let mut words = head.split_whitespace();
        let kind = words.next().unwrap_or_default().to_owned();
        let labels = words.map(|word| word.trim_matches('"').to_owned()).collect();
        let mut block = Self { kind, labels, ..Self::default() };
        while let Some(line) = lines.next() {
            let line = line.trim();
            block.lines.push(line.to_owned());
            match (line.split_once('='), line.strip_suffix('{')) {
                _ if line == "}" || line == "}," => break,
                _ if line.starts_with('#') || line.is_empty() => {}
                (Some((name, value)), _) => {
                    block.arguments.push((name.trim().to_owned(), value.trim().to_owned()));
                    if matches!(value.trim(), "{") {
                        block.blocks.push(Self::parse(name.trim(), lines));
                    }
                }
                (None, Some(head)) => block.blocks.push(Self::parse(head, lines)),
                _ => {}
            }
        }
        block
    }

    fn argument(&self, name: &str) -> &str {
        self.arguments.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim_matches('"'))
    }

    fn of_kind<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    fn name(&self) -> &str {
        self.labels.last().map_or("", String::as_str)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let inner = self.argument(name).trim_matches(['[', ']']);
        inner.split(',').map(|item| item.trim().trim_matches('"').to_owned()).filter(|item| !item.is_empty()).collect()
    }
}

pub fn deployment(texts: &[String]) -> Deployment {
    let text = texts.concat();
    assert_eq!(text.matches('{').count(), text.matches('}').count());
    let file = Block::parse("file", &mut text.lines());
    let of_kind = |kind: &'static str| {
        let found: Vec<&Block> = file.of_kind("resource").filter(|block| block.labels[0] == kind).collect();
        found
    };
    let mut deployment = Deployment::default();
    let mut edge = Vec::new();
    for balancer in of_kind("aws_lb") {
        edge.extend(balancer.list("security_groups"));
        deployment.load_balancers.push(LoadBalancer {
            drops_invalid_headers: balancer.argument("drop_invalid_header_fields") == "true",
            desync_mitigation: balancer.argument("desync_mitigation_mode").to_owned(),
        });
    }
    for listener in of_kind("aws_lb_listener") {
        deployment.listeners.push(listener.argument("protocol").to_owned());
        let actions = listener.of_kind("default_action").map(action).collect();
        deployment.defaults.push(Rule { name: listener.name().to_owned(), actions, ..Rule::default() });
    }
    deployment.rules.extend(of_kind("aws_lb_listener_rule").into_iter().map(rule));
    for service in of_kind("aws_ecs_service") {
        for network in service.of_kind("network_configuration") {
            deployment.target_groups.extend(network.list("security_groups"));
            if network.argument("assign_public_ip") != "false" {
                deployment.other.push(format!("{} has a public address", service.name()));
            }
        }
    }
    for ingress in of_kind("aws_vpc_security_group_ingress_rule") {
        let addresses = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id"];
        let source = ingress.argument("referenced_security_group_id").to_owned();
        deployment.admissions.push(Admission {
            name: ingress.name().to_owned(),
            group: ingress.argument("security_group_id").to_owned(),
            from_load_balancer: edge.contains(&source) && addresses.iter().all(|key| ingress.argument(key).is_empty()),
        });
    }
    for group in of_kind("aws_security_group") {
        if group.of_kind("ingress").next().is_some() {
            deployment.other.push(format!("{} has inline rules, which this test does not read", group.name()));
        }
    }
    for task in of_kind("aws_ecs_task_definition") {
        deployment.containers.extend(containers(task));
    }
    deployment
}

fn rule(block: &Block) -> Rule {
    let patterns = block.of_kind("condition").flat_map(|condition| condition.of_kind("path_pattern"));
    let reason = block.of_kind("tags").next().map(|tags| tags.argument("WithoutSignIn").to_owned());
    Rule {
        name: block.name().to_owned(),
        priority: block.argument("priority").parse().expect("a priority"),
        paths: patterns.flat_map(|pattern| pattern.list("values")).collect(),
        actions: block.of_kind("action").map(action).collect(),
        without_sign_in: reason.filter(|reason| !reason.is_empty()),
    }
}

fn action(block: &Block) -> Action {
    match block.argument("type") {
        "forward" => Action::Forward,
        "authenticate-oidc" => {
            let config = block.of_kind("authenticate_oidc").next().expect("its configuration");
            let secret = config.argument("client_secret");
            Action::SignIn {
                on_unauthenticated: config.argument("on_unauthenticated_request").to_owned(),
                secret: (secret != "var.client_secret").then(|| secret.to_owned()),
                client: config.argument("client_id").to_owned(),
                cookie: config.argument("session_cookie_name").to_owned(),
            }
        }
        "jwt-validation" => {
            let claims = block.of_kind("jwt_validation").flat_map(|config| config.of_kind("additional_claim"));
            let required = claims.filter(|claim| !claim.list("values").is_empty());
            Action::Bearer { claims: required.map(|claim| claim.argument("name").to_owned()).collect() }
        }
        "fixed-response" | "redirect" => Action::Respond,
        other => panic!("{other:?} is not known here"),
    }
}

/// The containers of a `jsonencode([{ ... }, { ... }])`.
fn containers(task: &Block) -> Vec<Container> {
    task.of_kind("").map(container).collect()
}

fn container(block: &Block) -> Container {
    let variable = |name: &str| {
        let start = format!("{{ name = \"{name}\", value = ");
        block.lines.iter().find_map(|line| line.strip_prefix(&start)?.strip_suffix(" },"))
    };
    let signer = ["ALB_AUTH_SIGNERS", "ALB_ARN"]
        .into_iter()
        .find_map(|name| Some((name.to_owned(), variable(name)? == "aws_lb.edge.arn")));
    Container {
        name: block.argument("name").to_owned(),
        signer,
        read_only: block.argument("readonlyRootFilesystem") == "true",
        user: Some(block.argument("user").to_owned()).filter(|user| !user.is_empty()),
        host: variable("HOST").map(|value| value.trim_matches('"').to_owned()),
    }
}

/// As in CloudFormation: one role of one database, and nothing else.
#[test]
fn the_role_of_backstage_auth_can_connect_to_one_database_and_do_nothing_else() {
    let text = read("deploy/terraform/backstage_auth.tf");
    let file = Block::parse("file", &mut text.lines());
    let named = |kind: &str| -> Vec<&Block> { file.blocks.iter().filter(|block| block.labels[0] == kind).collect() };
    let (documents, policies) = (named("aws_iam_policy_document"), named("aws_iam_role_policy"));
    let [document] = documents[..] else { panic!("{documents:?}") };
    let [policy] = policies[..] else { panic!("{policies:?}") };
    assert_eq!(policy.argument("policy"), "data.aws_iam_policy_document.backstage_auth_database[0].json");
    assert_eq!(document.name(), "backstage_auth_database");
    let statements: Vec<&Block> = document.of_kind("statement").collect();
    let [statement] = statements[..] else { panic!("{statements:?}") };
    assert_eq!(statement.list("actions"), ["rds-db:connect"]);
    let resources = statement.list("resources");
    let [resource] = &resources[..] else { panic!("{resources:?}") };
    let role = ":dbuser:${var.backstage_auth.database_resource_id}/${var.backstage_auth.database_user}";
    assert!(resource.ends_with(role) && !resource.contains('*'), "{resource}");
    assert!(named("aws_iam_role_policy_attachment").is_empty() && named("aws_db_instance").is_empty());
    let [task] = named("aws_ecs_task_definition")[..] else { panic!("a task") };
    assert_eq!(task.argument("task_role_arn"), "aws_iam_role.backstage_auth[0].arn");
}

#[test]
fn the_task_sets_the_variables_of_its_settings() {
    let text = read("deploy/terraform/backstage_auth.tf");
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("{ name = \"")?.split('"').next());
    // Set by Fargate.
    let mut set: Vec<String> = names.chain(["AWS_REGION"]).map(str::to_owned).collect();
    set.sort();
    assert_eq!(set, variables_of_the_settings());
    let files = text.lines().flat_map(|line| line.split('"')).filter(|word| word.ends_with(".yaml"));
    assert!(files.eq(["/etc/backstage/app-config.yaml", "/etc/backstage/app-config.production.yaml"]));
}
