//! Findings in words.

use super::evidence::Finding;

/// Said of a service that nothing speaks against.
pub(super) const NOTHING: &str = "nothing changed here";

pub(super) fn tell(finding: &Finding) -> String {
    match finding {
        Finding::OwnTime { operation, before, after } => {
            format!("own time of {operation}: {}, {} before", duration(*after), duration(*before))
        }
        Finding::Between { caller, callee, before, after } => {
            format!("between {caller} and {callee}: {}, {} before", duration(*after), duration(*before))
        }
        Finding::Missing { operation: (service, name), before, after, last } => {
            let place =
                last.as_ref().map_or_else(String::new, |last| format!(", more often ending after {last}"));
            format!("{service} {name} makes {after:.2} calls a request, {before:.2} before{place}")
        }
        Finding::Errors { operation, before, after } => {
            format!("errors began in {:.1} % of {operation}, {:.1} % before", 100.0 * after, 100.0 * before)
        }
    }
}

/// A time in nanoseconds with a unit that suits it.
pub(super) fn duration(nanoseconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "s"), (1e6, "ms"), (1e3, "us")];
    let unit = UNITS.into_iter().find(|(size, _)| nanoseconds >= *size);
    unit.map_or_else(
        || format!("{nanoseconds:.0} ns"),
        |(size, name)| format!("{:.1} {name}", nanoseconds / size),
    )
}
