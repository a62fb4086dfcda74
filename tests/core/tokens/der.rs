//! Just enough DER (X.690) to write a public key in every wrong way.

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [upper, lower] = u16::try_from(length).expect("short").to_be_bytes();
    let head = match length {
        0..=0x7f => vec![tag, lower],
        0x80..=0xff => vec![tag, 0x81, lower],
        _ => vec![tag, 0x82, upper, lower],
    };
    [&head, content].concat()
}

pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

pub fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// Whole bytes.
pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

/// An integer that is not negative, upper bytes first.
pub fn unsigned(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
    tlv(0x02, &[sign, number].concat())
}
