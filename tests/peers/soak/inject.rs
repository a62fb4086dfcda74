//! How a fault is brought about and ended.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::sleep};

use super::{
    doubles::{Mode, SharedMode},
    hostile::{Kind, token},
    ledger::{NO_RESPONSE, Target},
    site::{Site, app_config, axum_settings, certificate, deny_list},
    users,
};
use crate::{our_programs::tls, verifiers::random::Random};

pub(super) fn set(mode: &SharedMode, to: Mode) {
    *mode.lock().unwrap() = to;
}

pub(super) async fn keys(site: &Site, rotate: bool, mode: Mode, lasts: Duration) {
    set(&site.keys.mode, mode);
    if rotate {
        site.rotate();
    }
    sleep(lasts).await;
    set(&site.keys.mode, Mode::Right);
}

pub(super) async fn read_only(site: &Site, lasts: Duration) {
    let server = site.database.lock().await;
    let client = server.client("postgres").await;
    let run = async |sql: &str| client.batch_execute(sql).await.expect("it is allowed");
    run("alter system set default_transaction_read_only = on").await;
    run("select pg_reload_conf()").await;
    sleep(lasts).await;
    run("alter system reset default_transaction_read_only").await;
    run("select pg_reload_conf()").await;
}

/// Files of the server cannot grow, as on a full disk. PostgreSQL ends when it cannot write its log. The operator makes room and starts it.
pub(super) async fn database_full(site: &Site, lasts: Duration) {
    let mut server = site.database.lock().await;
    let lock_file = server.socket_folder().join("data/postmaster.pid");
    let text = fs::read_to_string(&lock_file).expect("it runs");
    let postmaster = text.lines().next().expect("a process").to_owned();
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
    for id in children.split_whitespace() {
        // A process of a connection may have ended by itself.
        let _ = limit_files(id);
    }
    assert!(limit_files(&postmaster), "prlimit");
    sleep(lasts).await;
    tokio::task::block_in_place(|| {
        server.stop();
        // It is left behind by a server that ended in this way, and says that it is ready.
        let _ = fs::remove_file(lock_file);
        server.start_again();
    });
}

/// No file of this process may grow beyond 8 KiB. The server's user is another one where the test runs as root.
fn limit_files(process: &str) -> bool {
    let Ok(owner) = fs::metadata(format!("/proc/{process}")) else { return false };
    let mut command = Command::new("setpriv");
    if owner.uid() == fs::metadata("/proc/self").expect("this process").uid() {
        command = Command::new("prlimit");
    } else {
        let (uid, gid) = (owner.uid().to_string(), owner.gid().to_string());
        command.args(["--reuid", &uid, "--regid", &gid, "--clear-groups", "prlimit"]);
    }
    let limited = command.args(["--pid", process, "--fsize=8192:"]).stderr(Stdio::null()).status();
    limited.expect("util-linux is installed").success()
}

/// The whole list is there again at the end. In between, the user in it is refused all the same.
pub(super) async fn deny_list_half_written(site: &Site, lasts: Duration, random: &mut Random) {
    let (whole, path) = (deny_list(), site.folder.path().join("denied.jsonl"));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for _ in 0..4 {
        fs::write(&path, &whole[..random.below(whole.len())]).expect("written");
        let until = Instant::now() + lasts / 4;
        while Instant::now() < until {
            for target in [Target::ProxyA, Target::Axum, Target::Clocked] {
                let denied = token(Kind::Denied, &site.alb(), &site.attacker, random);
                let request = client.get(format!("{}/of/x", site.url(target))).header("x-amzn-oidc-data", denied);
                match request.send().await.map(|response| response.status().as_u16()) {
                    Ok(403) => site.ledger.refused(Kind::Denied, "list half written"),
                    other => site.ledger.admitted("a user who is shut out", target, other.unwrap_or(NO_RESPONSE)),
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    fs::write(&path, whole).expect("written");
}

/// Certificate and key are replaced one after the other. Ends once new connections get the new certificate.
pub(super) async fn certificate_half_written(site: &Site, lasts: Duration) {
    let (new, certificate_pem, key_pem) = certificate();
    let path = |name| site.folder.path().join(name);
    site.trust_certificate(new.clone());
    fs::write(path("certificate.pem"), &certificate_pem[..certificate_pem.len() / 2]).expect("written");
    sleep(lasts).await;
    fs::write(path("certificate.pem"), certificate_pem).expect("written");
    sleep(lasts).await;
    fs::write(path("key.pem"), &key_pem[..key_pem.len() / 2]).expect("written");
    sleep(lasts).await;
    fs::write(path("key.pem"), key_pem).expect("written");
    let in_use = async {
        while tls(site.address(Target::ProxyB), std::slice::from_ref(&new)).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), in_use).await.expect("the new certificate is in use");
}

pub(super) async fn settings_half_written(site: &Site, lasts: Duration, random: &mut Random) {
    let alb = site.alb();
    let port = site.database.lock().await.port();
    for (name, whole) in [
        ("axum.json", axum_settings(&alb, &site.keys.url)),
        ("app-config.yaml", app_config(&alb, &site.keys.url, &site.catalog.url, port)),
    ] {
        let path = site.folder.path().join(name);
        for _ in 0..3 {
            fs::write(&path, &whole[..random.below(whole.len())]).expect("written");
            sleep(lasts / 3).await;
        }
        fs::write(&path, whole).expect("written");
    }
}

pub(super) async fn killed(site: &Site, target: Target, lasts: Duration) {
    tokio::task::block_in_place(|| site.end(target));
    sleep(lasts).await;
    tokio::task::block_in_place(|| site.begin(target));
}

pub(super) async fn without_descriptors(site: &Site, target: Target, lasts: Duration) {
    let id = site.process(target);
    let limit = |soft: &str| {
        let arguments = ["--pid", &id.to_string(), &format!("--nofile={soft}:")];
        assert!(Command::new("prlimit").args(arguments).status().expect("prlimit").success());
    };
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).expect("it runs");
    let before =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit").split_whitespace();
    let before = before.clone().next().expect("a soft limit").to_owned();
    let open = fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count();
    limit(&open.to_string());
    // They take what honest users give back.
    let held = futures::future::join_all((0..20).map(|_| TcpStream::connect(site.address(target)))).await;
    sleep(lasts).await;
    limit(&before);
    drop(held);
}

/// As many requests as two clients can make, without a pause. `None`: of honest users, each with its own token.
pub(super) async fn flood(site: &Site, kind: Option<Kind>, lasts: Duration, random: &mut Random) {
    let targets = [Target::ProxyA, Target::Axum];
    let until = Instant::now() + lasts * 2;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let (client, alb) = (&client, &site.alb());
    let floods = targets.map(|target| {
        let mut random = Random::of(random.next());
        async move {
            while Instant::now() < until {
                let token = match kind {
                    Some(kind) => token(kind, alb, &site.attacker, &mut random),
                    None => alb.sign(&users::user(&format!("flood-{}", random.next()))),
                };
                let request = client.get(format!("{}/of/x", site.url(target))).header("x-amzn-oidc-data", token);
                let status = request.send().await.map_or(NO_RESPONSE, |response| response.status().as_u16());
                match (kind, status) {
                    (Some(kind), 401 | 503) => site.ledger.refused(kind, "in a flood"),
                    (None, 200) => {}
                    (kind, status) => {
                        let kind =
                            if kind.is_some() { "flood" } else { "flood of unique tokens, which was to be served" };
                        site.ledger.admitted(kind, target, status);
                    }
                }
            }
        }
    });
    futures::future::join_all(floods).await;
}
