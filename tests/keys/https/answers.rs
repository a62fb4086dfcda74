//! What stands in an answer: its size, its encoding, its text.

use std::time::Duration;

use super::{
    server::{Script, answer, framed, key},
    site::Site,
};

const LARGEST: usize = 8192;

/// A good key, followed by white space up to this size.
fn key_of_size(pem: &str, size: usize) -> String {
    format!("{pem}{}", " ".repeat(size - pem.len()))
}

/// In chunks of one kilobyte.
fn chunked(body: &str) -> Vec<u8> {
    let chunks = body.as_bytes().chunks(1024);
    let chunks = chunks.flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let body: Vec<u8> = chunks.chain(*b"0\r\n\r\n").collect();
    framed(200, &["transfer-encoding: chunked"], body)
}

#[tokio::test]
async fn s_50_an_answer_may_have_8192_bytes_and_not_one_more() {
    type Frame = fn(&str) -> Vec<u8>;
    let frames: [(&str, Frame); 3] = [
        ("with a length", |body| answer(200, &[], body)),
        ("in chunks", chunked),
        ("to the end of the connection", |body| framed(200, &[], body)),
    ];
    for (case, frame) in frames {
        let sized =
            async |size| Site::of(move |_, alb| Script::Answer(frame(&key_of_size(&alb.public_key_pem(), size)))).await;
        let (site, _server) = sized(LARGEST).await;
        site.assert_lets_jane_in(case).await;
        let (site, server) = sized(LARGEST + 1).await;
        let said = site.assert_keys_unavailable(case).await;
        assert!(said.contains("larger than max_response_bytes (8192)"), "{case}: {said}");
        assert_eq!(server.connections(), 1, "{case}: asking again would bring the same");
    }
}

#[tokio::test]
async fn s_50_a_length_that_is_a_lie_gives_no_key() {
    // The key breaks off, or the rest never comes.
    for (case, length) in [("longer by one", 1), ("longer by far", 1 << 40)] {
        let (site, server) = Site::of(move |_, alb| {
            let pem = alb.public_key_pem();
            Script::Answer(framed(200, &[&format!("content-length: {}", pem.len() + length)], pem))
        })
        .await;
        let said = site.assert_keys_unavailable(case).await;
        assert!(said.contains("incomplete or malformed"), "{case}: {said}");
        assert_eq!(server.connections(), 2, "{case}: one retry");
    }
    for length in [0, 1, 100] {
        let (site, _server) = Site::of(move |_, alb| {
            Script::Answer(framed(200, &[&format!("content-length: {length}")], alb.public_key_pem()))
        })
        .await;
        site.assert_key_rejected(&format!("shorter: {length}")).await;
    }
}

#[tokio::test]
async fn f_11_an_endless_answer_is_dropped_at_the_limit() {
    let kilobyte = || [b"400\r\n".as_slice(), &[b'A'; 1024], b"\r\n"].concat();
    let no_pause = Duration::ZERO;
    let endless = move |framing: &'static str, status| {
        let (first, again) = match framing {
            "transfer-encoding: chunked" => (framed(status, &[framing], ""), kilobyte()),
            _ => (framed(status, &[framing], ""), vec![b'A'; 1024]),
        };
        Script::Repeat(first, again, no_pause)
    };
    for framing in ["transfer-encoding: chunked", "content-length: 1000000000000", "connection: close"] {
        for status in [200, 403, 503] {
            let (site, server) = Site::of(move |_, _| endless(framing, status)).await;
            let case = format!("{status}, {framing}");
            let said = site.assert_keys_unavailable(&case).await;
            assert!(said.contains("larger than max_response_bytes"), "{case}: {said}");
            // More than the limit is what the sockets of both ends hold; a client that reads on would take gigabytes.
            let taken = server.all_gone().await;
            assert!(taken < 64 << 20, "{case}: the client took {taken} bytes");
            assert_eq!(server.connections(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn s_50_f_11_nothing_is_unpacked() {
    for encoding in ["gzip", "x-gzip", "deflate", "br", "zstd"] {
        let header = format!("content-encoding: {encoding}");
        let (site, _server) = Site::of(move |_, alb| {
            Script::Answer(answer(200, &[&header], gzip_stored(alb.public_key_pem().as_bytes())))
        })
        .await;
        // A client that unpacks would find a good key.
        site.assert_key_rejected(encoding).await;
    }
    let (site, _server) =
        Site::of(|_, _| Script::Answer(answer(200, &["content-encoding: gzip"], gzip_bomb(LARGEST)))).await;
    site.assert_key_rejected("8 KiB that unpack to more than a megabyte").await;
    // The type of the content says nothing about the key, so what it says is not looked at.
    let (site, _server) =
        Site::of(|_, alb| Script::Answer(answer(200, &["content-type: text/html"], alb.public_key_pem()))).await;
    site.assert_lets_jane_in("content-type").await;
}

#[tokio::test]
async fn s_51_nothing_may_stand_beside_the_one_pem_block() {
    type Change = fn(&str) -> String;
    let refused: [(&str, Change); 10] = [
        ("text before BEGIN", |pem| format!("key:\n{pem}")),
        ("a PEM comment", |pem| format!("Subject: alb\n{pem}")),
        ("text after END", |pem| format!("{pem}end")),
        ("a NUL after END", |pem| format!("{pem}\0")),
        ("a byte order mark", |pem| format!("\u{feff}{pem}")),
        ("a no-break space", |pem| format!("{pem}\u{a0}")),
        ("the block twice", |pem| pem.repeat(2)),
        ("another block after it", |pem| {
            format!("{pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        }),
        ("no END", |pem| pem.replace("-----END PUBLIC KEY-----", "")),
        ("another label", |pem| pem.replace("PUBLIC", "PRIVATE")),
    ];
    for (case, change) in refused {
        let (site, _server) = Site::of(move |_, alb| key(&change(&alb.public_key_pem()))).await;
        site.assert_key_rejected(case).await;
    }
    let accepted: [(&str, Change); 5] = [
        ("CRLF line ends", |pem| pem.replace('\n', "\r\n")),
        ("a trailing blank line", |pem| format!("{pem}\n")),
        ("trailing CRLF, spaces and tabs", |pem| format!("{pem}\r\n \t\r\n")),
        ("leading white space", |pem| format!("\r\n \t{pem}")),
        ("no line end at the end", |pem| pem.trim_end().to_owned()),
    ];
    for (case, change) in accepted {
        let (site, _server) = Site::of(move |_, alb| key(&change(&alb.public_key_pem()))).await;
        site.assert_lets_jane_in(case).await;
    }
}

/// A gzip member (RFC 1952) with one stored block (RFC 1951 section 3.2.4): what any reader of gzip unpacks to `data`.
fn gzip_stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short text");
    let block = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), data].concat();
    [&GZIP_HEADER[..], &block, &crc32(data).to_le_bytes(), &u32::from(length).to_le_bytes()].concat()
}

/// So many bytes of gzip, each 13 bits of them 258 zeros: matches of the greatest length at distance 1, in the fixed Huffman
/// code (RFC 1951 section 3.2.6). Zero bytes first, then nothing but the match.
fn gzip_bomb(size: usize) -> Vec<u8> {
    // Final block, fixed code; the literal 0 (00110000); then length 258 (11000101) at distance 1 (00000).
    let opening = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0].into_iter();
    let matches = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0].into_iter().cycle();
    let bits: Vec<u8> = opening.chain(matches).take((size - GZIP_HEADER.len()) * 8).collect();
    let bytes = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit));
    GZIP_HEADER.into_iter().chain(bytes).collect()
}

const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
