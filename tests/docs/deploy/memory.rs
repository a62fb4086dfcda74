//! F-100: the limit of memory of the sidecar has room for its connections, by what docs/PROXY.md states.

use serde_json::Value;

use crate::pages::page::read;

/// The number before this unit in the line of the page that has these texts around it.
fn stated(before: &str, unit: &str) -> u64 {
    let page = read("docs/PROXY.md");
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("the page has no {before:?}"));
    let (number, _) = rest.split_once(unit).expect("the unit");
    number.trim().parse().unwrap_or_else(|error| panic!("{before}: {error}: {number}"))
}

#[test]
fn f_100_the_memory_limit_of_the_sidecar_has_room_for_its_connections() {
    let deployment: Value = serde_saphyr::from_str(&read("deploy/kubernetes/deployment.yaml")).expect("a manifest");
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
    let proxy = containers.iter().find(|container| container["name"] == "alb-auth-proxy").expect("the sidecar");
    let limit = proxy["resources"]["limits"]["memory"].as_str().expect("a limit");
    let limit: u64 = limit.strip_suffix("Mi").expect("MiB").parse().expect("a number");
    let settings: Value = serde_saphyr::from_str(&read("deploy/kubernetes/proxy.yaml")).expect("settings");
    let connections = settings["max_connections"].as_u64().expect("a number");

    let all = stated("The proxy takes up to ", " MiB");
    let each = stated("| while a body waits for a slower client or service | ", " KiB");
    assert!(all * 1024 + connections * each <= limit * 1024, "{connections} connections do not fit into {limit} MiB");
    assert_eq!(
        (stated("`deploy/kubernetes` do: ", " connections"), stated("connections under ", " MiB")),
        (connections, limit)
    );
    // As the page computes it for its default.
    assert_eq!(stated("1.4 GiB with headers, and ", ".3 GiB"), 10_000 * each / 1024 / 1024);
}
