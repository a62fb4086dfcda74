//! The faults. Each begins, lasts for a while and ends; what it may do to honest users is a part of it.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    doubles::{Mode, user},
    hostile::Kind,
    inject::{
        certificate_half_written, database_full, deny_list_half_written, flood, keys, killed, read_only, set,
        settings_half_written, without_descriptors,
    },
    ledger::{ALL_WITH_KEYS, BACKSTAGE, Effect, NO_RESPONSE, Target},
    site::Site,
};
use crate::verifiers::random::Random;

/// For how long it is remembered that the catalog has no such user: `CacheLimits::not_found_for`, and what a machine under load adds.
const NOT_FOUND_FOR: Duration = Duration::from_secs(12);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    KeysSlow,
    KeysTooSlow,
    KeysWrong,
    KeysBusy,
    KeysDown,
    KeysDownWithoutRotation,
    KeysBehind,
    DatabaseRestarted,
    DatabaseReadOnly,
    DatabaseSilent,
    DatabaseFull,
    CatalogLies,
    CatalogDown,
    DenyListHalfWritten,
    CertificateHalfWritten,
    SettingsHalfWritten,
    BackstageKilled,
    ProxyKilled,
    ProxyWithoutDescriptors,
    BackstageWithoutDescriptors,
    ClockStepped,
    ClockWithinLeeway,
    FloodUnknownKids,
    FloodForeignKids,
    FloodForged,
    FloodUniqueTokens,
    /// Only after a fault in which fetches failed.
    NewKeyAfterwards,
}

impl Fault {
    pub const ALL: [Self; 26] = [
        Self::KeysSlow,
        Self::KeysTooSlow,
        Self::KeysWrong,
        Self::KeysBusy,
        Self::KeysDown,
        Self::KeysDownWithoutRotation,
        Self::KeysBehind,
        Self::DatabaseRestarted,
        Self::DatabaseReadOnly,
        Self::DatabaseSilent,
        Self::DatabaseFull,
        Self::CatalogLies,
        Self::CatalogDown,
        Self::DenyListHalfWritten,
        Self::CertificateHalfWritten,
        Self::SettingsHalfWritten,
        Self::BackstageKilled,
        Self::ProxyKilled,
        Self::ProxyWithoutDescriptors,
        Self::BackstageWithoutDescriptors,
        Self::ClockStepped,
        Self::ClockWithinLeeway,
        Self::FloodUnknownKids,
        Self::FloodForeignKids,
        Self::FloodForged,
        Self::FloodUniqueTokens,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::KeysSlow => "key endpoint slow, new key",
            Self::KeysTooSlow => "key endpoint slower than the timeout, new key",
            Self::KeysWrong => "key endpoint with HTML instead of a key, new key",
            Self::KeysBusy => "key endpoint with status 503, new key",
            Self::KeysDown => "key endpoint down, new key",
            Self::KeysDownWithoutRotation => "key endpoint down, held key",
            Self::KeysBehind => "key endpoint does not know the new key yet",
            Self::DatabaseRestarted => "database restarted",
            Self::DatabaseReadOnly => "database read-only",
            Self::DatabaseSilent => "database silent",
            Self::DatabaseFull => "database without room for its log, then restarted",
            Self::CatalogLies => "catalog returns another user, or garbage",
            Self::CatalogDown => "catalog down",
            Self::DenyListHalfWritten => "deny list half written",
            Self::CertificateHalfWritten => "certificate without its key, then with it",
            Self::SettingsHalfWritten => "settings half written",
            Self::BackstageKilled => "a replica of backstage-auth killed and started",
            Self::ProxyKilled => "a replica of alb-auth-proxy killed and started",
            Self::ProxyWithoutDescriptors => "alb-auth-proxy without descriptors",
            Self::BackstageWithoutDescriptors => "backstage-auth without descriptors",
            Self::ClockStepped => "wall clock wrong by an hour",
            Self::ClockWithinLeeway => "wall clock wrong by 20 s",
            Self::FloodUnknownKids => "flood of unknown kids",
            Self::FloodForeignKids => "flood of foreign kids that exist",
            Self::FloodForged => "flood of forged signatures",
            Self::FloodUniqueTokens => "flood of unique valid tokens",
            Self::NewKeyAfterwards => "a new key right after fetches failed",
        }
    }

    /// As docs/THREATS.md and docs/OPERATING.md have it.
    pub fn effect(self) -> Effect {
        let effect = |targets, statuses| Effect { targets, statuses, ..Effect::NONE };
        match self {
            // F-04, F-07, F-09, F-01: the new key is not held, so 503; the key before serves on.
            Self::KeysTooSlow | Self::KeysWrong | Self::KeysBusy | Self::KeysDown => effect(ALL_WITH_KEYS, &[503]),
            // F-34: the endpoint counts as down until a probe succeeds, after 5 to 30 s.
            Self::NewKeyAfterwards => effect(ALL_WITH_KEYS, &[503]),
            // F-08: an unknown kid.
            Self::KeysBehind => effect(ALL_WITH_KEYS, &[401]),
            // F-38: no session without the store, and no userinfo.
            Self::DatabaseRestarted | Self::DatabaseReadOnly | Self::DatabaseSilent | Self::DatabaseFull => {
                effect(BACKSTAGE, &[503])
            }
            // Refused, several users, or unavailable.
            Self::CatalogLies => Effect { remembered: NOT_FOUND_FOR, ..effect(BACKSTAGE, &[403, 409, 503]) },
            Self::CatalogDown => effect(BACKSTAGE, &[503]),
            // A replica that is not there: a load balancer takes the other one.
            Self::BackstageKilled => effect(&[Target::BackstageB], &[NO_RESPONSE]),
            Self::ProxyKilled => effect(&[Target::ProxyB], &[NO_RESPONSE]),
            // F-26. New connections wait in the system's queue, or the connection to the service fails.
            Self::ProxyWithoutDescriptors => effect(&[Target::ProxyA], &[NO_RESPONSE, 502, 503]),
            Self::BackstageWithoutDescriptors => effect(&[Target::BackstageA], &[NO_RESPONSE, 503]),
            // F-27: token times follow the wall clock.
            Self::ClockStepped => effect(&[Target::Clocked], &[401]),
            // F-13, F-02, F-46, F-53, F-23, F-40, F-24: no request is lost.
            _ => Effect::NONE,
        }
    }

    /// Until when every target serves again, after the end of the fault.
    pub fn recovery(self) -> Duration {
        Duration::from_secs(match self {
            // Unknown for 60 s, give or take 20 %.
            Self::KeysBehind => 85,
            // The wait after failures goes up to 30 s; the breaker's too.
            _ => 45,
        })
    }

    /// What comes right after it. Held keys hide that the endpoint still counts as down; the next fault would be blamed.
    pub fn next(self) -> Option<Self> {
        let fetches_fail = matches!(
            self,
            Self::KeysDownWithoutRotation | Self::ProxyWithoutDescriptors | Self::BackstageWithoutDescriptors
        );
        fetches_fail.then_some(Self::NewKeyAfterwards)
    }

    /// Whether a run of two minutes has the time for it.
    pub fn is_short(self) -> bool {
        self != Self::KeysBehind
    }

    pub async fn apply(self, site: &Site, random: &mut Random) {
        let lasts = Duration::from_millis(2_000 + u64::try_from(random.below(2_500)).expect("small"));
        match self {
            Self::KeysSlow => keys(site, true, Mode::After(Duration::from_millis(500)), lasts).await,
            Self::KeysTooSlow => keys(site, true, Mode::After(Duration::from_secs(20)), lasts * 2).await,
            Self::KeysWrong => {
                keys(site, true, Mode::Body("<html>Sign in to the network</html>".to_owned()), lasts).await
            }
            Self::KeysBusy => keys(site, true, Mode::Status(503), lasts).await,
            Self::KeysDown => keys(site, true, Mode::Reset, lasts).await,
            Self::KeysDownWithoutRotation => keys(site, false, Mode::Reset, lasts * 2).await,
            Self::KeysBehind => keys(site, true, Mode::Behind, lasts).await,
            Self::DatabaseRestarted => {
                let mut server = site.database.lock().await;
                tokio::task::block_in_place(|| server.stop());
                sleep(lasts).await;
                tokio::task::block_in_place(|| server.start_again());
            }
            Self::DatabaseReadOnly => read_only(site, lasts).await,
            Self::DatabaseSilent => {
                let server = site.database.lock().await;
                server.freeze();
                // Longer than the store waits.
                sleep(lasts * 3).await;
                server.wake();
            }
            Self::DatabaseFull => database_full(site, lasts).await,
            Self::CatalogLies => {
                let lies = [
                    user("admin").to_string(),
                    user("user-1").to_string(),
                    format!("[{},{}]", user("admin"), user("user-1")),
                    user("admin").to_string().replace("\"User\"", "\"Group\""),
                    "{}".to_owned(),
                    "<html>".to_owned(),
                ];
                for lie in lies {
                    set(&site.catalog.mode, Mode::Body(lie));
                    sleep(lasts / 4).await;
                }
                set(&site.catalog.mode, Mode::Right);
            }
            Self::CatalogDown => {
                for mode in [Mode::Reset, Mode::Status(500)] {
                    set(&site.catalog.mode, mode);
                    sleep(lasts / 2).await;
                }
                set(&site.catalog.mode, Mode::Right);
            }
            Self::DenyListHalfWritten => deny_list_half_written(site, lasts, random).await,
            Self::CertificateHalfWritten => certificate_half_written(site, lasts).await,
            Self::SettingsHalfWritten => settings_half_written(site, lasts, random).await,
            Self::BackstageKilled => killed(site, Target::BackstageB, lasts).await,
            Self::ProxyKilled => killed(site, Target::ProxyB, lasts).await,
            Self::ProxyWithoutDescriptors => without_descriptors(site, Target::ProxyA, lasts).await,
            Self::BackstageWithoutDescriptors => without_descriptors(site, Target::BackstageA, lasts).await,
            Self::ClockStepped => {
                for seconds in [3_600, -3_600] {
                    site.clock.set(seconds);
                    sleep(lasts / 2).await;
                }
                site.clock.set(0);
            }
            Self::ClockWithinLeeway => {
                for seconds in [20, -20] {
                    site.clock.set(seconds);
                    sleep(lasts / 2).await;
                }
                site.clock.set(0);
            }
            Self::FloodUnknownKids => flood(site, Some(Kind::UnknownKid), lasts, random).await,
            Self::FloodForeignKids => flood(site, Some(Kind::ForeignKid), lasts, random).await,
            Self::FloodForged => flood(site, Some(Kind::Forged), lasts, random).await,
            Self::FloodUniqueTokens => flood(site, None, lasts, random).await,
            Self::NewKeyAfterwards => site.rotate(),
        }
    }
}
