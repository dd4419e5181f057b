//! What share of requests normally fails at each time of day and week, learned from counts.
//!
//! Four levels of counts are each shrunk to the one above, as gamma-Poisson rates are: the whole, the five hours around, the hour
//! of the day, and five minutes of the day. Three more hold ratios of what was seen to what these levels expected: the day of the week, the hour
//! of the week, shrunk to its day, and the last day. A level that has seen little says what the level above it says.

use super::{Counts, Minute};

const SLOT_MINUTES: i64 = 5;
const SLOTS: usize = 288;
const HOURS: usize = 24;
const HOURS_OF_WEEK: usize = 168;
const WEEKDAYS: usize = 7;
const DAY: i64 = 1440;

/// Errors that a level's share is taken to have been seen with, at the share of the level above, before it saw any itself.
const PRIOR_ERRORS_AROUND: f64 = 12.0;
const PRIOR_ERRORS_OF_HOUR: f64 = 30.0;
const PRIOR_ERRORS_OF_SLOT: f64 = 8.0;
const PRIOR_ERRORS_OF_WEEK: f64 = 100.0;
const PRIOR_ERRORS_OF_WEEKDAY: f64 = 40.0;
const PRIOR_ERRORS_OF_DAY: f64 = 60.0;

/// Five minutes are special, as a nightly job makes them, if they had so many deviations more errors than their hour explains.
const SPECIAL_SD: f64 = 2.5;
/// Squared coefficient of variation by which five minutes may differ from their hour and be nothing special.
const USUAL_SPREAD: f64 = 0.05;

/// Before anything is known: half an error in 250 requests.
const PRIOR_ERRORS: f64 = 0.5;
const PRIOR_REQUESTS: f64 = 250.0;

/// What remains of the counts of an hour or a slot a day later, and of the hour of the week a week later.
const KEPT_PER_DAY: f32 = 0.87;
const KEPT_PER_WEEK: f32 = 0.7;
/// What remains of the whole a minute later: a mean life of five days.
const KEPT_PER_MINUTE: f64 = 1.0 - 1.0 / (5.0 * DAY as f64);
/// What remains of the last day's ratio a minute later: a mean life of twelve hours.
const KEPT_OF_LAST_DAY: f64 = 1.0 - 1.0 / (0.5 * DAY as f64);
/// A new normal may be this much less or more than the old one before the slots have followed.
const LAST_DAY_RATIO: std::ops::RangeInclusive<f64> = 0.7..=2.0;
/// An hour of the week may differ so much from that hour on other days.
const WEEK_RATIO: std::ops::RangeInclusive<f64> = 0.5..=3.0;

/// Errors seen, and what they are measured by: requests, or errors that were expected.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    errors: f32,
    of: f32,
}

impl Seen {
    /// The share, as if `prior` errors had been seen at the share `above` before.
    fn share(self, prior: f64, above: f64) -> f64 {
        (f64::from(self.errors) + prior) / (f64::from(self.of) + prior / above)
    }

    fn add(&mut self, errors: f64, of: f64) {
        self.errors += errors as f32;
        self.of += of as f32;
    }

    fn age(&mut self, kept: f32) {
        self.errors *= kept;
        self.of *= kept;
    }
}

/// The learned normal of one series.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    errors: f64,
    requests: f64,
    /// Errors of the last day, and how many the levels of counts expected.
    last_day_errors: f64,
    last_day_expected: f64,
    hours: [Seen; HOURS],
    slots: [Seen; SLOTS],
    week: [Seen; HOURS_OF_WEEK],
    weekdays: [Seen; WEEKDAYS],
    /// One bit for each of the last days, the newest lowest: the slot was part of an episode.
    alarmed: [u8; SLOTS],
    slot_now: i64,
    learned_minutes: u32,
}

impl Baseline {
    pub(super) fn new() -> Self {
        Self {
            errors: 0.0,
            requests: 0.0,
            last_day_errors: 0.0,
            last_day_expected: 0.0,
            hours: [Seen::default(); HOURS],
            slots: [Seen::default(); SLOTS],
            week: [Seen::default(); HOURS_OF_WEEK],
            weekdays: [Seen::default(); WEEKDAYS],
            alarmed: [0; SLOTS],
            slot_now: i64::MIN,
            learned_minutes: 0,
        }
    }

    /// The share of requests that is expected to fail in this minute. Next to special minutes it is the highest of the five
    /// minutes and their neighbours, since what runs nightly never begins at the same second; else their mean, since the
    /// highest of several estimates is too high.
    pub(super) fn rate_at(&self, minute: Minute) -> f64 {
        let nearby = [-SLOT_MINUTES, 0, SLOT_MINUTES].map(|offset| minute.0 + offset);
        let shares = nearby.map(|minute| self.of_slot(minute));
        let share = if nearby.iter().any(|minute| self.is_special(*minute)) {
            shares.into_iter().fold(0.0, f64::max)
        } else {
            shares.iter().sum::<f64>() / shares.len() as f64
        };
        (share * self.last_day_ratio() * self.week_ratio(minute.0)).min(1.0)
    }

    /// The share of requests that fails over the whole, whatever the time.
    pub(super) fn whole(&self) -> f64 {
        (self.errors + PRIOR_ERRORS) / (self.requests + PRIOR_REQUESTS)
    }

    /// How uncertain the expectation is at this minute, as a squared coefficient of variation: what has been seen of the whole,
    /// and of the hours around.
    pub(super) fn uncertainty_at(&self, minute: Minute) -> f64 {
        let around = f64::from(self.around(minute.0).errors);
        1.0 / (self.errors + PRIOR_ERRORS) + 1.0 / (around + PRIOR_ERRORS_AROUND)
    }

    /// Minutes learned so far.
    pub(super) fn learned_minutes(&self) -> u32 {
        self.learned_minutes
    }

    /// Learns one minute that is known to be normal.
    pub(super) fn learn(&mut self, minute: Minute, counts: Counts) {
        self.enter(minute);
        self.add(minute, counts);
    }

    /// Passes over one minute of an episode. A slot that was part of one on three of four days is a habit, and is learned.
    pub(super) fn pass_over(&mut self, minute: Minute, counts: Counts) {
        self.enter(minute);
        let Some(days) = self.alarmed.get_mut(slot_of(minute.0)) else { return };
        let is_first_of_day = *days & 1 == 0;
        *days |= 1;
        if (*days & 0b1111).count_ones() < 3 {
            return;
        }
        if is_first_of_day && let Some(slot) = self.slots.get_mut(slot_of(minute.0)) {
            // What was learned of this slot before is mostly not so any more.
            slot.age(0.3);
        }
        self.add(minute, counts);
    }

    /// Ages what is about to be visited again after a minute, a day or a week.
    fn enter(&mut self, minute: Minute) {
        self.learned_minutes = self.learned_minutes.saturating_add(1);
        self.errors *= KEPT_PER_MINUTE;
        self.requests *= KEPT_PER_MINUTE;
        self.last_day_errors *= KEPT_OF_LAST_DAY;
        self.last_day_expected *= KEPT_OF_LAST_DAY;
        let slot_number = minute.0.div_euclid(SLOT_MINUTES);
        if slot_number == self.slot_now {
            return;
        }
        let before = self.slot_now.saturating_mul(SLOT_MINUTES);
        self.slot_now = slot_number;
        if let Some(slot) = self.slots.get_mut(slot_of(minute.0)) {
            slot.age(KEPT_PER_DAY);
        }
        if let Some(days) = self.alarmed.get_mut(slot_of(minute.0)) {
            *days <<= 1;
        }
        if minute.0.div_euclid(60) != before.div_euclid(60) {
            self.enter_hour(minute.0);
        }
        let is_new_day = minute.0.div_euclid(DAY) != before.div_euclid(DAY);
        if is_new_day && let Some(day) = self.weekdays.get_mut(weekday_of(minute.0)) {
            day.age(KEPT_PER_WEEK);
        }
    }

    fn enter_hour(&mut self, minute: i64) {
        if let Some(hour) = self.hours.get_mut(hour_of(minute)) {
            hour.age(KEPT_PER_DAY);
        }
        if let Some(hour) = self.week.get_mut(hour_of_week(minute)) {
            hour.age(KEPT_PER_WEEK);
        }
    }

    fn add(&mut self, minute: Minute, Counts { requests, errors }: Counts) {
        if requests <= 0.0 {
            return;
        }
        // Ratios learn what the counts did not know; before a day has passed, that is everything.
        if i64::from(self.learned_minutes) > DAY {
            let expected = requests * self.of_slot(minute.0);
            let week_ratio = self.week_ratio(minute.0);
            self.last_day_errors += errors;
            self.last_day_expected += expected * week_ratio;
            if let Some(hour) = self.week.get_mut(hour_of_week(minute.0)) {
                hour.add(errors, expected);
            }
            if let Some(day) = self.weekdays.get_mut(weekday_of(minute.0)) {
                day.add(errors, expected);
            }
        }
        self.errors += errors;
        self.requests += requests;
        if let Some(hour) = self.hours.get_mut(hour_of(minute.0)) {
            hour.add(errors, requests);
        }
        if let Some(slot) = self.slots.get_mut(slot_of(minute.0)) {
            slot.add(errors, requests);
        }
    }

    fn of_slot(&self, minute: i64) -> f64 {
        self.slot(minute).share(PRIOR_ERRORS_OF_SLOT, self.of_hour(minute))
    }

    fn of_hour(&self, minute: i64) -> f64 {
        let around = self.around(minute).share(PRIOR_ERRORS_AROUND, self.whole());
        self.hour(minute).share(PRIOR_ERRORS_OF_HOUR, around)
    }

    /// This hour of the day, the two before and the two after.
    fn around(&self, minute: i64) -> Seen {
        let hours = (-2..=2).map(|offset| self.hour(minute + 60 * offset));
        hours.fold(Seen::default(), |sum, hour| Seen {
            errors: sum.errors + hour.errors,
            of: sum.of + hour.of,
        })
    }

    fn is_special(&self, minute: i64) -> bool {
        let slot = self.slot(minute);
        let expected = f64::from(slot.of) * self.of_hour(minute);
        let deviation = (expected + USUAL_SPREAD * expected * expected).sqrt();
        f64::from(slot.errors) > expected + 1.0 + SPECIAL_SD * deviation
    }

    fn hour(&self, minute: i64) -> Seen {
        self.hours.get(hour_of(minute)).copied().unwrap_or_default()
    }

    fn slot(&self, minute: i64) -> Seen {
        self.slots.get(slot_of(minute)).copied().unwrap_or_default()
    }

    fn week_ratio(&self, minute: i64) -> f64 {
        let hour = self.week.get(hour_of_week(minute)).copied().unwrap_or_default();
        let day = self.weekdays.get(weekday_of(minute)).copied().unwrap_or_default();
        let of_day = day.share(PRIOR_ERRORS_OF_WEEKDAY, 1.0);
        hour.share(PRIOR_ERRORS_OF_WEEK, of_day).clamp(*WEEK_RATIO.start(), *WEEK_RATIO.end())
    }

    fn last_day_ratio(&self) -> f64 {
        let ratio =
            (self.last_day_errors + PRIOR_ERRORS_OF_DAY) / (self.last_day_expected + PRIOR_ERRORS_OF_DAY);
        ratio.clamp(*LAST_DAY_RATIO.start(), *LAST_DAY_RATIO.end())
    }
}

fn slot_of(minute: i64) -> usize {
    (minute.rem_euclid(DAY) / SLOT_MINUTES) as usize
}

fn hour_of(minute: i64) -> usize {
    (minute.rem_euclid(DAY) / 60) as usize
}

fn hour_of_week(minute: i64) -> usize {
    (minute.rem_euclid(7 * DAY) / 60) as usize
}

fn weekday_of(minute: i64) -> usize {
    (minute.rem_euclid(7 * DAY) / DAY) as usize
}
