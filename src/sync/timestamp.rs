//! Timestamps in the format of JavaScript's `toISOString`, `2026-01-31T12:00:00.000Z`, which
//! Backstage stores in a text column, and which a deny list has.

use std::time::{Duration, SystemTime};

const DAY: u64 = 24 * 60 * 60;
const FIRST_YEAR: u64 = 1970;
const LAST_YEAR: u64 = 9999;

/// `None` outside the years 1970 to 9999.
#[cfg(any(test, feature = "postgres"))]
pub(crate) fn write(timestamp: SystemTime) -> Option<String> {
    let since = timestamp.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let (mut days, time) = (since.as_secs() / DAY, since.as_secs() % DAY);
    // Find the year, then the month, in which the remaining days end.
    let mut fills = |length: u64| days.checked_sub(length).map(|rest| days = rest).is_some();
    let year = (FIRST_YEAR..=LAST_YEAR).find(|year| !fills(days_of_year(*year)))?;
    let month = (1..=12).find(|month| !fills(days_of_month(year, *month)))?;
    let day = days.checked_add(1)?;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis()))
}

/// `None` if the text has another format, or is not a date.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let rest = text.strip_suffix('Z').filter(|_| text.len() == "2026-01-31T12:00:00.000Z".len())?;
    let (date, time) = rest.split_once('T')?;
    let [year, month, day] = numbers(date, ['-', '-'], [4, 2, 2])?;
    let (time, milliseconds) = time.split_once('.')?;
    let [hour, minute, second] = numbers(time, [':', ':'], [2, 2, 2])?;
    let milliseconds = number(milliseconds, 3)?;
    let is_date = (FIRST_YEAR..=LAST_YEAR).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (FIRST_YEAR..year).map(days_of_year).sum();
    let months: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    let seconds: u64 = [
        years.checked_mul(DAY)?,
        months.checked_mul(DAY)?,
        day.checked_sub(1)?.checked_mul(DAY)?,
        hour.checked_mul(3600)?,
        minute.checked_mul(60)?,
        second,
    ]
    .iter()
    .sum();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.checked_add(Duration::from_millis(milliseconds))
}

fn numbers(text: &str, [first, second]: [char; 2], [a, b, c]: [usize; 3]) -> Option<[u64; 3]> {
    let (one, rest) = text.split_once(first)?;
    let (two, three) = rest.split_once(second)?;
    Some([number(one, a)?, number(two, b)?, number(three, c)?])
}

/// A number with this many digits, without a sign.
fn number(text: &str, digits: usize) -> Option<u64> {
    text.parse().ok().filter(|_| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The numbers are JavaScript's: `Date.parse(text)`.
    #[test]
    fn a_timestamp_is_written_and_read_as_javascript_does() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-25T22:14:11.007Z", 1_795_644_851_007),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            let timestamp = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            assert_eq!(write(timestamp).as_deref(), Some(text));
            assert_eq!(read(text), Some(timestamp), "{text}");
        }
        assert_eq!(write(SystemTime::UNIX_EPOCH + Duration::from_millis(253_402_300_800_000)), None);
        assert_eq!(write(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn a_text_that_is_not_such_a_timestamp_is_not_read() {
        for text in [
            "",
            "Z",
            "2026-11-25",
            "2026-11-25T22:14:11Z",
            "2026-11-25T22:14:11.000",
            "2026-11-25T22:14:11.000+00:00",
            "2026-13-25T22:14:11.000Z",
            "2026-02-29T22:14:11.000Z",
            "2026-11-00T22:14:11.000Z",
            "2026-11-25T24:14:11.000Z",
            "2026-11-25T22:60:11.000Z",
            "2026-11-25T22:14:60.000Z",
            "+026-11-25T22:14:11.000Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-25T22:14:11.0ä0Z",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
