//! The rollups of one stretch of the log: counted while its spans are live, and kept with its block.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_model::span::SpanKind;

use super::names::{Name, Names};
use super::{Figures, Rollup, RollupFilter, Series, UNKNOWN};
use crate::store::hash::FastMap;

/// Series of one part that are counted apart; the names come from the network.
const MAX_SERIES: usize = 20_000;
/// What operations and routes beyond that are counted as.
const OTHER: &str = "(other)";

/// Figures by minute and series.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Part {
    numbers: HashMap<Series, u32>,
    series: Vec<Series>,
    /// Where the figures of a minute and a series are.
    places: FastMap<(u64, u32), u32>,
    /// The same by the numbers of the names, until those change.
    by_names: FastMap<(u64, SeriesNames), u32>,
    figures: Vec<Figures>,
}

/// A series by the numbers of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SeriesNames {
    Operation { service: Name, kind: SpanKind, operation: Name },
    Edge { client: Name, server: Name, route: Name },
}

impl SeriesNames {
    fn text(self, names: &Names) -> Series {
        match self {
            Self::Operation { service, kind, operation } => {
                Series::Operation { service: names.text(service), kind, operation: names.text(operation) }
            }
            Self::Edge { client, server, route } => Series::Edge {
                client: names.text(client),
                server: names.text(server),
                route: names.text(route),
            },
        }
    }
}

impl Part {
    /// Adds to the figures of a minute.
    pub(super) fn add(&mut self, minute_unix_s: u64, series: &Series, figures: &Figures) {
        let place = self.place(minute_unix_s, series);
        self.count_at(place, |known| known.add(figures));
    }

    /// Counts in the figures of a minute, found by the numbers of the names.
    pub(super) fn count(
        &mut self,
        minute_unix_s: u64,
        series: SeriesNames,
        names: &Names,
        count: impl FnOnce(&mut Figures),
    ) {
        let place = match self.by_names.get(&(minute_unix_s, series)) {
            Some(place) => *place,
            None => {
                let place = self.place(minute_unix_s, &series.text(names));
                self.by_names.insert((minute_unix_s, series), place);
                place
            }
        };
        self.count_at(place, count);
    }

    fn place(&mut self, minute_unix_s: u64, series: &Series) -> u32 {
        let number = self.number(series);
        let next = self.figures.len() as u32;
        let place = *self.places.entry((minute_unix_s, number)).or_insert(next);
        if place == next {
            self.figures.push(Figures::default());
        }
        place
    }

    fn count_at(&mut self, place: u32, count: impl FnOnce(&mut Figures)) {
        if let Some(figures) = self.figures.get_mut(place as usize) {
            count(figures);
        }
    }

    /// Says that numbers of names do not mean any more what they meant.
    pub(super) fn forget_names(&mut self) {
        self.by_names.clear();
    }

    /// Hands out what a filter takes, in no order.
    pub(super) fn read(&self, filter: &RollupFilter, mut give: impl FnMut(u64, &Series, &Figures)) {
        for ((minute_unix_s, number), place) in &self.places {
            if filter.takes_minute(*minute_unix_s)
                && let Some(series) = self.series.get(*number as usize)
                && filter.series.takes(series)
                && let Some(figures) = self.figures.get(*place as usize)
            {
                give(*minute_unix_s, series, figures);
            }
        }
    }

    /// The first and the last minute; both zero when there is none.
    pub(super) fn minutes(&self) -> (u64, u64) {
        let minutes = || self.places.keys().map(|(minute, _)| *minute);
        (minutes().min().unwrap_or(0), minutes().max().unwrap_or(0))
    }

    /// Everything by series, then by minute.
    pub(super) fn sorted(&self) -> Vec<(&Series, u64, &Figures)> {
        let mut rows: Vec<_> = self
            .places
            .iter()
            .filter_map(|((minute, number), place)| {
                Some((self.series.get(*number as usize)?, *minute, self.figures.get(*place as usize)?))
            })
            .collect();
        rows.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        rows
    }

    fn number(&mut self, series: &Series) -> u32 {
        if let Some(number) = self.numbers.get(series) {
            return *number;
        }
        let series = if self.series.len() < MAX_SERIES { series.clone() } else { without_names(series) };
        let next = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(series.clone()).or_insert(next);
        if number == next {
            self.series.push(series);
        }
        number
    }
}

/// Where too many different names are sent, all that is beyond the limit is counted together. An end that is not known stays so.
fn without_names(series: &Series) -> Series {
    let other = || Arc::from(OTHER);
    match series {
        Series::Operation { .. } => {
            Series::Operation { service: other(), kind: SpanKind::Unspecified, operation: other() }
        }
        Series::Edge { client, server, .. } => {
            let end = |name: &Arc<str>| if **name == *UNKNOWN { Arc::clone(name) } else { other() };
            Series::Edge { client: end(client), server: end(server), route: other() }
        }
    }
}

/// Adds up what several parts hold.
#[derive(Debug, Default)]
pub(in crate::store) struct Sum {
    by_minute: HashMap<(u64, Series), Figures>,
}

impl Sum {
    pub(in crate::store) fn add(&mut self, minute_unix_s: u64, series: &Series, figures: &Figures) {
        self.by_minute.entry((minute_unix_s, series.clone())).or_default().add(figures);
    }

    /// By minute, then by series.
    pub(in crate::store) fn into_rollups(self) -> Vec<Rollup> {
        let mut rollups: Vec<Rollup> = self
            .by_minute
            .into_iter()
            .map(|((minute_unix_s, series), figures)| Rollup { minute_unix_s, series, figures })
            .collect();
        rollups.sort_by(|one, other| {
            (one.minute_unix_s, &one.series).cmp(&(other.minute_unix_s, &other.series))
        });
        rollups
    }
}
