//! Profiles: each as the table of docs/PROXY.md describes it.

use std::collections::BTreeSet;

use tower_alb_auth::config::{Problem, ProblemKind};

use crate::site::{Site, status};

const PAGE: &str = include_str!("../../docs/PROXY.md");

/// Name and headers of each profile in the table.
fn documented() -> Vec<(String, Vec<String>)> {
    let (_, section) = PAGE.split_once("\n## Profiles\n").expect("the section");
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let in_code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.take_while(|line| line.starts_with('|'))
        .flat_map(|row| {
            let mut cells = row.split('|').skip(1);
            let names = in_code(cells.next().expect("names"));
            let headers = in_code(cells.next().expect("headers"));
            names.into_iter().map(move |name| (name, headers.clone()))
        })
        .collect()
}

/// What Jane's service gets.
fn value(header: &str) -> &'static str {
    // A hub knows users by a name that fits into a path.
    if header == "Remote-User" { "jane.doe" } else { "jane.doe@example.com" }
}

#[tokio::test]
async fn s_94_each_profile_sets_the_headers_of_its_row_and_removes_those_of_all_others() {
    let profiles = documented();
    assert_eq!(profiles.len(), 10, "{profiles:?}");
    let all: BTreeSet<&String> = profiles.iter().flat_map(|(_, headers)| headers).collect();
    let forged: String = all
        .iter()
        .flat_map(|name| [(*name).clone(), name.replace('-', "_"), name.to_lowercase().replacen('-', "_", 1)])
        .map(|name| format!("{name}: forged\r\n{name}: forged-twice\r\n"))
        .collect();
    for (profile, headers) in &profiles {
        let lines = format!("profile: {profile}\nrules: [{{ path: /public/*, access: optional }}]\n");
        let site = Site::with(&lines).await;
        let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
        for (path, lines, has_user) in [
            ("/page", jane.clone(), true),
            ("/page", format!("{forged}{jane}{forged}"), true),
            ("/public/x", forged.clone(), false),
        ] {
            assert_eq!(status(&site.get(path, &lines).await), 200, "{profile} {path}");
            let seen = site.log.only().headers;
            for name in &all {
                let expected = (has_user && headers.contains(name)).then(|| value(name));
                let found: Vec<_> = seen.get_all(name.as_str()).iter().collect();
                assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{profile} {path} {name}");
            }
            let of_jane = seen.iter().filter(|(name, value)| {
                value.as_bytes().starts_with(b"jane") && !name.as_str().starts_with("x-amzn-oidc-")
            });
            let of_jane: BTreeSet<String> = of_jane.map(|(name, _)| name.to_string()).collect();
            let row = headers.iter().filter(|_| has_user).map(|name| name.to_lowercase()).collect();
            assert_eq!(of_jane, row, "{profile} {path}");
            let forged = seen.iter().find(|(_, value)| value.as_bytes().starts_with(b"forged"));
            assert_eq!(forged, None, "{profile} {path}");
        }
        assert_eq!(status(&site.get("/page", &forged).await), 401, "{profile}");
        assert!(site.log.take().is_empty(), "{profile}");
    }
}

/// A profile that the page lacks is as wrong as one that the program lacks.
#[tokio::test]
async fn the_profiles_of_the_program_are_those_of_the_page() {
    let error = crate::site::settings("profile: unknown\n").expect_err("no such profile");
    let is_unknown = |problem: &&Problem| problem.kind() == ProblemKind::UnknownValue;
    let problem = error.problems().iter().find(is_unknown).expect("the problem of the profile");
    let of_program: BTreeSet<&str> = problem.expected().expect("the names").split(", ").collect();
    let documented = documented();
    let of_page: BTreeSet<&str> = documented.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(of_program, of_page);
    assert_eq!(documented.len(), of_page.len(), "one row a profile");
}
