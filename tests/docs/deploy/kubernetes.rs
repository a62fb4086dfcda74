//! Kubernetes manifests: an Ingress is a rule for each of its paths' sign-in modes.

use serde_json::Value;

use super::model::{Action, Admission, Container, Deployment, LoadBalancer, Rule};

const PREFIX: &str = "alb.ingress.kubernetes.io/";

pub fn deployment(texts: &[String]) -> Deployment {
    let documents = texts.iter().flat_map(|text| text.split("\n---\n")).filter(|text| text.contains("kind:"));
    let objects: Vec<Value> = documents.map(|text| serde_saphyr::from_str(text).expect("a manifest")).collect();
    let mut deployment = Deployment::default();
    for object in &objects {
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        let spec = &object["spec"];
        match object["kind"].as_str().expect("a kind") {
            "Ingress" => ingress(&name, object, &mut deployment),
            "Service" => {
                if !matches!(spec["type"].as_str(), None | Some("ClusterIP")) {
                    deployment
                        .other
                        .push(format!("{name} is reachable past the load balancer: it is a {}", spec["type"]));
                }
            }
            "Deployment" => {
                let pod = &spec["template"]["spec"];
                let group = spec["template"]["metadata"]["labels"]["app.kubernetes.io/name"].as_str().expect("a label");
                deployment.target_groups.push(group.to_owned());
                deployment.containers.extend(list(&pod["containers"]).iter().map(container));
                if pod["automountServiceAccountToken"] != false || pod["securityContext"]["runAsNonRoot"] != true {
                    deployment.other.push(format!("{name} has a token of the cluster, or may run as root"));
                }
            }
            "NetworkPolicy" => {
                let group = spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"].as_str().expect("a label");
                let only_metrics = |rule: &Value| {
                    !list(&rule["ports"]).is_empty() && list(&rule["ports"]).iter().all(|port| port["port"] == 9102)
                };
                for rule in list(&spec["ingress"]).iter().filter(|rule| !only_metrics(rule)) {
                    deployment.admissions.push(Admission {
                        name: name.clone(),
                        group: group.to_owned(),
                        from_load_balancer: !list(&rule["from"]).is_empty()
                            && list(&rule["from"]).iter().all(is_subnet),
                    });
                }
            }
            "TargetGroupBinding" => {
                for rule in list(&spec["networking"]["ingress"]) {
                    let is_group =
                        |peer: &Value| peer["ipBlock"].is_null() && peer["securityGroup"]["groupID"].is_string();
                    deployment.admissions.push(Admission {
                        name: format!("the TargetGroupBinding {name}"),
                        group: spec["serviceRef"]["name"].as_str().expect("a service").to_owned(),
                        from_load_balancer: !list(&rule["from"]).is_empty() && list(&rule["from"]).iter().all(is_group),
                    });
                }
            }
            other => panic!("{other} is not known here"),
        }
    }
    deployment
}

fn ingress(name: &str, object: &Value, deployment: &mut Deployment) {
    let annotations = &object["metadata"]["annotations"];
    let annotation = |key: &str| annotations[&format!("{PREFIX}{key}")].as_str();
    if let Some(attributes) = annotation("load-balancer-attributes") {
        let attribute = |key: &str| {
            attributes.split(',').filter_map(|pair| pair.trim().split_once('=')).find(|(found, _)| *found == key)
        };
        deployment.load_balancers.push(LoadBalancer {
            drops_invalid_headers: attribute("routing.http.drop_invalid_header_fields.enabled")
                .is_some_and(|(_, value)| value == "true"),
            desync_mitigation: attribute("routing.http.desync_mitigation_mode")
                .map_or_else(String::new, |(_, value)| value.to_owned()),
        });
        let managed = annotation("manage-backend-security-group-rules");
        if annotation("security-groups").is_some() && managed != Some("true") {
            deployment
                .other
                .push(format!("{name}: with security-groups alone, nothing admits the load balancer to the pods"));
        }
    }
    let ports: Value = serde_json::from_str(annotation("listen-ports").expect("listen-ports")).expect("JSON");
    deployment
        .listeners
        .extend(list(&ports).iter().flat_map(|port| port.as_object().expect("an object").keys().cloned()));

    let paths = list(&object["spec"]["rules"]).iter().flat_map(|rule| list(&rule["http"]["paths"]));
    let backend = |path: &Value| path["backend"]["service"]["name"].as_str().unwrap_or_default().to_owned();
    let responds = paths.clone().all(|path| {
        annotation(&format!("actions.{}", backend(path))).is_some_and(|action| action.contains("fixed-response"))
    });
    let mut actions = Vec::new();
    actions.extend(annotation("jwt-validation").map(|config| {
        let config: Value = serde_json::from_str(config).expect("JSON");
        let required = list(&config["additionalClaims"]).iter().filter(|claim| !list(&claim["values"]).is_empty());
        Action::Bearer { claims: required.filter_map(|claim| claim["name"].as_str()).map(str::to_owned).collect() }
    }));
    match annotation("auth-type") {
        Some("oidc") => {
            let idp: Value = serde_json::from_str(annotation("auth-idp-oidc").expect("a provider")).expect("JSON");
            actions.push(Action::SignIn {
                on_unauthenticated: annotation("auth-on-unauthenticated-request").unwrap_or("authenticate").to_owned(),
                secret: (!idp["secretName"].is_string()).then(|| "in the annotation".to_owned()),
                client: idp["issuer"].to_string(),
                cookie: annotation("auth-session-cookie").unwrap_or_default().to_owned(),
            });
        }
        Some("none") | None => {}
        Some(other) => panic!("{other} is not known here"),
    }
    actions.push(if responds { Action::Respond } else { Action::Forward });
    deployment.rules.push(Rule {
        name: name.to_owned(),
        priority: annotation("group.order").and_then(|order| order.parse().ok()).expect("group.order"),
        paths: paths.map(pattern).collect(),
        actions,
        without_sign_in: annotations["tower-alb-auth/without-sign-in"].as_str().map(str::to_owned),
    });
}

/// A path as a listener rule has it.
fn pattern(path: &Value) -> String {
    let text = path["path"].as_str().expect("a path");
    match path["pathType"].as_str() {
        Some("Exact") => text.to_owned(),
        Some("Prefix") => format!("{}/*", text.trim_end_matches('/')),
        other => panic!("{other:?} depends on the controller"),
    }
}

/// A block of addresses as small as a subnet, and not of all addresses.
fn is_subnet(peer: &Value) -> bool {
    let length = peer["ipBlock"]["cidr"].as_str().and_then(|cidr| cidr.split('/').nth(1)?.parse::<u8>().ok());
    length.is_some_and(|length| length >= 20)
}

fn container(container: &Value) -> Container {
    let context = &container["securityContext"];
    let variable = |name: &str| {
        list(&container["env"]).iter().find(|entry| entry["name"] == name).and_then(|entry| entry["value"].as_str())
    };
    // signer.sh makes this ConfigMap.
    let from_script = list(&container["envFrom"]).iter().any(|source| source["configMapRef"]["name"] == "alb-auth");
    let verifies = container["name"] == "alb-auth-proxy";
    Container {
        name: container["name"].as_str().expect("a name").to_owned(),
        signer: verifies.then(|| ("ALB_AUTH_SIGNERS".to_owned(), from_script)),
        read_only: context["readOnlyRootFilesystem"] == true,
        user: context["runAsUser"].as_u64().map(|user| user.to_string()),
        host: variable("HOST").map(str::to_owned),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
