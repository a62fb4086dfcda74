//! What the operator sees: spans and log lines.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, OnceLock},
};

use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::{ClaimsOnly, EmailLocalPart},
    test_util::{KeyServerMode, MockAlb, User},
};
use tracing::{
    Dispatch, Event, Instrument as _, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, NoSubscriber},
};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
    registry::LookupSpan,
};

use crate::{
    inside::{JANE, jane},
    support::App,
    tokens::forged,
};

type Fields = BTreeMap<&'static str, String>;

/// Everything that was traced on this thread since it began.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    /// Name and fields, in the order of their beginning.
    spans: Vec<(u64, &'static str, Fields)>,
    events: Vec<(Level, Fields)>,
}

struct Reader<'f>(&'f mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Traced {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        self.0.lock().unwrap().spans.push((id.into_u64(), attributes.metadata().name(), fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut log = self.0.lock().unwrap();
        // The latest of this id: ids of spans that have ended are given again.
        let span = log.spans.iter_mut().rev().find(|(held, ..)| *held == id.into_u64()).expect("a span that began");
        values.record(&mut Reader(&mut span.2));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        self.0.lock().unwrap().events.push((*event.metadata().level(), fields));
    }
}

impl Traced {
    fn begin() -> (Self, DefaultGuard) {
        // With one subscriber alive, tracing asks the thread that first comes by a call site whether it is of interest, and
        // that may be the thread of another test, which has none. With two it asks them all.
        static SPARE: OnceLock<Dispatch> = OnceLock::new();
        SPARE.get_or_init(|| Dispatch::new(NoSubscriber::default()));
        let traced = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(traced.clone()));
        (traced, guard)
    }

    /// The spans of this name since the last time.
    fn take(&self, name: &str) -> Vec<Fields> {
        let spans = std::mem::take(&mut self.0.lock().unwrap().spans);
        spans.into_iter().filter(|span| span.1 == name).map(|span| span.2).collect()
    }

    /// The lines of this level so far.
    fn lines(&self, level: Level) -> Vec<String> {
        let log = self.0.lock().unwrap();
        let lines = log.events.iter().filter(|event| event.0 == level);
        lines.map(|(_, fields)| fields.get("message").cloned().unwrap_or_default()).collect()
    }

    /// All that was said, for looking for what must not be.
    fn all(&self) -> String {
        let log = self.0.lock().unwrap();
        format!("{:?} {:?}", log.spans, log.events)
    }
}

fn fields(fields: &[(&'static str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_decision_has_one_span_that_says_how_it_ended() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let app = App::new(alb.layer().optional().exempt_path("/healthz"));
    let token = alb.sign(&User::jane());
    let guest = User::jane().claim("email", "jane@partner.example");
    let of = |outcome, cache| {
        vec![fields(&[("outcome", outcome), ("kid", alb.kid()), ("signer", alb.signer()), ("cache", cache)])]
    };
    let bare = |outcome| vec![fields(&[("outcome", outcome)])];
    for (case, request, expected) in [
        ("key to be fetched", alb.request("/").token(&token), of("user", "miss")),
        ("the same token", alb.request("/").token(&token), of("user", "hit")),
        ("another token", jane(&alb), of("user", "miss")),
        ("forged", alb.request("/").token(&forged(&token)), of("invalid_signature", "miss")),
        ("a guest", alb.request("/").user(&guest), of("sign_in_refused", "miss")),
        ("a stranger", jane(&stranger), bare("untrusted_signer")),
        ("malformed", alb.request("/").token("bad"), bare("malformed")),
        ("two", alb.request("/").token(&token).token(&token), bare("duplicate_header")),
        ("nobody, so no decision", alb.request("/"), vec![]),
        ("exempt, so no decision", alb.request("/healthz").token(&token), vec![]),
    ] {
        app.call(request).await;
        assert_eq!(traced.take("alb_auth"), expected, "{case}");
    }

    let claims = App::new(AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap()));
    claims.call(alb.request("/").token(&token)).await;
    assert_eq!(traced.take("alb_auth"), of("claims", "miss"));
    App::new(alb.layer()).call(alb.request("/")).await;
    assert_eq!(traced.take("alb_auth"), bare("missing"));
}

#[tokio::test]
async fn a_decision_that_failed_to_get_its_key_says_so() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Status(302));
    App::new(alb.layer()).call(jane(&alb)).await;
    let spans = traced.take("alb_auth");
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0]["outcome"].as_str(), spans[0]["kid"].as_str()), ("keys_unavailable", alb.kid()));
    let warnings = traced.lines(Level::WARN);
    assert!(warnings.iter().any(|line| line.starts_with("refused: the public keys are out of reach")), "{warnings:?}");
}

#[tokio::test]
async fn the_user_is_named_only_where_that_was_asked_for() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let named = || {
        let builder = alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"]));
        AlbAuthLayer::new(builder.record_user_in_spans().build().unwrap())
    };
    let declared = || tracing::info_span!("request", enduser.id = tracing::field::Empty);
    let undeclared = || tracing::info_span!("request", path = "/");
    for (case, layer, around, user, enduser) in [
        ("not asked for", alb.layer(), declared(), None, None),
        ("asked for", named(), declared(), Some(JANE), Some(JANE)),
        ("asked for, nowhere to say it", named(), undeclared(), Some(JANE), None),
    ] {
        let app = App::new(layer);
        for round in ["key to be fetched", "key known"] {
            app.call(jane(&alb)).instrument(around.clone()).await.assert_ok(JANE);
            let log = traced.0.lock().unwrap();
            let last = |name: &str| log.spans.iter().rev().find(|span| span.1 == name).expect("a span").2.clone();
            assert_eq!(last("alb_auth").get("user").map(String::as_str), user, "{case}, {round}");
            let enclosing = log.spans.iter().find(|span| Some(span.0) == around.id().map(|id| id.into_u64()));
            let enclosing = &enclosing.expect("the span around").2;
            assert_eq!(enclosing.get("enduser.id").map(String::as_str), enduser, "{case}, {round}");
        }
    }
    // Nobody is named who was not let in.
    let (app, around) = (App::new(named()), declared());
    traced.take("");
    app.call(alb.request("/").token(&forged(&alb.sign(&User::jane())))).instrument(around).await;
    assert!(!traced.all().contains("jane"), "{}", traced.all());
}

#[tokio::test]
async fn the_start_says_in_one_line_what_is_trusted_and_in_others_what_is_given_up() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let layer = alb.layer();
    let started = traced.lines(Level::INFO);
    assert_eq!(started.len(), 1, "{started:?}");
    for named in ["trusts ", alb.signer(), alb.issuer(), alb.client_id(), "email's local part in example.com"] {
        assert!(started[0].contains(named), "{named}: {}", started[0]);
    }
    assert_eq!(traced.lines(Level::WARN), Vec::<String>::new());
    let _clones = [layer.clone().optional(), layer.clone()];
    assert_eq!(traced.lines(Level::INFO).len(), 1, "a clone starts nothing");

    let weak = alb.config_builder().sign_in(ClaimsOnly).dangerously_ignore_identity_header().build().unwrap();
    layer.handle().reload(weak);
    let started = traced.lines(Level::INFO);
    assert_eq!(started.len(), 2, "{started:?}");
    assert_eq!(traced.lines(Level::WARN), ["x-amzn-oidc-identity may differ from the signed subject"]);
}

#[tokio::test]
async fn a_layer_inside_another_one_is_named_as_the_mistake_it_is() {
    use tower::{Layer as _, ServiceExt as _, service_fn};

    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let inner = alb.layer().layer(service_fn(async |_: http::Request<String>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    }));
    let answer = alb.layer().layer(inner).oneshot(jane(&alb).into()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    let errors = traced.lines(Level::ERROR);
    assert!(errors.len() == 1 && errors[0].contains("is an AlbAuthLayer inside another one?"), "{errors:?}");
}

#[tokio::test]
async fn s_61_nothing_that_is_traced_holds_a_secret_or_an_address() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let app = App::new(alb.layer().keep_headers().expose_access_token());
    let user = User::jane().claim("email", "canary@example.com");
    let guest = User::jane().claim("email", "canary@partner.example");
    let good = alb.sign(&user);
    for request in [
        alb.request("/").user(&user),
        alb.request("/").token(&good),
        alb.request("/").token(&good),
        alb.request("/").token(&forged(&good)),
        alb.request("/").token(&good[..good.len() - 4]),
        alb.request("/").user(&guest),
        alb.request("/").token(&good).header("x-amzn-oidc-identity", "admin"),
        stranger.request("/").user(&user),
    ] {
        app.call(request).await;
    }
    let all = traced.all();
    assert!(all.contains("untrusted_signer"), "something was traced: {all}");
    let segments: Vec<&str> = good.split('.').collect();
    for secret in [segments[0], segments[1], segments[2], "canary", "opaque-access-token"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
