//! Time zones by their IANA name, from the database that is compiled in: the same file means the same windows on every
//! machine, also in a container without `/usr/share/zoneinfo`.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};
use model::Nanos;

/// What [`find`] accepts, for error texts.
pub(crate) const ALLOWED: &str = "a time zone of the IANA database, such as UTC or Europe/Berlin";

/// The time zone of that name, such as `Asia/Seoul`.
pub(crate) fn find(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The date on the calendars of `zone` at `time`.
pub(crate) fn date_at(zone: &TimeZone, time: Nanos) -> civil::Date {
    let timestamp = Timestamp::from_nanosecond(time.into()).unwrap_or_default();
    zone.to_datetime(timestamp).date()
}

/// When clocks in `zone` show `local`. A time that is skipped when clocks go forward stands for one as much later, and
/// one that comes twice for the first (RFC 5545, section 3.3.5). Beyond the years of [`Nanos`] it is the last there is.
pub(crate) fn instant(zone: &TimeZone, local: civil::DateTime) -> Nanos {
    let timestamp = zone.to_ambiguous_timestamp(local).compatible();
    let nanos = timestamp.map_or(i128::from(Nanos::MAX), Timestamp::as_nanosecond);
    Nanos::try_from(nanos).unwrap_or(if nanos < 0 { Nanos::MIN } else { Nanos::MAX })
}
