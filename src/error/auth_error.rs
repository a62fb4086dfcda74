//! The error that a refused request gets.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use super::{AuthErrorKind, Fault};

/// `Display` is [`client_message`](Self::client_message), which is safe to send; [`operator_message`](Self::operator_message)
/// is for logs.
///
/// The client gets one text per status, no matter the reason. The operator gets what was found, what was expected and what to
/// change. Neither text carries a token, an email address or an access token.
///
/// The layer puts the error into the extensions of its response, so that an outer layer can log or count it.
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    /// What was expected and found, and what to change.
    detail: Option<Detail>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// A trusted load balancer signed the token, so that no stranger caused the refusal.
    after_signature: bool,
}

/// The detail of an error.
#[derive(Clone)]
enum Detail {
    Text(Arc<str>),
    /// Written where it is shown: any client can cause such an error.
    Written(Arc<dyn fmt::Display + Send + Sync>),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Written(detail) => detail.fmt(f),
        }
    }
}

/// The client's text of a status: one for all kinds of it, so that it gives nothing away.
fn client_text(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "You are signed in, but this application does not let you in.",
        StatusCode::CONFLICT => "You are signed in, but more than one user matches you here.",
        StatusCode::SERVICE_UNAVAILABLE => "Your sign-in cannot be checked at the moment. Please try again.",
        StatusCode::INTERNAL_SERVER_ERROR => "This part of the application is set up wrongly.",
        _ => "This needs a sign-in through the load balancer.",
    }
}

impl AuthError {
    pub(crate) fn new(kind: AuthErrorKind) -> Self {
        Self { kind, detail: None, retry_after: None, source: None, after_signature: false }
    }

    pub(crate) fn with_detail(kind: AuthErrorKind, detail: impl Into<String>) -> Self {
        Self { detail: Some(Detail::Text(detail.into().into())), ..Self::new(kind) }
    }

    /// With a detail that becomes a text only where it is shown. It holds nothing that grows with the token.
    pub(crate) fn with_written_detail(kind: AuthErrorKind, detail: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self { detail: Some(Detail::Written(Arc::new(detail))), ..Self::new(kind) }
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The error that led to this one, which [`source`](Error::source) returns.
    pub(crate) fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The error behind it, if there is one.
    pub(crate) fn with_source(mut self, source: Option<Arc<dyn Error + Send + Sync>>) -> Self {
        self.source = source;
        self
    }

    /// The token's signature is valid: the client did not make up what is wrong.
    pub(crate) fn after_signature(mut self) -> Self {
        self.after_signature = true;
        self
    }

    /// What was found, without the text of the kind.
    #[cfg(feature = "https")]
    pub(crate) fn detail(&self) -> Option<impl fmt::Display> {
        self.detail.as_ref()
    }

    /// The reason.
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// Whose fault it most likely is: that of the kind, but not the client's if the token's signature is valid.
    pub fn fault(&self) -> Fault {
        match self.kind.fault() {
            Fault::Client if self.after_signature => Fault::Operator,
            fault => fault,
        }
    }

    /// The status of the response: 401, 403, 409 or 503. 500 is for [`Misused`](AuthErrorKind::Misused) alone, a bug of the
    /// application.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// With status 503, when to retry.
    pub fn retry_delay(&self) -> Option<Duration> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| self.retry_after.unwrap_or(Duration::from_secs(1)))
    }

    /// [`retry_delay`](Self::retry_delay) in whole seconds, for `Retry-After`. Rounded up: a client that retries early is
    /// refused again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_delay()?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The text for the client: one per status, so that it gives nothing away.
    pub fn client_message(&self) -> &'static str {
        client_text(self.status())
    }

    /// The text for the operator: what was expected, what was found, what to change. For logs, not for responses: it names load
    /// balancers, issuers and client ids.
    pub fn operator_message(&self) -> String {
        let detail = self.detail.iter().map(|detail| format!(": {detail}"));
        let remedy = self.kind.remedy().into_iter().map(|remedy| format!("; {remedy}"));
        [self.kind.summary().to_owned()].into_iter().chain(detail).chain(remedy).collect()
    }
}

impl fmt::Display for AuthError {
    /// The client's text, so that an error that is printed into a response gives nothing away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.client_message())
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError").field("kind", &self.kind).field("message", &self.operator_message()).finish()
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
