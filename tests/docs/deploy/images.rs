//! The images: Dockerfiles and the compose file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::page::{read, root};

/// The programs of the package and their features.
fn programs() -> BTreeMap<String, String> {
    let manifest = read("Cargo.toml");
    let quoted = |block: &str, key: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap_or_else(|| panic!("{key} in {block}"))
            .to_owned();
        line.split('"').nth(1).expect("a text").to_owned()
    };
    let blocks = manifest.split("[[bin]]\n").skip(1).map(|rest| rest.split("\n[").next().unwrap_or(rest).to_owned());
    blocks.map(|block| (quoted(&block, "name = "), quoted(&block, "required-features = "))).collect()
}

/// What is wrong with a Dockerfile for this program.
fn mistakes(name: &str, features: Option<&str>, text: &str) -> Vec<String> {
    let instructions: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let last = instructions.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let (build, last) = instructions.split_at(last);
    let mut mistakes = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            mistakes.push(what.to_owned());
        }
    };
    expect(last.first() == Some(&"FROM scratch"), "the last stage is not from scratch");
    expect(last.contains(&"USER 65532:65532"), "it does not run as 65532");
    expect(
        !last.iter().any(|line| line.starts_with("RUN ") || line.starts_with("ADD ")),
        "the last stage runs or downloads something",
    );
    expect(last.contains(&format!("ENTRYPOINT [\"/usr/local/bin/{name}\"]").as_str()), "another entry point");
    expect(
        last.iter().any(|line| {
            line.starts_with("HEALTHCHECK ")
                && line.ends_with(&format!(" CMD [\"/usr/local/bin/{name}\", \"healthcheck\"]"))
        }),
        "it has no health check by its program",
    );
    expect(
        last.iter().filter(|line| line.starts_with("COPY ")).eq(&["COPY --from=build /rootfs /"]),
        "it copies more than the program's files",
    );
    expect(
        build.iter().any(|line| line.contains("cargo build --locked --profile dist ")),
        "it does not build what is locked",
    );
    let version =
        read("Cargo.toml").split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    expect(
        build.iter().any(|line| line.starts_with(&format!("FROM rust:{}-", version.as_deref().expect("a version")))),
        "another Rust than rust-version",
    );
    if let Some(features) = features {
        let built = |features: &str| {
            let command = format!("--features {features} --bin {name} ");
            build.iter().any(|line| line.contains(&command))
        };
        let by_argument = build.contains(&format!("ARG FEATURES={features}").as_str()) && built("\"$FEATURES\"");
        expect(built(features) || by_argument, "other features");
    }
    mistakes
}

#[test]
fn every_program_has_an_image_without_a_shell_and_without_privileges() {
    let programs = programs();
    assert!(programs.contains_key("backstage-auth"), "{programs:?}");
    for name in programs.keys() {
        assert!(root().join(format!("deploy/images/{name}.Dockerfile")).is_file(), "{name} has no image");
    }
    let files = std::fs::read_dir(root().join("deploy/images"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name());
    let names: Vec<String> =
        files.filter_map(|file| Some(file.to_str()?.strip_suffix(".Dockerfile")?.to_owned())).collect();
    assert!(names.len() >= programs.len());
    for name in names {
        let text = read(&format!("deploy/images/{name}.Dockerfile"));
        assert_eq!(mistakes(&name, programs.get(&name).map(String::as_str), &text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_planted_fault_in_a_dockerfile_is_found() {
    let text = read("deploy/images/backstage-auth.Dockerfile");
    for (from, to, expected) in [
        ("FROM scratch", "FROM debian:12", "scratch"),
        ("USER 65532:65532", "USER 0", "65532"),
        ("EXPOSE 7007", "RUN true", "runs"),
        ("HEALTHCHECK ", "LABEL ", "health check"),
        ("--locked ", "", "locked"),
        ("FEATURES=backstage-auth", "FEATURES=emulator", "features"),
        ("COPY --from=build /rootfs /", "COPY . /", "copies"),
        ("rust:1", "rust:2", "rust-version"),
        ("ENTRYPOINT [\"/usr/local/bin/backstage-auth\"]", "ENTRYPOINT [\"/bin/sh\"]", "entry point"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = mistakes("backstage-auth", Some("backstage-auth"), &text.replace(from, to));
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{from}: {found:?}");
    }
}

/// The demo provider asks for no password, so the compose file publishes nothing beyond this machine.
#[test]
fn the_compose_file_publishes_on_loopback_and_its_containers_have_no_privileges() {
    let compose: Value = serde_saphyr::from_str(&read("deploy/images/compose.yaml")).expect("YAML");
    let services = compose["services"].as_object().expect("services");
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["application", "emulator", "front-end", "proxy"]));
    for (name, service) in services {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name}: {port}");
        }
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        if name != "emulator" {
            assert_eq!(service["network_mode"], "service:emulator", "{name}: the key endpoint is on loopback only");
            assert!(service["ports"].is_null(), "{name} is reachable past the load balancer");
        }
    }
    let signer = services["proxy"]["environment"]["ALB_AUTH_SIGNERS"].as_str().expect("a signer");
    assert!(signer.contains(":000000000000:"), "{signer}");

    // Each target of the rules is a service: the proxy in front of the application, and the front end.
    let words = |name: &str| -> Vec<&str> {
        services[name]["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let emulator = words("emulator");
    let targets: Vec<&str> = emulator.iter().copied().filter(|word| word.contains("=http://")).collect();
    assert_eq!(targets, ["FrontEnd=http://127.0.0.1:5173", "BackEnd=http://127.0.0.1:3000"]);
    assert_eq!(services["proxy"]["environment"]["ALB_PROXY_LISTEN"], "127.0.0.1:3000");
    assert_eq!(services["proxy"]["environment"]["ALB_PROXY_UPSTREAM"], "http://127.0.0.1:8080");
    assert!(words("front-end").contains(&"5173") && words("application").contains(&"8080"));
    let volume = services["emulator"]["volumes"][0].as_str().expect("the rules");
    let [source, target, "ro"] = volume.split(':').collect::<Vec<_>>()[..] else { panic!("{volume}") };
    assert!(root().join("deploy/images").join(source).is_file(), "{source}");
    assert!(emulator.windows(2).any(|pair| pair == ["--rules", target]), "{emulator:?}");
}

/// A verifier that starts before the keys are served, or an emulator before its provider, would have to be started again.
#[test]
fn services_of_the_compose_files_wait_for_the_emulator_by_its_health_check() {
    for (file, waiting) in [
        ("deploy/images/compose.yaml", &[("proxy", "emulator")][..]),
        (
            "deploy/containers/compose.yaml",
            &[("emulator", "provider"), ("node", "emulator"), ("proxy", "emulator")][..],
        ),
    ] {
        let compose: Value = serde_saphyr::from_str(&read(file)).expect("YAML");
        let services = compose["services"].as_object().expect("services");
        let found: Vec<(&str, &str)> = services
            .iter()
            .flat_map(|(name, service)| {
                let on = service["depends_on"].as_object().into_iter().flatten();
                on.map(move |(on, how)| {
                    assert_eq!(how["condition"], "service_healthy", "{file}: {name} on {on}");
                    (name.as_str(), on.as_str())
                })
            })
            .collect();
        let (mut found, mut waiting) = (found, waiting.to_vec());
        found.sort_unstable();
        waiting.sort_unstable();
        assert_eq!(found, waiting, "{file}");
        // The check of the image is for port 9000; a service that does not listen there has another one.
        for (name, service) in services.iter().filter(|(_, service)| !service["build"].is_null()) {
            let command: Vec<&str> =
                service["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if command.contains(&"--provider-only") {
                let at = command.iter().position(|word| *word == "--provider-listen").expect("an address");
                let port = command[at + 1].rsplit(':').next().expect("a port");
                let address = service["healthcheck"]["test"][4].as_str().expect("an address");
                assert_eq!(address, format!("127.0.0.1:{port}"), "{file}: {name}");
            }
        }
    }
}

/// The same for services in separate containers. The test of network namespaces in tests/peers runs their commands.
#[test]
fn the_compose_file_of_containers_publishes_the_load_balancer_and_the_provider_only() {
    let compose: Value = serde_saphyr::from_str(&read("deploy/containers/compose.yaml")).expect("YAML");
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        let ports = service["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(ports.len(), usize::from(["emulator", "provider"].contains(&name.as_str())), "{name}");
        assert!(ports.iter().all(|port| port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:"))), "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        let signer = service["environment"]["ALB_AUTH_SIGNERS"].as_str();
        assert!(signer.is_none_or(|signer| signer.contains(":000000000000:")), "{name}: {signer:?}");
    }
    assert_eq!(services["python"]["network_mode"], "service:proxy", "it would be reachable past the proxy");
}

/// Over https, the verifiers have the volume of the CA without the private key, and no permission for plain http.
#[test]
fn s_171_the_compose_file_of_https_keeps_the_private_key_with_the_emulator() {
    let compose: Value = serde_saphyr::from_str(&read("deploy/containers/compose.https.yaml")).expect("YAML");
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        let volumes: Vec<&str> =
            service["volumes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let has_private = volumes.iter().any(|volume| volume.starts_with("keys-private:"));
        assert_eq!(has_private, name == "emulator", "{name}");
        let of_ca = volumes.iter().find(|volume| volume.starts_with("keys-ca:")).expect(name);
        assert_eq!(of_ca.ends_with(":ro"), name != "emulator", "{name}");
        assert!(service["ports"].is_null(), "{name}");
        if name != "emulator" {
            assert_eq!(service["environment"]["ALB_AUTH_KEY_ENDPOINT"], "https://emulator:9002", "{name}");
        }
    }
    let proxy = &services["proxy"]["environment"];
    assert_eq!(proxy["ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM"], "", "it counts as unset");
    // The commands differ by --keys-tls alone.
    let plain: Value = serde_saphyr::from_str(&read("deploy/containers/compose.yaml")).expect("YAML");
    let command = |compose: &Value| -> Vec<Value> {
        compose["services"]["emulator"]["command"].as_array().expect("words").clone()
    };
    let mut https = command(&compose);
    https.retain(|word| *word != "--keys-tls" && *word != "/var/lib/alb-emulator");
    assert_eq!(https, command(&plain));
    // The image has these folders, so that the volumes are writable.
    let image = read("deploy/images/alb-emulator.Dockerfile");
    assert!(image.contains("/rootfs /var/lib/alb-emulator /var/lib/alb-emulator/private\n"), "{image}");
}
