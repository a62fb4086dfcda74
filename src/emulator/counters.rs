//! Metrics of an emulator for Prometheus, at an address of their own.
//!
//! | metric | labels | what it counts |
//! |---|---|---|
//! | `alb_emulator_responses_total` | `outcome`, `class` | responses of the load balancer: what made them, and `2xx`, ... |
//! | `alb_emulator_sign_ins_total` | `result` | callbacks from the provider: `signed_in`, `failed` |
//! | `alb_emulator_bearer_tokens_total` | `result` | requests at a rule with `jwt-validation`: `accepted`, `refused`, or `unavailable` if the keys cannot be fetched |
//!
//! Every counter is reported as 0 from the start. No label takes a value from a request. Several emulators of one process have
//! counters of their own, so they need no recorder of the process.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use metrics::{Counter, counter, describe_counter, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::{front::Respond, proxy::ClientConnection};

const RESPONSES: &str = "alb_emulator_responses_total";
const SIGN_INS: &str = "alb_emulator_sign_ins_total";
const BEARER_TOKENS: &str = "alb_emulator_bearer_tokens_total";
/// The path of the metrics.
pub(super) const PATH: &str = "/metrics";
/// The media type of Prometheus' text format.
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Declares the values of a label, so that each of them has a counter.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$of_value:meta])* $value:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name {
            $($(#[$of_value])* $value),+
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$value),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text),+
                }
            }
        }
    };
}

label!(
    /// What made a response.
    OutcomeLabel {
        /// The target, or the load balancer in its place.
        Forward => "forward",
        FixedResponse => "fixed_response",
        Redirect => "redirect",
        Respond501 => "respond_501",
        /// The authenticate action: a redirect to the provider, or 401.
        SignIn => "sign_in",
        Callback => "callback",
        /// The action `jwt-validation`, without a valid token.
        JwtValidation => "jwt_validation",
        /// A request that no rule gets.
        Rejected => "rejected",
    }
);

label!(
    /// A status has no label, because a target may send any.
    Class {
        Informational => "1xx",
        Success => "2xx",
        Redirection => "3xx",
        ClientError => "4xx",
        ServerError => "5xx",
    }
);

impl Class {
    fn of(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

label!(
    /// How a callback ended.
    SignInLabel {
        SignedIn => "signed_in",
        Failed => "failed",
    }
);

label!(
    /// What became of a request at a rule with `jwt-validation`.
    BearerLabel {
        Accepted => "accepted",
        Refused => "refused",
        Unavailable => "unavailable",
    }
);

/// The counters of one load balancer.
pub(super) struct Counters {
    responses: Vec<Vec<Counter>>,
    sign_ins: Vec<Counter>,
    bearer_tokens: Vec<Counter>,
    handle: PrometheusHandle,
}

impl Counters {
    pub(super) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || {
            describe_counter!(RESPONSES, "Responses by what made them and by class of status");
            describe_counter!(SIGN_INS, "Callbacks from the provider, by result");
            describe_counter!(BEARER_TOKENS, "Requests at a rule with jwt-validation, by result");
            let of_outcome = |outcome: &OutcomeLabel| {
                let of_class =
                    |class: &Class| counter!(RESPONSES, "outcome" => outcome.as_str(), "class" => class.as_str());
                Class::ALL.iter().map(of_class).collect()
            };
            Self {
                responses: OutcomeLabel::ALL.iter().map(of_outcome).collect(),
                sign_ins: SignInLabel::ALL.iter().map(|of| counter!(SIGN_INS, "result" => of.as_str())).collect(),
                bearer_tokens: BearerLabel::ALL
                    .iter()
                    .map(|of| counter!(BEARER_TOKENS, "result" => of.as_str()))
                    .collect(),
                handle,
            }
        })
    }

    pub(super) fn response(&self, outcome: OutcomeLabel, status: u16) {
        let of_outcome = self.responses.get(outcome as usize);
        add_one(of_outcome.and_then(|classes| classes.get(Class::of(status) as usize)));
    }

    pub(super) fn sign_in(&self, result: SignInLabel) {
        add_one(self.sign_ins.get(result as usize));
    }

    pub(super) fn bearer_token(&self, result: BearerLabel) {
        add_one(self.bearer_tokens.get(result as usize));
    }
}

fn add_one(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.increment(1);
    }
}

/// The server of the metrics.
pub(super) struct MetricsPage(PrometheusHandle);

impl MetricsPage {
    pub(super) fn of(counters: &Counters) -> Self {
        Self(counters.handle.clone())
    }
}

impl Respond for MetricsPage {
    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>, _: ClientConnection) -> Response<Body> {
        let (status, body) = match (request.uri().path(), request.method()) {
            (PATH, &Method::GET) => (StatusCode::OK, self.0.render()),
            (PATH, _) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
            _ => (StatusCode::NOT_FOUND, format!("the metrics are at {PATH}\n")),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that begins with its first event does not show it.
    #[test]
    fn f_70_every_outcome_has_its_counters_from_the_start_and_each_event_its_own() {
        let counters = Counters::new();
        let lines = || {
            let text = counters.handle.render();
            text.lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let all = OutcomeLabel::ALL.len() * Class::ALL.len() + SignInLabel::ALL.len() + BearerLabel::ALL.len();
        assert!(lines().len() == all && lines().iter().all(|line| line.ends_with(" 0")), "{:?}", lines());

        let mut expected = Vec::new();
        for outcome in OutcomeLabel::ALL {
            for (status, class) in [(101, "1xx"), (204, "2xx"), (302, "3xx"), (463, "4xx"), (561, "5xx")] {
                counters.response(*outcome, status);
                expected.push(format!("{RESPONSES}{{outcome=\"{}\",class=\"{class}\"}} 1", outcome.as_str()));
            }
        }
        for result in SignInLabel::ALL {
            counters.sign_in(*result);
            expected.push(format!("{SIGN_INS}{{result=\"{}\"}} 1", result.as_str()));
        }
        for result in BearerLabel::ALL {
            counters.bearer_token(*result);
            expected.push(format!("{BEARER_TOKENS}{{result=\"{}\"}} 1", result.as_str()));
        }
        let mut found = lines();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}
