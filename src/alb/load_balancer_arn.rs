//! ARNs of load balancers.

use std::{fmt, str::FromStr};

use super::KeyEndpoint;

/// The account of the local emulator. No AWS account has this number, so a configuration that
/// trusts it trusts no load balancer of AWS.
const EMULATOR_ACCOUNT: &str = "000000000000";

const GOVCLOUD_REGIONS: [&str; 2] = ["us-gov-west-1", "us-gov-east-1"];

/// The ARN of an Application Load Balancer, which must equal a token's `signer` byte for byte.
///
/// `arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>`. It is the ARN of
/// the load balancer, not of a listener:
///
/// ```sh
/// aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
/// ```
///
/// ```
/// use tower_alb_auth::LoadBalancerArn;
///
/// let arn: LoadBalancerArn =
///     "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188".parse()?;
/// assert_eq!(arn.region(), "eu-central-1");
///
/// let listener = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/50dc6c495c0c9188/f2f7dc8efc522ab2";
/// assert!(listener.parse::<LoadBalancerArn>().unwrap_err().to_string().contains("listener"));
/// # Ok::<(), tower_alb_auth::ArnError>(())
/// ```
#[doc(alias = "signer")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LoadBalancerArn {
    text: Box<str>,
    partition: Box<str>,
    region: Box<str>,
    account: Box<str>,
}

impl LoadBalancerArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-us-gov`, `aws-cn`, ...
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// `eu-central-1`, ...
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account's twelve digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether this is the ARN of a local emulator: the account is `000000000000`.
    pub fn is_emulator(&self) -> bool {
        self.account() == EMULATOR_ACCOUNT
    }

    /// The endpoint of the region's public keys in the documentation of AWS. `None` for partitions
    /// without a documented endpoint (China, the isolated and the sovereign partitions), which must
    /// be configured.
    pub(crate) fn documented_endpoint(&self) -> Option<KeyEndpoint> {
        let region = self.region();
        match self.partition() {
            "aws" => KeyEndpoint::parse(&format!("https://public-keys.auth.elb.{region}.amazonaws.com")).ok(),
            "aws-us-gov" => {
                KeyEndpoint::parse(&format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}")).ok()
            }
            _ => None,
        }
    }
}

impl FromStr for LoadBalancerArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (arn, partition, service, region, account, resource) = (part(), part(), part(), part(), part(), part());

        let fail = |problem| Err(ArnError { problem, found: crate::error::quoted(text) });
        if arn != "arn" {
            return fail(ArnProblem::NotAnArn);
        }
        if !is_label_of(partition, "aws") {
            return fail(ArnProblem::Partition);
        }
        if service != "elasticloadbalancing" {
            return fail(ArnProblem::Service);
        }
        if !is_region(region) || !belongs(partition, region) {
            return fail(ArnProblem::Region);
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return fail(ArnProblem::Account);
        }
        if let Some(problem) = resource_problem(resource) {
            return fail(problem);
        }
        Ok(Self { text: text.into(), partition: partition.into(), region: region.into(), account: account.into() })
    }
}

impl fmt::Display for LoadBalancerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for LoadBalancerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadBalancerArn({})", self.text)
    }
}

/// A text is not the ARN of an Application Load Balancer. The message names the invalid part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArnError {
    problem: ArnProblem,
    found: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArnProblem {
    NotAnArn,
    Partition,
    Service,
    Region,
    Account,
    Listener,
    TargetGroup,
    OtherLoadBalancer,
    Resource,
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.found;
        match self.problem {
            ArnProblem::NotAnArn => write!(
                f,
                "{found} is not an ARN: expected arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>"
            ),
            ArnProblem::Partition => {
                write!(f, "the partition (second part) of {found} is not one of AWS: aws, aws-us-gov, aws-cn, ...")
            }
            ArnProblem::Service => write!(f, "the service (third part) of {found} is not elasticloadbalancing"),
            ArnProblem::Region => write!(f, "the region (fourth part) of {found} is not a region of its partition"),
            ArnProblem::Account => write!(f, "the account (fifth part) of {found} is not twelve digits"),
            ArnProblem::Listener => write!(
                f,
                "{found} is the ARN of a listener, but the signer of a token is the load balancer: its ARN has loadbalancer \
                 instead of listener or listener-rule and ends after the first id of 16 digits"
            ),
            ArnProblem::TargetGroup => {
                write!(f, "{found} is the ARN of a target group, but the signer of a token is the load balancer")
            }
            ArnProblem::OtherLoadBalancer => write!(
                f,
                "{found} is not an Application Load Balancer (loadbalancer/app/...): no other kind signs users in"
            ),
            ArnProblem::Resource => write!(
                f,
                "the resource (last part) of {found} is not loadbalancer/app/<name>/<id>, with a name of at most 32 letters, \
                 digits and hyphens and an id of 16 lower-case hexadecimal digits"
            ),
        }
    }
}

impl std::error::Error for ArnError {}

fn resource_problem(resource: &str) -> Option<ArnProblem> {
    let mut parts = resource.split('/');
    let kind = parts.next().unwrap_or_default();
    match kind {
        "loadbalancer" => {}
        "listener" | "listener-rule" => return Some(ArnProblem::Listener),
        "targetgroup" => return Some(ArnProblem::TargetGroup),
        _ => return Some(ArnProblem::Resource),
    }
    let (family, name, id) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if family != Some("app") {
        return Some(ArnProblem::OtherLoadBalancer);
    }
    let name_is_valid = (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id_is_valid = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (parts.next().is_some() || !name_is_valid || !id_is_valid).then_some(ArnProblem::Resource)
}

/// Whether the text is the word alone, or the word followed by `(-[a-z]+)*`.
fn is_label_of(text: &str, first: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some(first) && words.all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Whether the text is `[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}`. The region becomes part of a host name, so
/// no other form is accepted.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., number] = words.as_slice() else { return false };
    let lower = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    first.len() >= 2
        && lower(first)
        && !middle.is_empty()
        && middle.iter().all(|word| lower(word))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the region can belong to the partition, as far as AWS documents it.
fn belongs(partition: &str, region: &str) -> bool {
    match partition {
        "aws" => !["us-gov-", "cn-", "us-iso", "eu-iso", "eusc-"].iter().any(|other| region.starts_with(other)),
        "aws-us-gov" => GOVCLOUD_REGIONS.contains(&region),
        "aws-cn" => region.starts_with("cn-"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_come_from_partition_and_region() {
        let endpoint = |partition: &str, region: &str| {
            format!("arn:{partition}:elasticloadbalancing:{region}:123456789012:loadbalancer/app/a/0123456789abcdef")
                .parse::<LoadBalancerArn>()
                .unwrap()
                .documented_endpoint()
                .map(|endpoint| endpoint.to_string())
        };
        assert_eq!(endpoint("aws", "eu-central-1").unwrap(), "https://public-keys.auth.elb.eu-central-1.amazonaws.com");
        for region in GOVCLOUD_REGIONS {
            assert_eq!(
                endpoint("aws-us-gov", region).unwrap(),
                format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}")
            );
        }
        assert_eq!(endpoint("aws-cn", "cn-north-1"), None);
        assert_eq!(endpoint("aws-iso", "us-iso-east-1"), None);
        assert_eq!(endpoint("aws-eusc", "eusc-de-east-1"), None);
    }
}
