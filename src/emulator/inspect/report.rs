//! Writes the explanation as text.

use std::io::{self, Write};

use super::{
    Evaluation, Inspection, Outcome,
    checks::{Signature, State, Step},
    hints,
    timestamps::{date, span},
    token_parts::{Json, Padding, Segment},
};
use crate::{
    AuthError,
    emulator::paragraphs::{labelled, visible},
    internal::{Authenticated, quoted, signer::TOKEN_LIFETIME},
};

/// Column in which the texts start, after their labels.
const COLUMN: usize = 13;

/// Members of the JOSE header and claims whose values are not personal data.
const IMPERSONAL_HEADER: [&str; 7] = ["typ", "kid", "alg", "iss", "client", "signer", "exp"];
const IMPERSONAL_CLAIMS: [&str; 2] = ["exp", "iss"];
/// Maximum number of names that are printed. A load balancer's token has about ten.
const MAX_NAMES: usize = 64;

pub(super) fn write(inspection: &Inspection<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "x-amzn-oidc-data, {} bytes", inspection.token.len())?;
    for note in inspection.notes {
        labelled(out, "", 0, note)?;
    }
    shape(inspection, out)?;
    header(inspection, out)?;
    claims(inspection, out)?;
    time(inspection, out)?;
    match &inspection.evaluation {
        Some(evaluation) => {
            checks(inspection, evaluation, out)?;
            verdict(inspection, evaluation, out)
        }
        None => {
            writeln!(out, "\nVerdict: none, because no configuration was given")?;
            labelled(
                out,
                "",
                0,
                "To check it against what an application trusts, add --env, --app-config FILE, --config FILE, or --signer, \
                 --issuer and --client-id.",
            )
        }
    }
}

fn shape(inspection: &Inspection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let segments = &inspection.parts.segments;
    let count = match segments.len() {
        8 => "eight or more segments".to_owned(),
        1 => "one segment".to_owned(),
        count => format!("{count} segments"),
    };
    writeln!(out, "\nShape: {count}")?;
    let names: [&str; 3] = ["header", "payload", "signature"];
    if segments.len() != names.len() {
        labelled(out, "", 0, "A load balancer's token has three segments: header.payload.signature.")?;
    }
    for (name, segment) in names.iter().zip(segments) {
        labelled(out, name, COLUMN, &of_segment(segment))?;
    }
    Ok(())
}

fn of_segment(segment: &Segment<'_>) -> String {
    let padding = match segment.padding {
        Padding::NotNeeded => "no padding needed",
        Padding::Present => "padded",
        Padding::Missing => "padding missing",
        Padding::Wrong => "wrong length or padding",
    };
    let bytes = segment.decoded.as_ref().map_or("not base64url".to_owned(), |bytes| format!("{} bytes", bytes.len()));
    format!("{} characters, {padding}, {bytes}", segment.text.len())
}

fn header(inspection: &Inspection<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nJOSE header (not verified)")?;
    let header = &inspection.parts.header;
    if let Some(reason) = unreadable(header) {
        return labelled(out, "", 0, reason);
    }
    for (name, value) in header.members().iter().filter(|(name, _)| IMPERSONAL_HEADER.contains(&name.as_str())) {
        labelled(out, name, COLUMN, &impersonal(name, value))?;
    }
    let others: Vec<String> = header
        .members()
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !IMPERSONAL_HEADER.contains(&name.as_str()))
        .take(MAX_NAMES)
        .map(|name| shown_name(name))
        .collect();
    if !others.is_empty() {
        let text = format!("{} (a load balancer writes none of these)", others.join(", "));
        labelled(out, "and", COLUMN, &text)?;
    }
    Ok(())
}

fn claims(inspection: &Inspection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let payload = &inspection.parts.payload;
    let shown = inspection.show_claims;
    writeln!(out, "\nClaims (not verified{})", if shown { "" } else { "; values: --show-claims" })?;
    if let Some(reason) = unreadable(payload) {
        return labelled(out, "", 0, reason);
    }
    let members = payload.members();
    if !shown {
        let names: Vec<String> = members.iter().take(MAX_NAMES).map(|(name, _)| shown_name(name)).collect();
        let more = members.len().saturating_sub(MAX_NAMES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        labelled(out, "names", COLUMN, &format!("{}{more}", names.join(", ")))?;
    }
    for (name, value) in members {
        if IMPERSONAL_CLAIMS.contains(&name.as_str()) {
            labelled(out, name, COLUMN, &impersonal(name, value))?;
        } else if shown {
            labelled(out, &shown_name(name), COLUMN, &visible(&value.to_string()))?;
        }
    }
    Ok(())
}

fn unreadable(json: &Json) -> Option<&'static str> {
    match json {
        Json::Object(_) => None,
        Json::Broken => Some("It begins as a JSON object but is cut off."),
        Json::Other => Some("It is not a JSON object."),
        Json::Absent => Some("It is missing."),
    }
}

fn impersonal(name: &str, value: &serde_json::Value) -> String {
    match (name, value.as_str(), value.as_u64()) {
        ("exp", _, Some(seconds)) => format!("{seconds}, {}", date(seconds)),
        (_, Some(text), _) => quoted(text),
        _ => "not a string".to_owned(),
    }
}

fn shown_name(name: &str) -> String {
    const MAX_CHARS: usize = 60;
    let cut: String = name.chars().take(MAX_CHARS).collect();
    visible(&cut)
}

fn time(inspection: &Inspection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(ends) = inspection.parts.header.seconds("exp") else { return Ok(()) };
    let now = inspection.now;
    writeln!(out, "\nTime")?;
    labelled(out, "now", COLUMN, &format!("{}, by this machine's clock", date(now)))?;
    let end = match ends.checked_sub(now) {
        Some(left) => format!("in {}", span(left)),
        None => format!("{} ago", span(now.saturating_sub(ends))),
    };
    labelled(out, "exp", COLUMN, &end)?;
    let signed = ends.saturating_sub(TOKEN_LIFETIME);
    let signed = match now.checked_sub(signed) {
        Some(ago) => format!("{} ago", span(ago)),
        None => format!("in {}, so a clock is wrong", span(signed.saturating_sub(now))),
    };
    labelled(out, "signed", COLUMN, &format!("{signed}, if by a load balancer (exp minus 120 s)"))
}

fn checks(inspection: &Inspection<'_>, evaluation: &Evaluation<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nChecks, in the layer's order, against {}", evaluation.config_from)?;
    labelled(out, "trusted", COLUMN, &evaluation.config.summary())?;
    let proven = matches!(evaluation.signature, Signature::Good);
    for step in Step::ALL {
        let state = step.state(&evaluation.findings, &evaluation.signature);
        match &state {
            State::Passed => {
                let unproven = !proven && matches!(step, Step::Claims | Step::SignIn);
                let text = if unproven { "ok, if the signature is valid" } else { "ok" };
                labelled(out, step.name(), COLUMN, text)?;
            }
            State::Failed(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let label = if index == 0 { step.name() } else { "" };
                    labelled(out, label, COLUMN, &format!("REJECTED: {}", error.operator_message()))?;
                }
            }
            State::NotChecked(why) => labelled(out, step.name(), COLUMN, &format!("not checked: {why}"))?,
        }
        for hint in hints_on(step, &state, inspection, evaluation) {
            labelled(out, "", COLUMN, &format!("- {hint}"))?;
        }
    }
    Ok(())
}

fn hints_on(step: Step, state: &State, inspection: &Inspection<'_>, evaluation: &Evaluation<'_>) -> Vec<String> {
    let (token, failed) = (&inspection.parts, matches!(state, State::Failed(_)));
    match step {
        Step::Form if failed => hints::on_form(token),
        Step::Header if failed => hints::on_header(token),
        Step::Signer if failed => hints::on_signer(token, evaluation.config),
        Step::Issuer if failed => hints::on_issuer(token, evaluation.config),
        Step::Client if failed => hints::on_client(token, evaluation.config),
        Step::Time => hints::on_time(&token.header, inspection.now),
        Step::Signature if !matches!(state, State::Passed) => {
            let signature = token.signature().and_then(|signature| <&[u8; 64]>::try_from(signature).ok());
            let verifies = evaluation
                .key
                .as_ref()
                .zip(signature)
                .map(|(key, signature)| move |text: &str| key.verifies(text.as_bytes(), signature));
            match &verifies {
                Some(verifies) => hints::on_signature(token, Some(verifies)),
                None => hints::on_signature(token, None),
            }
        }
        _ => Vec::new(),
    }
}

fn verdict(inspection: &Inspection<'_>, evaluation: &Evaluation<'_>, out: &mut dyn Write) -> io::Result<()> {
    match &evaluation.outcome {
        Outcome::Accepted(authenticated) => {
            writeln!(out, "\nVerdict: accepted")?;
            labelled(out, "", 0, &who(authenticated, inspection.show_claims))
        }
        Outcome::Rejected(error) => rejected(error, evaluation, out),
        Outcome::Undecided => {
            writeln!(out, "\nVerdict: undecided, because the signature was not checked")?;
            labelled(
                out,
                "",
                0,
                "All other checks pass. To check the signature, add --fetch-key to fetch the key from the key endpoint, or \
                 --key FILE.pem.",
            )?;
            match &evaluation.findings.accepted {
                Some(authenticated) => {
                    let who = who(authenticated, inspection.show_claims);
                    labelled(out, "", 0, &format!("With a valid signature: {}", lower_first(&who)))
                }
                None => Ok(()),
            }
        }
    }
}

fn rejected(error: &AuthError, evaluation: &Evaluation<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nVerdict: rejected with status {}, {}", error.status().as_u16(), error.kind().as_str())?;
    labelled(out, "", 0, &format!("The layer logs: {}", error.operator_message()))?;
    labelled(out, "", 0, &format!("The client receives: {}", error.client_message()))?;
    let more = evaluation.findings.errors.iter().filter(|other| other.operator_message() != error.operator_message());
    match more.count() {
        0 => Ok(()),
        1 => labelled(out, "", 0, "There is one more problem: see above."),
        more => labelled(out, "", 0, &format!("There are {more} more problems: see above.")),
    }
}

/// The user. The name is personal data, so it is printed only if the claims are.
fn who(authenticated: &Authenticated, show: bool) -> String {
    match authenticated {
        Authenticated::User(identity) if show => {
            let ownership: Vec<&str> = identity.ownership_entity_refs().iter().map(crate::EntityRef::as_str).collect();
            format!("As {}, with the ownership refs {}.", identity.user_entity_ref(), ownership.join(", "))
        }
        Authenticated::User(identity) => format!(
            "As a {} in the namespace {} (--show-claims prints which one).",
            identity.user_entity_ref().kind(),
            identity.user_entity_ref().namespace()
        ),
        Authenticated::ClaimsOnly(_) => "With the claims only, because the policy resolves no users.".to_owned(),
        Authenticated::NoMatch(_) => "With the claims only: the policy resolves users, but not this one.".to_owned(),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
