//! Metrics of the proxy itself, beside those of the layer.
//!
//! | metric | kind | labels | what it counts |
//! |---|---|---|---|
//! | `alb_auth_proxy_responses_total` | counter | `mode`, `class` | responses: `2xx`, ... of each mode |
//! | `alb_auth_proxy_streams_ended_total` | counter | `reason` | streams that were ended: `denied`, `token_is_over` |
//!
//! Every counter is reported as 0 from the start.

use metrics::{Counter, counter, describe_counter};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Declares the modes with their labels, so that each of them is listed.
macro_rules! modes {
    ($($mode:ident => $label:literal),+) => {
        /// The mode of a listener.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum ModeLabel {
            $($mode),+
        }

        impl ModeLabel {
            const ALL: &[Self] = &[$(Self::$mode),+];

            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$mode => $label),+
                }
            }
        }
    };
}

modes!(
    ReverseProxy => "reverse_proxy",
    ForwardAuth => "forward_auth",
    ExtAuthz => "ext_authz",
    AssertionKeys => "assertion_keys",
    Admin => "admin"
);

/// A status has no label, because a service may send any.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const REASONS: [&str; 2] = ["denied", "token_is_over"];

/// The recorder of the process, if nothing else has one. It has to be there before the layer is built, which registers its counters
/// with 0: an increase over a counter that begins with its first event does not see that event.
pub(super) fn recorder() -> Option<PrometheusHandle> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!(target: "tower_alb_auth", "/metrics is not served: the process has a recorder of metrics already");
        return None;
    }
    register();
    Some(handle)
}

fn register() {
    describe_counter!("alb_auth_proxy_responses_total", "Responses by mode and class of status");
    describe_counter!("alb_auth_proxy_streams_ended_total", "Streams that were ended, by reason");
    for mode in ModeLabel::ALL {
        for class in CLASSES {
            let _ = responses(*mode, class);
        }
    }
    for reason in REASONS {
        let _ = streams_ended(reason);
    }
}

pub(super) fn response(mode: ModeLabel, status: u16) {
    let [informational, success, redirection, client_error, server_error] = CLASSES;
    let class = match status / 100 {
        1 => informational,
        2 => success,
        3 => redirection,
        4 => client_error,
        _ => server_error,
    };
    responses(mode, class).increment(1);
}

pub(super) fn stream_ended(reason: &'static str) {
    streams_ended(reason).increment(1);
}

fn responses(mode: ModeLabel, class: &'static str) -> Counter {
    counter!("alb_auth_proxy_responses_total", "mode" => mode.as_str(), "class" => class)
}

fn streams_ended(reason: &'static str) -> Counter {
    counter!("alb_auth_proxy_streams_ended_total", "reason" => reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that begins with its first event does not show it.
    #[test]
    fn f_70_every_mode_has_its_counters_from_the_start() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, register);
        let registered = recorder.handle().render();
        // A mode that is added does not compile before it has a label here.
        let label = |mode| match mode {
            ModeLabel::ReverseProxy => "reverse_proxy",
            ModeLabel::ForwardAuth => "forward_auth",
            ModeLabel::ExtAuthz => "ext_authz",
            ModeLabel::AssertionKeys => "assertion_keys",
            ModeLabel::Admin => "admin",
        };
        for mode in ModeLabel::ALL {
            for class in CLASSES {
                let line = format!("alb_auth_proxy_responses_total{{mode=\"{}\",class=\"{class}\"}} 0", label(*mode));
                assert!(registered.lines().any(|registered| registered == line), "{line}: {registered}");
            }
        }
        let lines = registered.lines().filter(|line| line.starts_with("alb_auth_proxy_responses_total{"));
        assert_eq!(lines.count(), ModeLabel::ALL.len() * CLASSES.len());
    }
}
