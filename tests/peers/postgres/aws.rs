//! What AWS has beside the database: an endpoint with a container's credentials, the token service, and the check that RDS
//! makes of a password.
//!
//! PostgreSQL hands the password to an LDAP server of this test (method `ldap` of pg_hba.conf), as RDS hands it to a module of
//! its own. So the server has no password of that role: what it accepts is a token whose signature, time, host, port, user and
//! region are right.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_lc_rs::{digest, hmac};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub const REGION: &str = "eu-central-1";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/backstage";
/// What the kubelet mounts for EKS Pod Identity and for IRSA.
pub const POD_TOKEN: &str = "canary-pod-token";
pub const WEB_TOKEN: &str = "canary-web-identity";
/// What an operator sets by hand.
pub const FIXED: (&str, &str) = ("AKIDFIXED", "canary/fixed+secret");

#[derive(Clone)]
pub struct Aws(Arc<Shared>);

struct Shared {
    credentials: SocketAddr,
    ldap: SocketAddr,
    state: Mutex<Changing>,
}

struct Changing {
    /// Secrets by key id, with the session token.
    issued: BTreeMap<String, (String, Option<String>)>,
    /// How long new credentials live.
    lifetime: Duration,
    /// How far the clock of the database is ahead.
    ahead: Duration,
    /// `host:port` that tokens have to name.
    endpoint: String,
    refuses: bool,
    accepted: Vec<String>,
    refused: usize,
}

impl Aws {
    pub async fn start() -> Self {
        let (credentials, ldap) = (listener().await, listener().await);
        let issued = BTreeMap::from([(FIXED.0.to_owned(), (FIXED.1.to_owned(), None))]);
        let state = Changing {
            issued,
            lifetime: Duration::from_secs(3600),
            ahead: Duration::ZERO,
            endpoint: String::new(),
            refuses: false,
            accepted: Vec::new(),
            refused: 0,
        };
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let aws = Self(Arc::new(Shared {
            credentials: address(&credentials),
            ldap: address(&ldap),
            state: Mutex::new(state),
        }));
        let app = Router::new().route("/pod", get(pod)).route("/", post(sts)).with_state(aws.clone());
        tokio::spawn(async move { axum::serve(credentials, app).await });
        let verifier = aws.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = ldap.accept().await {
                let verifier = verifier.clone();
                tokio::spawn(async move { verifier.answer_binds(stream).await });
            }
        });
        aws
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.credentials)
    }

    /// The line of pg_hba.conf for this role.
    pub fn hba_line(&self, role: &str) -> String {
        format!(
            "hostssl all {role} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={} ldapprefix=\"cn=\" ldapsuffix=\",dc=rds\"\n",
            self.0.ldap.port()
        )
    }

    pub fn set_endpoint(&self, endpoint: &str) {
        endpoint.clone_into(&mut self.0.state.lock().unwrap().endpoint);
    }

    pub fn set_lifetime(&self, lifetime: Duration) {
        self.0.state.lock().unwrap().lifetime = lifetime;
    }

    /// The credentials endpoint and the token service respond with 403.
    pub fn refuse(&self, refuses: bool) {
        self.0.state.lock().unwrap().refuses = refuses;
    }

    /// Lets the database's clock go on.
    pub fn advance(&self, by: Duration) {
        self.0.state.lock().unwrap().ahead += by;
    }

    /// The tokens that opened a connection.
    pub fn accepted(&self) -> Vec<String> {
        self.0.state.lock().unwrap().accepted.clone()
    }

    pub fn refused(&self) -> usize {
        self.0.state.lock().unwrap().refused
    }

    /// Whether the token is good now.
    pub fn accepts(&self, user: &str, token: &str) -> Result<(), String> {
        let state = self.0.state.lock().unwrap();
        let (place, query) = token.split_once('?').ok_or("no query")?;
        if place.strip_suffix('/') != Some(state.endpoint.as_str()) {
            return Err(format!("for {place}"));
        }
        let mut pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        pairs.sort_unstable();
        let value =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value).ok_or(name.to_owned());
        let credential = value("X-Amz-Credential")?.replace("%2F", "/");
        let (id, scope) = credential.split_once('/').ok_or("no scope")?;
        let (secret, session) = state.issued.get(id).ok_or("an unknown key id")?;
        let date = value("X-Amz-Date")?;
        let day = date.get(..8).ok_or("no day")?;
        let expires: u64 = value("X-Amz-Expires")?.parse().map_err(|_| "no lifetime")?;
        let age = (SystemTime::now() + state.ahead).duration_since(parsed(date)).map_err(|_| "from the future")?;
        let names: HashSet<&str> = pairs.iter().map(|(name, _)| *name).collect();
        for (wrong, why) in [
            (value("Action")? != "connect" || value("DBUser")? != user, "for another user"),
            (scope != format!("{day}/{REGION}/rds-db/aws4_request"), "another scope"),
            (
                value("X-Amz-SignedHeaders")? != "host" || value("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256",
                "another form",
            ),
            (expires > 900 || age >= Duration::from_secs(expires), "expired"),
            (names.len() != pairs.len(), "a parameter twice"),
            (
                value("X-Amz-Security-Token").ok().map(|token| token.replace("%2F", "/")) != *session,
                "another session token",
            ),
        ] {
            if wrong {
                return Err(why.to_owned());
            }
        }
        let signed: Vec<String> = pairs
            .iter()
            .filter(|(name, _)| *name != "X-Amz-Signature")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request =
            format!("GET\n/\n{}\nhost:{}\n\nhost\n{}", signed.join("&"), state.endpoint, hex(sha256(b"").as_ref()));
        let input = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(sha256(request.as_bytes()).as_ref()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part.as_bytes());
        }
        (hex(&mac(&key, input.as_bytes())) == value("X-Amz-Signature")?)
            .then_some(())
            .ok_or("a wrong signature".to_owned())
    }

    fn issue(&self) -> Option<(String, String, String, SystemTime)> {
        let mut state = self.0.state.lock().unwrap();
        if state.refuses {
            return None;
        }
        let number = state.issued.len();
        let (id, secret, session) =
            (format!("ASIA{number}"), format!("canary/secret{number}"), format!("canary/session{number}"));
        state.issued.insert(id.clone(), (secret.clone(), Some(session.clone())));
        // By the machine's clock, which is the client's.
        Some((id, secret, session, SystemTime::now() + state.lifetime))
    }

    fn record(&self, accepted: bool, token: &str) {
        let mut state = self.0.state.lock().unwrap();
        match accepted {
            true => state.accepted.push(token.to_owned()),
            false => state.refused += 1,
        }
    }

    /// Simple binds (RFC 4511, section 4.2), with the token as the password.
    async fn answer_binds(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let message = read_element(&mut stream).await?;
            let (id, rest) = element(&message)?;
            let (operation, _) = tagged(rest)?;
            let (tag, body) = operation;
            if tag != 0x60 {
                return None;
            }
            let (_version, rest) = element(body)?;
            let (name, rest) = element(rest)?;
            let (password, _) = element(rest)?;
            let user = std::str::from_utf8(name).ok()?.strip_prefix("cn=")?.strip_suffix(",dc=rds")?;
            let token = std::str::from_utf8(password).ok()?;
            let accepted = self.accepts(user, token).is_ok();
            self.record(accepted, token);
            let code = if accepted { 0 } else { 49 };
            let mut body = vec![0x02, u8::try_from(id.len()).ok()?];
            body.extend(id);
            body.extend([0x61, 7, 0x0a, 1, code, 0x04, 0, 0x04, 0]);
            let mut answer = vec![0x30, u8::try_from(body.len()).ok()?];
            answer.extend(body);
            stream.write_all(&answer).await.ok()?;
        }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

async fn pod(State(aws): State<Aws>, headers: HeaderMap) -> Result<Json<serde_json::Value>, StatusCode> {
    if headers.get("authorization").is_none_or(|token| token != POD_TOKEN) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let (id, secret, session, expiry) = aws.issue().ok_or(StatusCode::FORBIDDEN)?;
    Ok(Json(json!({ "AccessKeyId": id, "SecretAccessKey": secret, "Token": session, "Expiration": written(expiry) })))
}

async fn sts(State(aws): State<Aws>, form: String) -> Result<String, StatusCode> {
    let role = ROLE.replace(':', "%3A").replace('/', "%2F");
    let expected = [
        "Action=AssumeRoleWithWebIdentity".to_owned(),
        format!("WebIdentityToken={WEB_TOKEN}"),
        format!("RoleArn={role}"),
    ];
    if !expected.iter().all(|part| form.split('&').any(|pair| pair == part)) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let (id, secret, session, expiry) = aws.issue().ok_or(StatusCode::FORBIDDEN)?;
    let expiry = written(expiry);
    Ok(format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{session}\
         </SessionToken><Expiration>{expiry}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
         </AssumeRoleWithWebIdentityResponse>"
    ))
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

fn mac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20260131T120000Z`.
fn parsed(date: &str) -> SystemTime {
    let number = |range: std::ops::Range<usize>| date.get(range).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    // Days since 1970 in the Gregorian calendar, with the year beginning in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(9..11) * 3600 + number(11..13) * 60 + number(13..15);
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// In the form of AWS: whole seconds, RFC 3339.
fn written(timestamp: SystemTime) -> String {
    let since = timestamp.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let output =
        std::process::Command::new("date").args(["-u", "-d", &format!("@{since}"), "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.expect("date runs").stdout).expect("UTF-8").trim().to_owned()
}

/// The content of the next BER element of the stream.
async fn read_element(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let _tag = stream.read_u8().await.ok()?;
    let mut length = usize::from(stream.read_u8().await.ok()?);
    if length >= 0x80 {
        let mut bytes = vec![0; length - 0x80];
        stream.read_exact(&mut bytes).await.ok()?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    }
    let mut content = vec![0; length.min(1 << 20)];
    stream.read_exact(&mut content).await.ok()?;
    Some(content)
}

type Tagged<'b> = (u8, &'b [u8]);

/// The first element: its tag with its content, and the rest.
fn tagged(bytes: &[u8]) -> Option<(Tagged<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let (bytes, after) = rest.split_at_checked(length - 0x80)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((*tag, content), rest))
}

fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    tagged(bytes).map(|((_, content), rest)| (content, rest))
}
