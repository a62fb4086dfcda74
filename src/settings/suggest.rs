//! The name that was most likely meant.

/// Names longer than this are not compared: comparing takes time in proportion to both lengths.
const MAX_COMPARED_BYTES: usize = 100;

/// The known name that differs least from this one, if it differs in at most a third of its characters. A swapped pair counts
/// as one difference, and letter case does not count.
pub(crate) fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distance = |other: &str| strsim::osa_distance(&name, &other.to_ascii_lowercase());
    let (distance, closest) = known.into_iter().map(|other| (distance(other), other)).min_by_key(|(d, _)| *d)?;
    (distance <= name.chars().count().max(3) / 3).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["issuer", "signer", "signers", "clientIds", "allowedDomains"];
        for (name, expected) in [
            ("signr", Some("signer")),
            ("sigher", Some("signer")),
            ("signerss", Some("signers")),
            ("clientId", Some("clientIds")),
            ("clientids", Some("clientIds")),
            ("allowedDomain", Some("allowedDomains")),
            ("audience", None),
            ("", None),
            (&"signer".repeat(50), None),
        ] {
            assert_eq!(closest(name, known), expected, "{name}");
        }
    }
}
