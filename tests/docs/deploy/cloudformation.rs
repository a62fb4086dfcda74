//! CloudFormation templates: several stacks that import from each other count as one deployment.

use serde_json::{Map, Value};

use super::model::{Action, Admission, Container, Deployment, LoadBalancer, Rule};

pub fn deployment(texts: &[String]) -> Deployment {
    let resources: Vec<(String, Value)> = texts
        .iter()
        .flat_map(|text| {
            let template: Value = serde_saphyr::from_str(text).expect("a template");
            let resources = template["Resources"].as_object().cloned().expect("Resources");
            resources.into_iter().collect::<Vec<_>>()
        })
        .collect();
    let mut deployment = Deployment::default();
    let balancer =
        resources.iter().find(|(_, resource)| resource["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer");
    let edge = Edge {
        groups: balancer
            .map(|(_, resource)| list(&resource["Properties"]["SecurityGroups"]).iter().map(name_of).collect())
            .unwrap_or_default(),
        arn: balancer.map(|(name, _)| name.clone()),
    };
    for (name, resource) in &resources {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().expect("a type") {
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => {
                let attribute = |key: &str| attribute(&properties["LoadBalancerAttributes"], key);
                deployment.load_balancers.push(LoadBalancer {
                    drops_invalid_headers: attribute("routing.http.drop_invalid_header_fields.enabled") == "true",
                    desync_mitigation: attribute("routing.http.desync_mitigation_mode"),
                });
            }
            "AWS::ElasticLoadBalancingV2::Listener" => {
                deployment.listeners.push(text(&properties["Protocol"]));
                let actions = actions(&properties["DefaultActions"]);
                deployment.defaults.push(Rule { name: name.clone(), actions, ..Rule::default() });
            }
            "AWS::ElasticLoadBalancingV2::ListenerRule" => deployment.rules.push(rule(name, resource)),
            "AWS::EC2::SecurityGroupIngress" => deployment.admissions.push(Admission {
                name: name.clone(),
                group: name_of(&properties["GroupId"]),
                from_load_balancer: edge.admits(properties),
            }),
            "AWS::EC2::SecurityGroup" => {
                for ingress in list(&properties["SecurityGroupIngress"]) {
                    deployment.admissions.push(Admission {
                        name: name.clone(),
                        group: name.clone(),
                        from_load_balancer: edge.admits(ingress),
                    });
                }
            }
            "AWS::ECS::Service" => {
                let network = &properties["NetworkConfiguration"]["AwsvpcConfiguration"];
                deployment.target_groups.extend(list(&network["SecurityGroups"]).iter().map(name_of));
                if network["AssignPublicIp"] != "DISABLED" {
                    deployment.other.push(format!("{name} has a public address"));
                }
            }
            "AWS::ECS::TaskDefinition" => {
                let containers = list(&properties["ContainerDefinitions"]);
                deployment.containers.extend(containers.iter().map(|container| edge.container(container)));
            }
            "AWS::ElasticLoadBalancingV2::TargetGroup" if properties["TargetType"] == "lambda" => {
                let multi_value = attribute(&properties["TargetGroupAttributes"], "lambda.multi_value_headers.enabled");
                if multi_value != "true" {
                    deployment.other.push(format!("{name}: lambda.multi_value_headers.enabled is {multi_value:?}"));
                }
            }
            "AWS::Lambda::Permission" => {
                let source = properties["SourceArn"].to_string();
                if !source.contains("targetgroup/${TargetGroupName}/*") {
                    deployment.other.push(format!("{name} lets other target groups call the function: {source}"));
                }
            }
            "AWS::Lambda::Function" => {
                let signer = &properties["Environment"]["Variables"]["ALB_AUTH_SIGNERS"];
                if !edge.is_arn(signer) {
                    deployment.other.push(format!("{name}: ALB_AUTH_SIGNERS is {signer}"));
                }
            }
            _ => {}
        }
    }
    deployment
}

/// The load balancer, as other resources refer to it.
struct Edge {
    groups: Vec<String>,
    arn: Option<String>,
}

impl Edge {
    /// Whether an ingress rule admits the load balancer's group and no address.
    fn admits(&self, ingress: &Value) -> bool {
        let addresses = ["CidrIp", "CidrIpv6", "SourcePrefixListId"];
        addresses.iter().all(|key| ingress[*key].is_null())
            && self.groups.contains(&name_of(&ingress["SourceSecurityGroupId"]))
    }

    fn is_arn(&self, value: &Value) -> bool {
        value["Fn::ImportValue"]["Fn::Sub"].as_str().is_some_and(|name| name.ends_with("-LoadBalancerArn"))
            || value["Ref"].as_str().is_some_and(|name| self.arn.as_deref() == Some(name))
    }

    fn container(&self, container: &Value) -> Container {
        let variable = |name: &str| {
            list(&container["Environment"]).iter().find(|entry| entry["Name"] == name).map(|entry| &entry["Value"])
        };
        let signer = ["ALB_AUTH_SIGNERS", "ALB_ARN"]
            .into_iter()
            .find_map(|name| Some((name.to_owned(), self.is_arn(variable(name)?))));
        Container {
            name: text(&container["Name"]),
            signer,
            read_only: container["ReadonlyRootFilesystem"] == true,
            user: container["User"].as_str().map(str::to_owned),
            host: variable("HOST").and_then(Value::as_str).map(str::to_owned),
        }
    }
}

fn rule(name: &str, resource: &Value) -> Rule {
    let properties = &resource["Properties"];
    let paths =
        list(&properties["Conditions"]).iter().flat_map(|condition| list(&condition["PathPatternConfig"]["Values"]));
    Rule {
        name: name.to_owned(),
        priority: properties["Priority"].as_u64().expect("a priority"),
        paths: paths.map(text).collect(),
        actions: actions(&properties["Actions"]),
        without_sign_in: resource["Metadata"]["WithoutSignIn"].as_str().map(str::to_owned),
    }
}

fn actions(actions: &Value) -> Vec<Action> {
    let mut actions: Vec<&Value> = list(actions).iter().collect();
    actions.sort_by_key(|action| action["Order"].as_u64().unwrap_or(1));
    actions.into_iter().map(action).collect()
}

fn action(action: &Value) -> Action {
    match action["Type"].as_str().expect("a type") {
        "forward" => Action::Forward,
        "jwt-validation" => {
            let claims = list(&action["JwtValidationConfig"]["AdditionalClaims"]);
            let required = claims.iter().filter(|claim| !list(&claim["Values"]).is_empty());
            Action::Bearer { claims: required.map(|claim| text(&claim["Name"])).collect() }
        }
        "authenticate-oidc" => {
            let config = &action["AuthenticateOidcConfig"];
            let secret = config["ClientSecret"].to_string();
            Action::SignIn {
                on_unauthenticated: config["OnUnauthenticatedRequest"].as_str().unwrap_or("authenticate").to_owned(),
                secret: (!secret.contains("{{resolve:secretsmanager:")).then_some(secret),
                client: config["ClientId"].to_string(),
                cookie: config["SessionCookieName"].to_string(),
            }
        }
        "fixed-response" | "redirect" => Action::Respond,
        other => panic!("{other} is not known here"),
    }
}

/// The logical name that a reference leads to, in this stack or by an import.
fn name_of(reference: &Value) -> String {
    let import = reference["Fn::ImportValue"]["Fn::Sub"].as_str();
    let name = import.and_then(|name| name.rsplit('-').next()).map(|name| name.trim_end_matches("Id"));
    let attribute = reference["Fn::GetAtt"].as_array().and_then(|parts| parts[0].as_str());
    name.or(attribute).or(reference["Ref"].as_str()).map_or_else(|| reference.to_string(), str::to_owned)
}

fn attribute(attributes: &Value, key: &str) -> String {
    list(attributes)
        .iter()
        .find(|attribute| attribute["Key"] == key)
        .map(|found| text(&found["Value"]))
        .unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The role of a template may use a database by IAM: one role of one database, and nothing else.
#[test]
fn the_role_of_backstage_auth_can_connect_to_one_database_and_do_nothing_else() {
    let template: Value =
        serde_saphyr::from_str(&crate::pages::page::read("deploy/cloudformation/backstage-auth.yaml"))
            .expect("a template");
    let role = &template["Resources"]["TaskRole"]["Properties"];
    assert!(role["ManagedPolicyArns"].is_null());
    let statements: Vec<&Value> =
        list(&role["Policies"]).iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Action"], "rds-db:connect");
    let resource = text(&statements[0]["Resource"]["Fn::Sub"]);
    assert!(
        resource.ends_with(":dbuser:${DatabaseResourceId}/${DatabaseUser}") && !resource.contains('*'),
        "{resource}"
    );
    let own: Map<String, Value> = template["Resources"].as_object().cloned().expect("Resources");
    assert!(
        own.values().all(|resource| resource["Type"] != "AWS::RDS::DBInstance"),
        "the database is the stock auth backend's"
    );
}

/// The variables that the settings of backstage-auth refer to, in their order.
pub fn variables_of_the_settings() -> Vec<String> {
    let settings = crate::pages::page::read("deploy/backstage/app-config.production.yaml");
    let used = settings.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    let mut used: Vec<String> = used.map(str::to_owned).collect();
    used.sort();
    used
}

/// A variable that the settings refer to and the task does not set would be missing at start-up.
#[test]
fn the_task_sets_the_variables_of_its_settings() {
    let template: Value =
        serde_saphyr::from_str(&crate::pages::page::read("deploy/cloudformation/backstage-auth.yaml"))
            .expect("a template");
    let container = &template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0];
    let mut set: Vec<String> = list(&container["Environment"]).iter().map(|entry| text(&entry["Name"])).collect();
    // Set by Fargate.
    set.push("AWS_REGION".to_owned());
    set.sort();
    assert_eq!(set, variables_of_the_settings());
    let paths =
        list(&container["Command"]).iter().filter_map(Value::as_str).filter(|argument| argument.ends_with(".yaml"));
    assert!(paths.eq(["/etc/backstage/app-config.yaml", "/etc/backstage/app-config.production.yaml"]));
}
