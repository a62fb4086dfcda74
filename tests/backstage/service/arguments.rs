//! The command line.

use crate::{
    service::settings::folder_with,
    support::backstage_auth::{Service, run, sound_with_database},
};

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = run(folder.path(), &["--help"]);
    assert_eq!(help.code, 0, "{help:?}");
    for part in
        ["--config", "--upstream", "--static", "check --config", "alb-emulator --demo", "Exit codes", "docs/GUIDE.md"]
    {
        assert!(help.stdout.contains(part), "{part} is not in: {}", help.stdout);
    }
    let version = run(folder.path(), &["--version"]);
    assert_eq!((version.code, version.stdout), (0, format!("backstage-auth {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn arguments_that_are_none_are_code_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in
        [&["--confg", "x"][..], &["--listen", "nowhere"], &["check", "--listen", "127.0.0.1:1"], &["--replicas", "0"]]
    {
        let ended = run(folder.path(), arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn an_invalid_upstream_is_refused_with_what_to_write() {
    let folder = folder_with(crate::service::settings::SOUND);
    for (url, part) in [
        ("ftp://backend", "write it as http://127.0.0.1:7008"),
        ("http://backend:7007/api/auth", "has more than a host"),
        ("http://jane:canary@backend", "without user name and password"),
    ] {
        let ended = run(folder.path(), &["--upstream", url, "--listen", "127.0.0.1:0"]);
        assert_eq!(ended.code, 1, "{url}: {ended:?}");
        assert!(ended.stderr.contains(part) && !ended.stderr.contains("canary"), "{url}: {}", ended.stderr);
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder_with(crate::service::settings::SOUND);
    let ended = run(folder.path(), &["--listen", &address]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains(&format!("cannot listen at {address}")), "{}", ended.stderr);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}

/// Each would have keys of its own, and refuse the others' tokens.
#[test]
fn several_replicas_without_a_database_are_refused_with_the_lines_to_add() {
    let folder = folder_with(crate::service::settings::SOUND);
    let ended = run(folder.path(), &["--replicas", "3", "--without-catalog", "--listen", "127.0.0.1:0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    for part in ["--replicas 3", "backend:\n  database:\n    client: pg\n"] {
        assert!(ended.stderr.contains(part), "{part:?} is not in: {}", ended.stderr);
    }
}

#[test]
fn without_config_it_reads_app_config_yaml_where_it_is_started() {
    let folder = folder_with(crate::service::settings::SOUND);
    let service = Service::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert!(service.start_lines.contains("https://backstage.example.com"), "{}", service.start_lines);
    let nowhere = tempfile::tempdir().expect("a folder");
    let ended = run(nowhere.path(), &[]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("app-config.yaml is not in this folder"), "{}", ended.stderr);
    for arguments in [&[][..], &["check"]] {
        let ended = run(nowhere.path(), arguments);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains("--config <FILE>"), "{}", ended.stderr);
    }
}

#[test]
fn an_invalid_address_is_refused_with_how_to_write_it() {
    let folder = folder_with(crate::service::settings::SOUND);
    for address in [":7007", "7007", "localhost:7007", "127.0.0.1"] {
        let ended = run(folder.path(), &["--listen", address]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains("write it as 127.0.0.1:7007"), "{address}: {}", ended.stderr);
    }
}

/// It would do nothing, and the operator would believe that keys are shared.
#[test]
fn tables_without_a_database_are_refused() {
    let folder = folder_with(crate::service::settings::SOUND);
    let ended = run(folder.path(), &["--create-tables", "--without-catalog", "--listen", "127.0.0.1:0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    for part in ["--create-tables", "backend:\n  database:\n    client: pg\n"] {
        assert!(ended.stderr.contains(part), "{part:?} is not in: {}", ended.stderr);
    }
}

#[test]
fn a_resolver_that_asks_the_catalog_does_not_go_with_the_flag_that_asks_none() {
    let files =
        crate::service::settings::SOUND.replace("            dangerouslyAllowSignInWithoutUserInCatalog: true\n", "");
    let ended = run(folder_with(&files).path(), &["--without-catalog", "--listen", "127.0.0.1:0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("--without-catalog: no catalog is queried; leave it out"), "{}", ended.stderr);
}

/// `check` says that the role is used. Nothing listens there: no connection is opened before the start.
#[test]
fn a_database_with_a_role_of_its_own_starts() {
    let connection = "    role: auth_owner\n    connection: { host: 127.0.0.1, port: 1, user: backstage }\n";
    let folder = folder_with(&sound_with_database(connection));
    let service = Service::start(folder.path(), &["--without-catalog", "--listen", "127.0.0.1:0"]);
    assert!(
        service.start_lines.contains("in PostgreSQL backstage_plugin_auth at 127.0.0.1:1"),
        "{}",
        service.start_lines
    );
}
