//! One setting of the table: how it is read, and what it does.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    duration::read_duration,
    fields::Draft,
    reader::{Path, Reader},
    urls::read_url,
};

/// A key, or the keys at and below it; `*` stands for any name.
pub(super) struct Setting {
    pub(super) path: Path,
    pub(super) kind: Kind,
    /// What it does, or why it has no effect: the words of `check`.
    pub(super) effect: &'static str,
}

/// The place of a value in the draft.
pub(super) type Place<T> = fn(&mut Draft) -> &mut Option<T>;

/// How a setting is read.
pub(super) enum Kind {
    /// True or false.
    Flag { default: bool, place: Place<bool> },
    /// A duration, clamped to its range, in whole steps.
    Duration { default: Duration, range: RangeInclusive<Duration>, step: Duration, place: Place<Duration> },
    /// The address of an HTTP server, without a slash at its end. Required.
    Url { example: &'static str, place: Place<String> },
    /// By a separate function.
    Own(fn(&Reader<'_>, Path, &mut Draft)),
    /// By the function of another setting.
    Beside,
    /// It concerns other services.
    OfOthers,
    /// It concerns an auth service and has no effect here, which is a warning at start-up.
    NotServed,
}

impl Setting {
    /// Reads it into the draft.
    pub(super) fn read(&self, reader: &Reader<'_>, draft: &mut Draft) {
        let path = self.path;
        match &self.kind {
            Kind::Flag { default, place } => {
                *place(draft) = Some(reader.flag_or(&reader.section(path.section()), path.key(), *default));
            }
            Kind::Duration { default, range, step, place } => {
                *place(draft) = Some(read_duration(reader, path, range, *step).unwrap_or(*default));
            }
            Kind::Url { example, place } => *place(draft) = read_url(reader, path, example),
            Kind::Own(read) => read(reader, path, draft),
            Kind::Beside | Kind::OfOthers | Kind::NotServed => {}
        }
    }
}
