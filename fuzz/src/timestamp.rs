//! Timestamps of Backstage's tables and of deny lists, against the days of the civil calendar counted the other way.

use std::time::{Duration, SystemTime};

use tower_alb_auth::fuzzing::{read_timestamp, write_timestamp};

pub(crate) fn run(data: &[u8]) {
    if let Some(bytes) = data.first_chunk::<8>() {
        let milliseconds = u64::from_le_bytes(*bytes) % 300_000_000_000_000;
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let written = write_timestamp(time);
        assert_eq!(written.is_some(), milliseconds <= 253_402_300_799_999, "the years 1970 to 9999");
        if let Some(text) = written {
            assert_eq!(read_timestamp(&text), Some(time), "{text}");
            assert_eq!(milliseconds_of(&text), Some(milliseconds), "{text}");
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = read_timestamp(text);
    let expected = milliseconds_of(text).map(|since| SystemTime::UNIX_EPOCH + Duration::from_millis(since));
    assert_eq!(read, expected);
    if let Some(time) = read {
        assert_eq!(write_timestamp(time).as_deref(), Some(text), "one spelling");
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`; the days by Howard Hinnant's `days_from_civil`.
fn milliseconds_of(text: &str) -> Option<u64> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let bytes = text.as_bytes();
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if bytes.len() != SHAPE.len() || !bytes.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, milliseconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milliseconds)
}
