//! Which account became which user, for users who hold a token of this process.
//!
//! A Backstage token names its user by entity ref alone. An entry of a deny list by subject or email is compared with the claims of
//! the user's last sign-in here, and with the account of the last sign-in at any replica if replicas share accounts. Entries by entity
//! ref need no memory.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use super::store::{AccountStore, StoreError};
use crate::{
    Claims, EntityRef,
    internal::{Account as SharedAccount, BoundedCache, HeapSize},
};

const MAX_USERS: usize = 10_000;
const MAX_BYTES: usize = 32 * 1024 * 1024;

pub(super) struct Accounts {
    here: Option<BoundedCache<User, Account>>,
    shared: OnceLock<Arc<dyn AccountStore>>,
}

#[derive(PartialEq, Eq, Hash)]
struct User(Box<str>);

#[derive(Clone)]
struct Account(Claims);

impl Accounts {
    pub(super) fn new() -> Self {
        Self { here: BoundedCache::new(MAX_USERS, MAX_BYTES), shared: OnceLock::new() }
    }

    pub(super) fn remember(&self, user: &EntityRef, claims: &Claims) {
        if let Some(accounts) = &self.here {
            accounts.insert(User(user.as_str().into()), Account(claims.clone()));
        }
    }

    pub(super) fn find(&self, user: &EntityRef) -> Option<Claims> {
        let account = self.here.as_ref()?.find(&User(user.as_str().into()))?;
        Some(account.0)
    }

    /// Shares accounts from now on. The first store counts.
    #[cfg(any(test, feature = "postgres"))]
    pub(super) fn share(&self, store: impl AccountStore) {
        let _ = self.shared.set(Arc::new(store));
    }

    pub(super) fn are_shared(&self) -> bool {
        self.shared.get().is_some()
    }

    /// Keeps the account for the other replicas, if they share accounts.
    pub(super) async fn put_shared(
        &self,
        user: &EntityRef,
        account: &SharedAccount,
        expires_at: SystemTime,
    ) -> Result<(), StoreError> {
        match self.shared.get() {
            Some(store) => store.put(user, account, expires_at).await,
            None => Ok(()),
        }
    }

    pub(super) async fn find_shared(&self, user: &EntityRef) -> Result<Option<SharedAccount>, StoreError> {
        match self.shared.get() {
            Some(store) => store.find(user).await,
            None => Ok(None),
        }
    }
}

impl HeapSize for User {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl HeapSize for Account {
    fn heap_size(&self) -> usize {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "test-util")]
    mod with_replicas {
        use std::{
            collections::HashMap,
            sync::atomic::{AtomicBool, Ordering},
        };

        use axum::{Router, body::Body};
        use http::Request;
        use http_body_util::BodyExt as _;
        use serde_json::{Value, json};
        use tower::ServiceExt as _;

        use super::super::*;
        use crate::{
            backstage::{
                BackstageAuth, TokenIssuer, router,
                store::{MemoryPublicKeys, MemoryUserInfo, StoreFuture},
            },
            deny_list::{Denied, DenyList},
            internal::Mutex,
            test_util::{MockAlb, User as Provided},
        };

        /// What replicas share, in place of a database.
        #[derive(Clone, Default)]
        struct Shared {
            keys: MemoryPublicKeys,
            users: MemoryUserInfo,
            accounts: Arc<Mutex<HashMap<String, SharedAccount>>>,
            is_away: Arc<AtomicBool>,
        }

        impl AccountStore for Shared {
            fn put<'a>(
                &'a self,
                user: &'a EntityRef,
                account: &'a SharedAccount,
                _: SystemTime,
            ) -> StoreFuture<'a, ()> {
                Box::pin(async move {
                    self.present()?.lock().insert(user.as_str().to_owned(), account.clone());
                    Ok(())
                })
            }

            fn find<'a>(&'a self, user: &'a EntityRef) -> StoreFuture<'a, Option<SharedAccount>> {
                Box::pin(async move { Ok(self.present()?.lock().get(user.as_str()).cloned()) })
            }
        }

        impl Shared {
            fn present(&self) -> Result<&Mutex<HashMap<String, SharedAccount>>, StoreError> {
                match self.is_away.load(Ordering::SeqCst) {
                    true => Err(StoreError::new("the store is away")),
                    false => Ok(&self.accounts),
                }
            }
        }

        struct Replica {
            alb: MockAlb,
            app: Router,
            denied: DenyList,
        }

        impl Replica {
            fn start(shared: &Shared, shares_accounts: bool) -> Self {
                let (alb, denied) = (MockAlb::new(), DenyList::new());
                let tokens =
                    TokenIssuer::builder("https://backstage.example.com/api/auth").user_keys(shared.keys.clone());
                let handle = alb.layer().deny_list(&denied).handle();
                let auth = BackstageAuth::builder(handle, tokens.build().unwrap()).user_info(shared.users.clone());
                let auth = auth.build().unwrap();
                if shares_accounts {
                    auth.accounts().share(shared.clone());
                }
                Self { alb, app: Router::new().nest("/api/auth", router(auth)), denied }
            }

            async fn send(&self, request: Request<Body>) -> (u16, Value) {
                let response = self.app.clone().oneshot(request).await.unwrap();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                (status, serde_json::from_slice(&body).unwrap_or_default())
            }

            async fn session(&self, user: &Provided) -> (u16, Value) {
                self.send(self.alb.request("/api/auth/awsalb/refresh").user(user).body(Body::empty())).await
            }

            async fn sign_in(&self, user: &Provided) -> String {
                let (status, session) = self.session(user).await;
                assert_eq!(status, 200, "{session}");
                session["backstageIdentity"]["token"].as_str().unwrap().to_owned()
            }

            async fn user_info(&self, token: &str) -> u16 {
                let request = Request::get("/api/auth/v1/userinfo").header("authorization", format!("Bearer {token}"));
                self.send(request.body(Body::empty()).unwrap()).await.0
            }
        }

        #[tokio::test]
        async fn s_190_a_user_denied_by_subject_or_email_is_refused_where_another_replica_signed_the_user_in() {
            let shared = Shared::default();
            let (a, b) = (Replica::start(&shared, true), Replica::start(&shared, true));
            let jane = Provided::jane();
            let token = a.sign_in(&jane).await;
            let SharedAccount { issuer, subject, emails } =
                shared.accounts.lock().get("user:default/jane.doe").cloned().unwrap();
            assert_eq!(emails, Some(vec!["jane.doe@example.com".to_owned()]));
            for (denied, expected) in [
                (Denied::email("Jane.Doe+x@example.com").unwrap(), 403),
                (Denied::subject(&format!("{issuer}/"), &subject).unwrap(), 403),
                (Denied::user("user:default/jane.doe".parse().unwrap()), 403),
                (Denied::email("jane.doe@example.com").unwrap().until(SystemTime::UNIX_EPOCH), 200),
                (Denied::email("jane@example.com").unwrap(), 200),
                (Denied::subject("https://another.example.com", &subject).unwrap(), 200),
                (Denied::subject(&issuer, "another").unwrap(), 200),
            ] {
                b.denied.deny(denied.clone());
                assert_eq!(b.user_info(&token).await, expected, "{denied:?}");
                b.denied.allow(&denied);
                assert_eq!(b.user_info(&token).await, 200, "{denied:?}");
            }
            // Emails that could not be read may be those of an entry.
            shared.accounts.lock().values_mut().for_each(|account| account.emails = None);
            b.denied.deny(Denied::subject(&issuer, "another").unwrap());
            assert_eq!(b.user_info(&token).await, 200, "no entry is by email");
            b.denied.deny(Denied::email("john@example.com").unwrap());
            assert_eq!(b.user_info(&token).await, 403);
            // The claims of the account, not those of another one that became the same user before.
            let renamed = jane.claim("sub", json!("another account"));
            a.sign_in(&renamed).await;
            assert_eq!(shared.accounts.lock()["user:default/jane.doe"].subject, "another account");
        }

        #[tokio::test]
        async fn s_190_nothing_is_kept_unless_accounts_are_shared() {
            let shared = Shared::default();
            Replica::start(&shared, false).sign_in(&Provided::jane()).await;
            assert!(shared.accounts.lock().is_empty());
        }

        #[tokio::test]
        async fn f_99_without_the_store_of_accounts_there_is_no_session_and_no_user_info_for_a_list_that_needs_it() {
            let shared = Shared::default();
            let (a, b) = (Replica::start(&shared, true), Replica::start(&shared, true));
            let token = a.sign_in(&Provided::jane()).await;
            shared.is_away.store(true, Ordering::SeqCst);
            let (status, body) = a.session(&Provided::jane()).await;
            assert_eq!((status, &body["backstageIdentity"]), (503, &Value::Null));
            b.denied.deny(Denied::user("user:default/john.doe".parse().unwrap()));
            assert_eq!(b.user_info(&token).await, 200, "no entry needs an account");
            b.denied.deny(Denied::email("john.doe@example.com").unwrap());
            assert_eq!(b.user_info(&token).await, 503, "an entry needs an account");
            shared.is_away.store(false, Ordering::SeqCst);
            assert_eq!(b.user_info(&token).await, 200);
        }
    }
}
