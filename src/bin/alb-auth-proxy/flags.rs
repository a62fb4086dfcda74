//! The settings that have a flag and an environment variable.

/// A setting that has a flag: its key in the file, its flag, its environment variable, the name of its value, and its help.
pub struct Flag {
    pub key: &'static str,
    pub flag: &'static str,
    pub variable: &'static str,
    pub value: &'static str,
    pub help: &'static str,
}

const fn flag(
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { key, flag, variable, value, help }
}

/// The settings that are a list: their flags may be given several times.
pub const REPEATED: [&str; 4] = ["headers", "strip_headers", "exempt", "assertion_claims"];
/// The value of a flag without one.
pub const SWITCH: &str = "";

pub const FLAGS: [Flag; 34] = [
    flag(
        "upstream",
        "upstream",
        "ALB_PROXY_UPSTREAM",
        "URL",
        "The service behind the reverse proxy, such as http://127.0.0.1:3000",
    ),
    flag(
        "upstream_protocol",
        "upstream-protocol",
        "ALB_PROXY_UPSTREAM_PROTOCOL",
        "PROTOCOL",
        "http1, or http2 for gRPC: h2c on plain http [default: http1]",
    ),
    flag(
        "upstream_ca",
        "upstream-ca",
        "ALB_PROXY_UPSTREAM_CA",
        "FILE",
        "Root certificates for an https upstream, as PEM [default: Mozilla's]",
    ),
    flag(
        "dangerously_upstream_over_plain_http",
        "dangerously-upstream-over-plain-http",
        "ALB_PROXY_DANGEROUSLY_UPSTREAM_OVER_PLAIN_HTTP",
        SWITCH,
        "Allow plain http to another machine: for a network inside one host, or a service mesh with encryption",
    ),
    flag(
        "response_timeout_seconds",
        "response-timeout-seconds",
        "ALB_PROXY_RESPONSE_TIMEOUT_SECONDS",
        "SECONDS",
        "How long the service may take to begin its response [default: 60]",
    ),
    flag(
        "listen",
        "listen",
        "ALB_PROXY_LISTEN",
        "ADDRESS",
        "Where the reverse proxy listens [default: 0.0.0.0:$PORT, or 0.0.0.0:8080]",
    ),
    flag(
        "forward_auth_listen",
        "forward-auth-listen",
        "ALB_PROXY_FORWARD_AUTH_LISTEN",
        "ADDRESS",
        "Where forward auth listens; only the gateway may reach it",
    ),
    flag(
        "forward_auth_by_original_request",
        "forward-auth-by-original-request",
        "ALB_PROXY_FORWARD_AUTH_BY_ORIGINAL_REQUEST",
        SWITCH,
        "Apply the rules to X-Forwarded-Method, -Uri and -Host: for a gateway that sets all three itself",
    ),
    flag(
        "ext_authz_listen",
        "ext-authz-listen",
        "ALB_PROXY_EXT_AUTHZ_LISTEN",
        "ADDRESS",
        "Where Envoy's ext_authz is served over gRPC; only Envoy may reach it",
    ),
    flag(
        "ext_authz_http_listen",
        "ext-authz-http-listen",
        "ALB_PROXY_EXT_AUTHZ_HTTP_LISTEN",
        "ADDRESS",
        "Where Envoy's ext_authz is served over HTTP; only Envoy may reach it",
    ),
    flag(
        "admin_listen",
        "admin-listen",
        "ALB_PROXY_ADMIN_LISTEN",
        "ADDRESS",
        "Where liveness, readiness and Prometheus metrics are served",
    ),
    flag(
        "tls_certificate",
        "tls-certificate",
        "ALB_PROXY_TLS_CERTIFICATE",
        "FILE",
        "Certificate chain of the listeners, as PEM",
    ),
    flag("tls_key", "tls-key", "ALB_PROXY_TLS_KEY", "FILE", "Private key of the certificate, as PEM"),
    flag(
        "profile",
        "profile",
        "ALB_PROXY_PROFILE",
        "NAME",
        "Headers of a known service: grafana, kafka-ui, akhq, airflow, jupyterhub, mlflow, superset, django, flask, streamlit",
    ),
    flag(
        "headers",
        "header",
        "ALB_PROXY_HEADER",
        "NAME=TEMPLATE",
        "A header made from claims, such as X-Forwarded-User={email}; may be repeated",
    ),
    flag(
        "strip_headers",
        "strip-header",
        "ALB_PROXY_STRIP_HEADER",
        "NAME",
        "Another header that clients may not send; may be repeated",
    ),
    flag(
        "keep_alb_headers",
        "keep-alb-headers",
        "ALB_PROXY_KEEP_ALB_HEADERS",
        SWITCH,
        "Pass the verified x-amzn-oidc-* headers on",
    ),
    flag(
        "exempt",
        "exempt",
        "ALB_PROXY_EXEMPT",
        "METHOD PATH",
        "A path that needs no user, such as 'GET /healthz'; may be repeated",
    ),
    flag(
        "deny_list",
        "deny-list",
        "ALB_PROXY_DENY_LIST",
        "FILE",
        "Users that are shut out, one JSON object a line; the file is watched",
    ),
    flag(
        "assertion_issuer",
        "assertion-issuer",
        "ALB_PROXY_ASSERTION_ISSUER",
        "URL",
        "Send an assertion: a JWT of this proxy with this iss",
    ),
    flag(
        "assertion_audience",
        "assertion-audience",
        "ALB_PROXY_ASSERTION_AUDIENCE",
        "TEXT",
        "The aud of assertions: the service that reads them",
    ),
    flag(
        "assertion_header",
        "assertion-header",
        "ALB_PROXY_ASSERTION_HEADER",
        "NAME",
        "The header with the assertion; Authorization makes it a bearer token [default: X-JWT-Assertion]",
    ),
    flag(
        "assertion_claims",
        "assertion-claim",
        "ALB_PROXY_ASSERTION_CLAIM",
        "NAME=TEMPLATE",
        "A claim of assertions, such as groups={groups?}; may be repeated [default: sub and email]",
    ),
    flag(
        "assertion_lifetime_seconds",
        "assertion-lifetime-seconds",
        "ALB_PROXY_ASSERTION_LIFETIME_SECONDS",
        "SECONDS",
        "How long an assertion is valid [default: 120]",
    ),
    flag(
        "assertion_keys",
        "assertion-keys",
        "ALB_PROXY_ASSERTION_KEYS",
        "FOLDER",
        "Private keys (*.pem) that replicas share [default: keys of this process, in memory]",
    ),
    flag(
        "assertion_listen",
        "assertion-listen",
        "ALB_PROXY_ASSERTION_LISTEN",
        "ADDRESS",
        "Where the key set and the discovery document of assertions are served",
    ),
    flag(
        "header_timeout_seconds",
        "header-timeout-seconds",
        "ALB_PROXY_HEADER_TIMEOUT_SECONDS",
        "SECONDS",
        "How long a client may take to send headers [default: 30]",
    ),
    flag(
        "idle_timeout_seconds",
        "idle-timeout-seconds",
        "ALB_PROXY_IDLE_TIMEOUT_SECONDS",
        "SECONDS",
        "How long an idle connection is kept; longer than at the load balancer [default: 75]",
    ),
    flag(
        "max_header_bytes",
        "max-header-bytes",
        "ALB_PROXY_MAX_HEADER_BYTES",
        "BYTES",
        "Maximum size of all headers [default: 65536]",
    ),
    flag(
        "max_body_bytes",
        "max-body-bytes",
        "ALB_PROXY_MAX_BODY_BYTES",
        "BYTES",
        "Maximum size of a body [default: no limit]",
    ),
    flag(
        "shutdown_delay_seconds",
        "shutdown-delay-seconds",
        "ALB_PROXY_SHUTDOWN_DELAY_SECONDS",
        "SECONDS",
        "How long to keep serving after a stop signal, while readiness reports \"not ready\" [default: 0]",
    ),
    flag("log_format", "log-format", "ALB_PROXY_LOG_FORMAT", "FORMAT", "text or json [default: text]"),
    flag(
        "log_filter",
        "log-filter",
        "ALB_PROXY_LOG_FILTER",
        "FILTER",
        "What is logged, such as tower_alb_auth=debug [default: tower_alb_auth=info,warn]",
    ),
    flag("record_user", "record-user", "ALB_PROXY_RECORD_USER", SWITCH, "Record entity refs of users in spans"),
];
