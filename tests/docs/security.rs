//! S-74: the layer cannot see whether a request came past the load balancer, so SECURITY.md has to say what closes that way.

use crate::page::{blocks, read, rows, section, sources};

/// A block of Terraform: `resource "type" "name" { body }`.
struct Resource {
    kind: String,
    body: String,
}

impl Resource {
    /// The value of an argument, quotes off, wherever in the body it first stands.
    fn argument(&self, name: &str) -> Option<&str> {
        self.body.lines().find_map(|line| {
            let (found, value) = line.split_once('=')?;
            (found.trim() == name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// The types of its actions, in order.
    fn actions(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.body.lines().map(str::trim).collect();
        let is_action = |line: &str| matches!(line, "action {" | "default_action {");
        let types = lines.windows(2).filter(|pair| is_action(pair[0])).map(|pair| pair[1]);
        types.map(|line| line.split('"').nth(1).unwrap_or_else(|| panic!("{line}"))).collect()
    }
}

fn example() -> Vec<Resource> {
    let page = read("SECURITY.md");
    let [block] = blocks(&section(&page, "## What the operator must do"), "hcl").try_into().expect("one example");
    assert_eq!(block.matches('{').count(), block.matches('}').count());
    let resources = block.split("\nresource \"").skip(1).map(|text| {
        let (head, rest) = text.split_once(" {\n").expect("a resource");
        let body = rest.split("\n}\n").next().expect("its end");
        Resource { kind: head.split('"').next().expect("a type").to_owned(), body: body.to_owned() }
    });
    resources.collect()
}

fn of_kind<'r>(resources: &'r [Resource], kind: &str) -> Vec<&'r Resource> {
    let found: Vec<&Resource> = resources.iter().filter(|resource| resource.kind == kind).collect();
    assert!(!found.is_empty(), "the example has no {kind}");
    found
}

#[test]
fn s_74_readme_and_security_say_that_the_target_must_be_reachable_through_its_load_balancer_alone() {
    let (readme, security) = (read("README.md"), read("SECURITY.md"));
    assert!(
        readme.contains("**The layer is half of it.** The target must be reachable through its load balancer alone")
    );
    for heading in
        ["## Reporting a vulnerability", "## Supported versions", "## Threat model", "## What this crate does not do"]
    {
        assert!(section(&security, heading).len() > 80, "{heading}");
    }
    let must = section(&security, "## What the operator must do");
    for setting in [
        "security group admits the load balancer's security group and nothing else",
        "authenticate action stands in every rule that forwards to the target",
        "`routing.http.drop_invalid_header_fields.enabled` is `true`",
        "`routing.http.desync_mitigation_mode` is `defensive` or `strictest`",
    ] {
        assert!(must.contains(setting), "{setting}");
    }
}

#[test]
fn s_74_the_example_load_balancer_drops_invalid_headers_and_mitigates_desync() {
    for load_balancer in of_kind(&example(), "aws_lb") {
        assert_eq!(load_balancer.argument("load_balancer_type"), Some("application"));
        assert_eq!(load_balancer.argument("drop_invalid_header_fields"), Some("true"));
        assert!(matches!(load_balancer.argument("desync_mitigation_mode"), Some("defensive" | "strictest")));
    }
}

#[test]
fn s_74_every_rule_of_the_example_that_forwards_authenticates_first() {
    let resources = example();
    let mut forwarding = 0;
    for rule in of_kind(&resources, "aws_lb_listener").into_iter().chain(of_kind(&resources, "aws_lb_listener_rule")) {
        let actions = rule.actions();
        assert!(!actions.is_empty(), "{}", rule.body);
        if let Some(forward) = actions.iter().position(|action| *action == "forward") {
            assert!(actions[..forward].iter().any(|action| action.starts_with("authenticate-")), "{actions:?}");
            assert!(matches!(rule.argument("on_unauthenticated_request"), Some("authenticate" | "deny")));
            forwarding += 1;
        }
    }
    assert!(forwarding > 0);
}

#[test]
fn s_74_the_example_target_admits_the_load_balancers_security_group_and_nothing_else() {
    let resources = example();
    let of_load_balancer = of_kind(&resources, "aws_lb")[0].argument("security_groups").expect("a security group");
    for rule in of_kind(&resources, "aws_vpc_security_group_ingress_rule") {
        let admitted = rule.argument("referenced_security_group_id").expect("a group, not addresses");
        assert_eq!(format!("[{admitted}]"), of_load_balancer);
        assert!(!rule.body.contains("cidr") && !rule.body.contains("prefix_list"), "{}", rule.body);
    }
}

/// A row that claims a defence names the tests that show it.
#[test]
fn every_attack_in_the_table_has_the_tests_that_its_row_names() {
    let page = read("SECURITY.md");
    let attacks = rows(&section(&page, "## Attacks, and what stops them"));
    assert!(attacks[0][0].contains("ALBeast"));
    let tests = sources(&["src", "tests"]);
    let missing: Vec<&str> = attacks
        .iter()
        .flat_map(|row| row.last().expect("a cell").split(", "))
        .filter(|id| !tests.contains(&format!("fn {id}_")))
        .collect();
    assert!(missing.is_empty(), "there are no tests of {missing:?}");
}
