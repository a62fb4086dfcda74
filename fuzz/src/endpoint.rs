//! ARNs, kids and key endpoints, against regular expressions and the URL Standard.

use std::sync::LazyLock;

use regex::Regex;
use tower_alb_auth::{
    AlbAuthConfig, Kid, LoadBalancerArn, TrustedAlb,
    keys::{FixedKeys, KeyFetch, KeyRequest, KeySource},
    sign_in::ClaimsOnly,
};
use url::{Host, ParseError, Url};

use crate::reading;

const KID: &str = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";
const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";

static SIGNER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "^arn:(aws(?:-[a-z]+)*):elasticloadbalancing:([a-z]{2,}(?:-[a-z]+)+-[0-9]{1,2}):([0-9]{12}):loadbalancer/app/\
         [A-Za-z0-9-]{1,32}/[0-9a-f]{16}$",
    )
    .expect("a regular expression")
});

/// Never fetched from.
struct NoSource;

impl KeySource for NoSource {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        Box::pin(std::future::pending())
    }
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    signer(text);
    assert_eq!(Kid::parse(text).map(|kid| kid.to_string()).as_deref(), Some(text).filter(|text| reading::is_kid(text)));
    endpoint(text);
}

fn signer(text: &str) {
    let read = text.parse::<LoadBalancerArn>().ok();
    let parts = SIGNER.captures(text).filter(|parts| belongs(&parts[1], &parts[2]));
    assert_eq!(read.is_some(), parts.is_some());
    if let (Some(read), Some(parts)) = (read, parts) {
        assert_eq!((read.as_str(), read.partition(), read.region()), (text, &parts[1], &parts[2]));
        assert_eq!(read.account(), &parts[3]);
    }
}

/// The regions that AWS has in each partition.
fn belongs(partition: &str, region: &str) -> bool {
    let of_others = ["us-gov-", "cn-", "us-iso", "eu-iso", "eusc-"];
    match partition {
        "aws" => !of_others.iter().any(|other| region.starts_with(other)),
        "aws-us-gov" => region == "us-gov-west-1" || region == "us-gov-east-1",
        "aws-cn" => region.starts_with("cn-"),
        _ => true,
    }
}

/// What is accepted means one host and one path to every reader, and is encrypted unless it is this machine.
fn endpoint(text: &str) {
    // Plain http is for the emulator alone, whose account no customer of AWS has.
    let plain = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
    let arn = if plain { ARN.replace("123456789012", "000000000000") } else { ARN.to_owned() };
    let entry = TrustedAlb::new(arn, "https://idp.example.com").client_id("client").key_endpoint(text);
    let builder = AlbAuthConfig::builder().trust(entry).sign_in(ClaimsOnly).key_source(NoSource);
    let Ok(config) = builder.build() else {
        let addresses = ["https://keys.example.com", "https://keys.example.com/a/b", "http://127.0.0.1:9000"];
        assert!(!addresses.contains(&text.strip_suffix('/').unwrap_or(text)), "a plain address is accepted");
        return;
    };
    let endpoints = config.key_endpoints();
    let [endpoint] = &endpoints[..] else { panic!("one endpoint") };
    let key = format!("{endpoint}/{KID}");
    let url = match Url::parse(&key) {
        Ok(url) => url,
        // To the URL Standard these are no names, and to the resolver they are names that it does not find.
        Err(ParseError::InvalidIpv4Address | ParseError::InvalidDomainCharacter | ParseError::IdnaError) => return,
        Err(error) => panic!("not a URL to the URL Standard: {error}"),
    };
    let uri: http::Uri = key.parse().expect("a URI to RFC 3986");
    assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none());
    match url.scheme() {
        "https" => {}
        "http" => assert!(is_this_machine(&url), "plain http to another machine"),
        other => panic!("the scheme {other}"),
    }
    // The client connects to the host of the URI.
    let host = uri.host().expect("a host");
    let same = match url.host().expect("a host") {
        // A name is mapped by the URL Standard alone; in ASCII it stays as it is.
        Host::Domain(name) => name.eq_ignore_ascii_case(host),
        // The URL Standard reads 0x7f.1 and 127.1 as addresses.
        Host::Ipv4(address) => host.parse() == Ok(address) || url.scheme() == "https",
        Host::Ipv6(address) => host.trim_matches(['[', ']']).parse() == Ok(address),
    };
    assert!(same, "two hosts");
    assert_eq!(url.port_or_known_default(), uri.port_u16().or(Some(if url.scheme() == "https" { 443 } else { 80 })));
    assert!(uri.path().ends_with(&format!("/{KID}")) && url.path().ends_with(&format!("/{KID}")));
    assert_eq!(url.path().split('/').count(), uri.path().split('/').count(), "dot segments are resolved");

    let pem = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----";
    let keys = FixedKeys::new().add(KID, pem).expect("a key");
    assert!(keys.for_endpoint(text).is_ok(), "keys from files are of the same endpoints");
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
