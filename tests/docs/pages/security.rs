//! S-74: the layer cannot see whether a request bypassed the load balancer, so SECURITY.md must list what prevents it.

use std::collections::BTreeSet;

use crate::pages::page::{blocks, read, rows, section, sources};

/// A block of Terraform: `resource "type" "name" { body }`.
struct Resource {
    kind: String,
    body: String,
}

impl Resource {
    /// The value of an argument without quotes, at its first place in the body.
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
    assert!(readme.contains(
        "**The layer is half of the protection.** The target must be reachable through its load balancer only"
    ));
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

/// Who connects to the target without a user, and at which port.
#[test]
fn s_74_the_rule_of_the_security_group_names_the_services_that_call_the_target_without_a_user() {
    let must = section(&read("SECURITY.md"), "## What the operator must do");
    // The table is a part of a list.
    let callers = rows(&must.lines().map(str::trim_start).collect::<Vec<_>>().join("\n"));
    for (caller, part) in [
        ("load balancer", "health check"),
        ("back ends", "key set"),
        ("forward auth", "decision"),
        ("Prometheus", "`/metrics`"),
    ] {
        let row = callers.iter().find(|row| row[0].contains(caller)).unwrap_or_else(|| panic!("no row of {caller}"));
        assert!(row[2].contains(part), "{row:?}");
    }
    let metrics = callers.iter().find(|row| row[0].contains("Prometheus")).expect("a row");
    assert!(metrics[1].contains("never the application's"), "{metrics:?}");
    assert!(must.contains("Probes of ECS") && must.contains("Those of Kubernetes"));
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

/// Each row that claims a defence names tests that exist.
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

const CVES: &str = "## Known faults of other software";

/// The years that the CVE table covers.
const YEARS: std::ops::RangeInclusive<u16> = 2022..=2026;

/// The mistakes in the rows of the CVE table: CVEs, product and year, what it was, tests of this code.
fn mistakes(rows: &[Vec<String>], tests: &BTreeSet<&str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut mistakes = Vec::new();
    for row in rows {
        let [cves, product, fault, named] = &row[..] else {
            mistakes.push(format!("{row:?} has not four cells"));
            continue;
        };
        let mut mistake = |what: &str| mistakes.push(format!("{cves}: {what}"));
        for cve in cves.split(", ") {
            match year_of(cve) {
                None => mistake("not a CVE number"),
                Some(year) if !YEARS.contains(&year) => mistake("not of these years"),
                Some(_) if !seen.insert(cve) => mistake("stands there twice"),
                Some(_) => {}
            }
        }
        if !product.split([' ', ';']).any(|word| word.parse().is_ok_and(|year| YEARS.contains(&year))) {
            mistake("no year beside the product");
        }
        if fault.is_empty() {
            mistake("does not say what it was");
        }
        for name in named.split(", ") {
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            if !name.is_some_and(|name| tests.contains(name)) {
                mistake(&format!("there is no test {name:?}"));
            }
        }
    }
    mistakes
}

/// `CVE-2024-8901` is of 2024.
fn year_of(cve: &str) -> Option<u16> {
    let (year, number) = cve.strip_prefix("CVE-")?.split_once('-')?;
    let is_number = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| year.parse().ok())?
}

/// The names of all functions with a test attribute that are not ignored.
pub fn test_names(source: &str) -> BTreeSet<&str> {
    let mut attributes = String::new();
    let mut names = BTreeSet::new();
    for line in source.lines().map(str::trim) {
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some((name, _)) = function.and_then(|rest| rest.split_once('(')) {
            let is_test = attributes.contains("#[test]") || attributes.contains("#[tokio::test");
            if is_test && !attributes.contains("#[ignore") {
                names.insert(name);
            }
            attributes.clear();
        } else {
            attributes.clear();
        }
    }
    names
}

/// Each row of the CVE table names tests that exist and are not ignored.
#[test]
fn every_cve_in_the_table_has_tests() {
    let page = read("SECURITY.md");
    let cves = rows(&section(&page, CVES));
    assert!(cves.len() >= 25 && cves[0][0].contains("CVE-2024-8901"), "{cves:?}");
    let source = sources(&["src", "tests"]);
    let tests = test_names(&source);
    assert!(tests.contains("every_cve_in_the_table_has_tests") && !tests.contains("test_names"));
    assert_eq!(mistakes(&cves, &tests), Vec::<String>::new());
}

#[test]
fn a_row_of_the_cve_table_without_a_test_is_found() {
    let source = "#[test]\nfn runs() {}\n#[tokio::test]\n#[ignore = \"peer\"]\nasync fn ignored() {}\n#[cfg(test)]\nfn other() {}\n";
    let tests = test_names(source);
    assert_eq!(tests, BTreeSet::from(["runs"]));
    let of = |line: &str| mistakes(&rows(line), &tests);
    assert_eq!(of("| CVE-2024-1234 | A, 2024 | wrong | `runs` |"), Vec::<String>::new());
    for (line, expected) in [
        ("| CVE-2024-1234 | A, 2024 | wrong | `gone` |", "there is no test Some(\"gone\")"),
        ("| CVE-2024-1234 | A, 2024 | wrong | `runs`, `gone` |", "there is no test Some(\"gone\")"),
        ("| CVE-2024-1234 | A, 2024 | wrong | `ignored` |", "there is no test Some(\"ignored\")"),
        ("| CVE-2024-1234 | A, 2024 | wrong | `other` |", "there is no test Some(\"other\")"),
        ("| CVE-2024-1234 | A, 2024 | wrong | runs |", "there is no test None"),
        ("| CVE-2024-1234 | A, 2024 | wrong |  |", "there is no test None"),
        ("| CVE-2024-1234 | A, 2024 | wrong |", "has not four cells"),
        ("| CVE-2024-1234 | A, 2024 |  | `runs` |", "does not say what it was"),
        ("| CVE-2024-1234 | A | wrong | `runs` |", "no year beside the product"),
        ("| CVE-2024-12 | A, 2024 | wrong | `runs` |", "not a CVE number"),
        ("| CVE-2015-9235 | A, 2024 | wrong | `runs` |", "not of these years"),
        ("| CVE-2024-1234, CVE-2024-1234 | A, 2024 | wrong | `runs` |", "stands there twice"),
    ] {
        let found = of(line);
        assert!(found.len() == 1 && found[0].contains(expected), "{line}: {found:?}");
    }
}
