//! The rules that others use, on the same counts.

/// One minute: requests and errors.
type Counts = (f64, f64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Ten percent of five minutes fail.
    Static,
    /// The minute's share is so many deviations above an exponentially weighted mean of half an hour.
    Ewma(u8),
    /// Multi-window burn rate of the Google SRE workbook for an objective of 99.9 %.
    BurnRate,
}

pub const ALL: [Rule; 4] = [Rule::Static, Rule::Ewma(3), Rule::Ewma(6), Rule::BurnRate];

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static 10 % over 5 min",
            Self::Ewma(3) => "EWMA + 3 sd",
            Self::Ewma(_) => "EWMA + 6 sd",
            Self::BurnRate => "burn rate, SLO 99.9 %",
        }
    }
}

/// Minutes in which a rule alarms.
pub fn alarms(rule: Rule, counts: &[Counts]) -> Vec<usize> {
    match rule {
        Rule::Static => exceeding(counts, &[(5, 0.10)]),
        Rule::Ewma(deviations) => ewma(counts, f64::from(deviations)),
        Rule::BurnRate => {
            let mut both = exceeding(counts, &[(60, 14.4 * 0.001), (5, 14.4 * 0.001)]);
            both.extend(exceeding(counts, &[(360, 6.0 * 0.001), (30, 6.0 * 0.001)]));
            both.sort_unstable();
            both.dedup();
            both
        }
    }
}

/// Minutes at which every window exceeds its share of failing requests.
fn exceeding(counts: &[Counts], windows: &[(usize, f64)]) -> Vec<usize> {
    let mut totals = vec![(0.0, 0.0)];
    for (requests, errors) in counts {
        let (all_requests, all_errors) = totals[totals.len() - 1];
        totals.push((all_requests + requests, all_errors + errors));
    }
    let exceeds = |minute: usize, (length, share): (usize, f64)| {
        let (end, begin) = (totals[minute + 1], totals[(minute + 1).saturating_sub(length)]);
        end.0 > begin.0 && end.1 - begin.1 >= share * (end.0 - begin.0)
    };
    (0..counts.len()).filter(|minute| windows.iter().all(|window| exceeds(*minute, *window))).collect()
}

fn ewma(counts: &[Counts], deviations: f64) -> Vec<usize> {
    const WEIGHT: f64 = 2.0 / 31.0;
    let (mut mean, mut variance) = (0.0, 0.0);
    let mut alarms = Vec::new();
    for (minute, (requests, errors)) in counts.iter().enumerate() {
        if *requests <= 0.0 {
            continue;
        }
        let share = errors / requests;
        if minute > 60 && share > mean + deviations * f64::sqrt(variance) && *errors > 0.0 {
            alarms.push(minute);
        }
        let step = share - mean;
        mean += WEIGHT * step;
        variance = (1.0 - WEIGHT) * (variance + WEIGHT * step * step);
    }
    alarms
}
