//! Writes the explanation as text.

use std::io::{self, Write};

use cookie::time::OffsetDateTime;
use tower_alb_auth::{
    AuthError, EntityRef,
    explain::{
        Check, CheckResult, Explanation, JsonPart, NotChecked, Padding, Segment, SignInResult, TimeSpan, TokenParts,
        Verdict,
    },
};

use super::pasted::Pasted;
use crate::paragraphs::{labelled, quoted, visible};

/// Column in which the texts start, after their labels.
const COLUMN: usize = 13;

/// Members of the JOSE header and claims whose values are not personal data.
const IMPERSONAL_HEADER: [&str; 7] = ["typ", "kid", "alg", "iss", "client", "signer", "exp"];
const IMPERSONAL_CLAIMS: [&str; 2] = ["exp", "iss"];
/// Maximum number of names that are printed. A load balancer's token has about ten.
const MAX_NAMES: usize = 64;

/// What is written.
pub(super) struct Report<'r> {
    pub(super) pasted: &'r Pasted,
    pub(super) token: TokenParts,
    /// In seconds since 1970.
    pub(super) now: u64,
    pub(super) explained: Option<&'r Explained>,
    pub(super) show_claims: bool,
}

/// The explanation by a configuration.
pub(super) struct Explained {
    /// Where the configuration comes from.
    pub(super) config_from: String,
    /// What it trusts.
    pub(super) trusted: String,
    pub(super) explanation: Explanation,
}

impl Report<'_> {
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "x-amzn-oidc-data, {} bytes", self.pasted.value.len())?;
        for note in &self.pasted.notes {
            labelled(out, "", 0, note)?;
        }
        shape(self.token.segments(), out)?;
        header(self.token.header(), out)?;
        self.claims(out)?;
        self.time(out)?;
        match self.explained {
            Some(Explained { config_from, trusted, explanation }) => {
                writeln!(out, "\nChecks, in the layer's order, against {config_from}")?;
                labelled(out, "trusted", COLUMN, trusted)?;
                explanation.checks.iter().try_for_each(|one| check(one, out))?;
                self.verdict(explanation, out)
            }
            None => {
                writeln!(out, "\nVerdict: none, because no configuration was given")?;
                labelled(
                    out,
                    "",
                    0,
                    "To check it against what an application trusts, add --env, --app-config FILE, --config FILE, or \
                     --signer, --issuer and --client-id.",
                )
            }
        }
    }

    fn claims(&self, out: &mut dyn Write) -> io::Result<()> {
        let payload = self.token.payload();
        let shown = self.show_claims;
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

    fn time(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some((ends, signed)) = self.token.expires_at().zip(self.token.signed_at()) else { return Ok(()) };
        let now = self.now;
        let span = TimeSpan::from_secs;
        writeln!(out, "\nTime")?;
        labelled(out, "now", COLUMN, &format!("{}, by this machine's clock", date(now)))?;
        let end = match ends.checked_sub(now) {
            Some(left) => format!("in {}", span(left)),
            None => format!("{} ago", span(now.saturating_sub(ends))),
        };
        labelled(out, "exp", COLUMN, &end)?;
        let signed = match now.checked_sub(signed) {
            Some(ago) => format!("{} ago", span(ago)),
            None => format!("in {}, so a clock is wrong", span(signed.saturating_sub(now))),
        };
        labelled(out, "signed", COLUMN, &format!("{signed}, if by a load balancer (exp minus 120 s)"))
    }

    fn verdict(&self, explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
        let verdict = &explanation.verdict;
        writeln!(out, "\nVerdict: {verdict}")?;
        match verdict {
            Verdict::Accepted(sign_in) => labelled(out, "", 0, &upper_first(&self.who(sign_in))),
            Verdict::Rejected(error) => rejected(error, explanation, out),
            Verdict::Undecided(None) => labelled(
                out,
                "",
                0,
                "No check fails, and not all of them were made: see above. --fetch-key checks signature and access token as the \
                 layer does.",
            ),
            Verdict::Undecided(sign_in) => {
                labelled(
                    out,
                    "",
                    0,
                    "All other checks pass. To check the signature, add --fetch-key to fetch the key from the key \
                     endpoint, or --key FILE.pem.",
                )?;
                match sign_in {
                    Some(sign_in) => labelled(out, "", 0, &format!("With a valid signature: {}", self.who(sign_in))),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// The user. The name is personal data, so it is printed only if the claims are.
    fn who(&self, sign_in: &SignInResult) -> String {
        match sign_in {
            SignInResult::User { entity_ref, ownership } if self.show_claims => {
                let ownership: Vec<&str> = ownership.iter().map(EntityRef::as_str).collect();
                format!("as {entity_ref}, with the ownership refs {}.", ownership.join(", "))
            }
            SignInResult::User { .. } => format!("{sign_in} (--show-claims prints which one)."),
            _ => format!("{sign_in}."),
        }
    }
}

fn shape(segments: &[Segment], out: &mut dyn Write) -> io::Result<()> {
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
        let padding = match segment.padding() {
            Padding::NotNeeded => "no padding needed",
            Padding::Present => "padded",
            Padding::Missing => "padding missing",
            _ => "wrong length or padding",
        };
        let bytes = segment.decoded_length().map_or("not base64url".to_owned(), |length| format!("{length} bytes"));
        labelled(out, name, COLUMN, &format!("{} characters, {padding}, {bytes}", segment.length()))?;
    }
    Ok(())
}

fn header(header: &JsonPart, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nJOSE header (not verified)")?;
    if let Some(reason) = unreadable(header) {
        return labelled(out, "", 0, reason);
    }
    let is_usual = |name: &str| IMPERSONAL_HEADER.contains(&name);
    for (name, value) in header.members().iter().filter(|(name, _)| is_usual(name)) {
        labelled(out, name, COLUMN, &impersonal(name, value))?;
    }
    let others = header.members().iter().map(|(name, _)| name).filter(|name| !is_usual(name));
    let others: Vec<String> = others.take(MAX_NAMES).map(|name| shown_name(name)).collect();
    if !others.is_empty() {
        let text = format!("{} (a load balancer writes none of these)", others.join(", "));
        labelled(out, "and", COLUMN, &text)?;
    }
    Ok(())
}

fn unreadable(json: &JsonPart) -> Option<&'static str> {
    match json {
        JsonPart::Object(_) => None,
        JsonPart::Broken => Some("It begins as a JSON object but is cut off."),
        JsonPart::Absent => Some("It is missing."),
        _ => Some("It is not a JSON object."),
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

fn check(check: &Check, out: &mut dyn Write) -> io::Result<()> {
    let label = check.step.as_str();
    match &check.result {
        CheckResult::Passed => labelled(out, label, COLUMN, "ok")?,
        CheckResult::PassedIfSigned => labelled(out, label, COLUMN, "ok, if the signature is valid")?,
        CheckResult::Rejected(errors) => {
            for (index, error) in errors.iter().enumerate() {
                let label = if index == 0 { label } else { "" };
                labelled(out, label, COLUMN, &format!("REJECTED: {}", error.operator_message()))?;
            }
        }
        CheckResult::NotChecked(NotChecked::NoKeyGiven) => {
            let text = "not checked: no key: add --key FILE.pem, or --fetch-key to fetch it as the layer does";
            labelled(out, label, COLUMN, text)?;
        }
        CheckResult::NotChecked(why) => labelled(out, label, COLUMN, &format!("not checked: {why}"))?,
        _ => {}
    }
    check.hints.iter().try_for_each(|hint| labelled(out, "", COLUMN, &format!("- {hint}")))
}

fn rejected(error: &AuthError, explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    labelled(out, "", 0, &format!("The layer logs: {}", error.operator_message()))?;
    labelled(out, "", 0, &format!("The client receives: {}", error.client_message()))?;
    let errors = explanation.rejected().map(|check| match &check.result {
        CheckResult::Rejected(errors) => errors.len(),
        _ => 0,
    });
    match errors.sum::<usize>().saturating_sub(1) {
        0 => Ok(()),
        1 => labelled(out, "", 0, "There is one more problem: see above."),
        more => labelled(out, "", 0, &format!("There are {more} more problems: see above.")),
    }
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `2026-11-25 19:46:40 UTC`, or the number itself if it is not a date.
fn date(unix: u64) -> String {
    let date = i64::try_from(unix).ok().and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok());
    date.map_or_else(
        || format!("{unix} s after 1970"),
        |date| {
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            let (hour, minute, second) = (date.hour(), date.minute(), date.second());
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_universal_time() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(1_764_099_900), "2025-11-25 19:45:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(date(u64::MAX), "18446744073709551615 s after 1970");
    }
}
