//! Private keys in PEM files, without a copy that stays in memory.
//!
//! Every buffer is wiped when it is dropped, and none grows, so that no copy is left behind.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// Maximum size of a key file, in bytes.
#[cfg(any(feature = "backstage", feature = "proxy"))]
const MAX_BYTES: usize = 64 * 1024;

/// Reads a file.
///
/// # Errors
/// It cannot be read, or has more than 64 KiB. The message goes on after the file's name.
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) fn read(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, String> {
    use std::io::Read as _;

    // Room for one byte more than is read, which is one more than allowed.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES.saturating_add(2)));
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)
        .and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes; a key has a few hundred to a few thousand"));
    }
    Ok(bytes)
}

/// Why a block has no content that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PemFault {
    /// Its headers are those of an encrypted block (RFC 1421 section 4.6.1.1), as OpenSSL writes `EC PRIVATE KEY` and
    /// `RSA PRIVATE KEY`.
    Encrypted,
    NotBase64,
}

/// The message for a private key that is encrypted, in either form. It follows the name of the key.
pub(crate) const IS_ENCRYPTED: &str =
    "is encrypted, and there is no way to enter the password: decrypt it with openssl pkey";

const ENCRYPTED_HEADER: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// The content of the first block with this label. `None` without such a block.
pub(crate) fn pem_block(pem: &[u8], label: &str) -> Option<Result<Zeroizing<Vec<u8>>, PemFault>> {
    let (_, rest) = split_once(pem, format!("-----BEGIN {label}-----").as_bytes())?;
    let (body, _) = split_once(rest, format!("-----END {label}-----").as_bytes())?;
    if body.trim_ascii_start().starts_with(ENCRYPTED_HEADER) {
        return Some(Err(PemFault::Encrypted));
    }
    let mut encoded = Zeroizing::new(Vec::with_capacity(body.len()));
    encoded.extend(body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; encoded.len()]);
    let written = STANDARD.decode_slice(encoded.as_slice(), &mut der);
    Some(written.map_err(|_| PemFault::NotBase64).map(|length| {
        der.truncate(length);
        der
    }))
}

fn split_once<'p>(text: &'p [u8], separator: &[u8]) -> Option<(&'p [u8], &'p [u8])> {
    let at = text.windows(separator.len()).position(|window| window == separator)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(separator.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_its_label_whatever_else_is_in_the_file() {
        let pem = b"\xe9 a comment\n-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n\
            -----BEGIN PRIVATE KEY-----\r\nAQ\r\nID\r\n-----END PRIVATE KEY-----\n-----BEGIN X-----\n?\n-----END X-----\n-----BEGIN Y-----\nAA==\n\
            -----BEGIN Z-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: x\r\n\r\nAA==\n-----END Z-----";
        let block = |label| pem_block(pem, label).map(|block| block.map(|der| der.to_vec()));
        assert_eq!(block("PRIVATE KEY"), Some(Ok(vec![1, 2, 3])));
        assert_eq!(block("PUBLIC KEY"), Some(Ok(vec![0])));
        assert_eq!((block("X"), block("Z")), (Some(Err(PemFault::NotBase64)), Some(Err(PemFault::Encrypted))));
        assert_eq!((block("Y"), block("EC PRIVATE KEY")), (None, None));
    }
}
