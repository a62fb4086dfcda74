//! What the builder refuses, what it says then, and what no token can change.

mod arns;
mod blank_settings;
mod endpoints;
mod entries;
mod fixed_keys;
mod issuers;
mod limits;
mod private_network;
mod said;
mod signers;
mod slips;
mod snapshots;
#[cfg(feature = "app-config")]
mod three_places;
mod trust_from_vars;

use tower_alb_auth::{AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb, sign_in::EmailLocalPart};

const ALB: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
const OTHER: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/60dc6c495c0c9188";
const EMULATOR: &str = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/local/50dc6c495c0c9188";
const ISSUER: &str = "https://idp.example.com";

/// An entry that is sound but for the ARN it is given.
fn entry(arn: &str) -> TrustedAlb {
    TrustedAlb::new(arn, ISSUER).client_id("app")
}

fn builder(entries: impl IntoIterator<Item = TrustedAlb>) -> AlbAuthConfigBuilder {
    let builder = AlbAuthConfig::builder().sign_in(EmailLocalPart::in_domains(["example.com"]));
    entries.into_iter().fold(builder, AlbAuthConfigBuilder::trust)
}

fn problems(builder: AlbAuthConfigBuilder) -> Vec<String> {
    builder.build().map_or_else(|error| error.problems().iter().map(ToString::to_string).collect(), |_| Vec::new())
}

/// The one problem there is.
#[track_caller]
fn problem(builder: AlbAuthConfigBuilder) -> String {
    let problems = problems(builder);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.concat()
}

/// With these entries, whose policies are their own.
fn builder_without_policy(entries: impl IntoIterator<Item = TrustedAlb>) -> AlbAuthConfigBuilder {
    entries.into_iter().fold(AlbAuthConfig::builder(), AlbAuthConfigBuilder::trust)
}
