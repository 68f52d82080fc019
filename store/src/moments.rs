//! When groups of series had points: what a resource's presence is told by. Values are not read, and of chunks the times that
//! several series of a group have in common are read once.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use model::{Nanos, SeriesId, TimeRange};

use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{IdFilter, Wanted, moments_of_rows};
use crate::snapshot::Snapshot;

/// What [`Snapshot::moments`] tells.
#[derive(Debug)]
pub enum Moments<'a> {
    /// Series of this group had points at these times, some of which may be outside of the range, or told before.
    Of(usize, &'a [Nanos]),
    /// A part of the data is damaged; the times are those of the rest.
    Unreadable(ReadError),
}

impl Snapshot {
    /// Tells when each group of series had points in `range`. `groups` has the group of each series.
    ///
    /// # Errors
    /// The first that `tell` gives; it ends the reading.
    pub fn moments<E>(
        &self,
        groups: &HashMap<SeriesId, usize>,
        range: TimeRange,
        mut tell: impl FnMut(Moments<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut series: Vec<SeriesId> = groups.keys().copied().collect();
        series.sort_unstable();
        let wanted = Wanted { series, set: Arc::new(groups.keys().copied().collect()), range };
        for segment in self.segments_as_stored(Table::Points) {
            let parts = match segment.sample_parts(&wanted) {
                Ok(parts) => parts,
                Err(error) => {
                    tell(Moments::Unreadable(error))?;
                    continue;
                }
            };
            let mut known: HashSet<(usize, u64)> = HashSet::new();
            for part in parts {
                let ids = vec![IdFilter::Series(Arc::clone(&wanted.set))];
                let is_new = |id, place| groups.get(&id).is_some_and(|group| known.insert((*group, place)));
                let mut told = Ok(());
                let push = |id, times: &[Nanos]| tell_of(groups, id, times, &mut told, &mut tell);
                let damage = segment.moments(&part, range, ids, is_new, push).unwrap_or_else(|error| vec![error]);
                told?;
                damage.into_iter().try_for_each(|error| tell(Moments::Unreadable(error)))?;
            }
        }
        for chunk in &self.memory[Table::Points as usize] {
            if range.overlaps(chunk.min_time, chunk.max_time) {
                let mut told = Ok(());
                moments_of_rows(&chunk.batch, &mut |id, times| tell_of(groups, id, times, &mut told, &mut tell));
                told?;
            }
        }
        Ok(())
    }
}

/// Tells of the times of a series, unless telling has failed before.
fn tell_of<E>(
    groups: &HashMap<SeriesId, usize>,
    series: SeriesId,
    times: &[Nanos],
    told: &mut Result<(), E>,
    tell: &mut impl FnMut(Moments<'_>) -> Result<(), E>,
) {
    if let (Ok(()), Some(group)) = (&told, groups.get(&series)) {
        *told = tell(Moments::Of(*group, times));
    }
}
