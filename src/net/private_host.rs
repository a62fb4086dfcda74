//! The test for hosts of a private network.

use std::net::IpAddr;

/// Endings of names that no public name server has (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`).
const PRIVATE_ENDINGS: [&str; 5] = [".internal", ".local", ".localhost", ".test", ".home.arpa"];

/// Whether the host, in lower case, is one of a private network: a private IP address, a name without a dot such as that of a
/// service in a compose file, or a name that no public name server has. What a name resolves to is not known here.
pub(crate) fn is_private_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_unique_local(),
        Err(_) => is_private_name(host),
    }
}

fn is_private_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // A resolver reads `16843009` and `0x1010101` as IPv4 addresses.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|first: char| first.is_ascii_digit());
    let is_local = !host.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| host.ends_with(ending));
    is_local && !is_number && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_a_private_network_are_private() {
        for host in [
            "emulator",
            "alb_emulator-1",
            "emulator.internal",
            "emulator.dev.svc.cluster.local",
            "10.1.2.3",
            "172.16.0.9",
            "172.31.255.255",
            "192.168.0.2",
            "[fd00::5]",
        ] {
            assert!(is_private_host(host), "{host}");
        }
        for host in [
            "",
            ".",
            "emulator.",
            ".internal",
            "emulator.example.com",
            "emulator.dev",
            "internal.example.com",
            "8.8.8.8",
            "172.32.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::]",
            "[fe80::1]",
            "[2001:db8::1]",
            "[::ffff:10.0.0.1]",
            "16843009",
            "0x1010101",
            "1.internal.1",
        ] {
            assert!(!is_private_host(host), "{host}");
        }
    }
}
