//! Colours, widths and units of what is printed; what came from the network cannot steer the terminal.

use std::env;
use std::io::{self, IsTerminal as _};

/// Whether the output takes colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Coloured,
    Plain,
}

impl Paint {
    /// Colours for a terminal, unless `NO_COLOR` asks for none (no-color.org) or the terminal is dumb.
    pub(super) fn for_output() -> Self {
        let is_refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        if io::stdout().is_terminal() && !is_refused && !is_dumb { Self::Coloured } else { Self::Plain }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(super) fn error(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(super) fn success(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(super) fn bar(self, text: &str) -> String {
        self.wrap("36", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Coloured if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Coloured | Self::Plain => text.to_owned(),
        }
    }
}

/// Replaces what could move the cursor, change colours or reverse the reading direction.
pub(super) fn clean(text: &str) -> String {
    let is_unsafe = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|letter| if is_unsafe(letter) { '\u{fffd}' } else { letter }).collect()
}

/// A name from the network, on one line.
pub(super) fn clean_name(name: &str) -> String {
    clean(name).replace('\n', "\u{fffd}")
}

/// Cuts to a width, with a sign that something was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

/// Cuts or fills to exactly this width.
pub(super) fn fit(text: &str, width: usize) -> String {
    format!("{:<width$}", cut(text, width))
}

/// A duration with three digits that count and its unit, at most 8 wide.
pub(super) fn duration(nanoseconds: u64) -> String {
    // The last places of very long times do not matter here.
    let exact = nanoseconds as f64;
    // Each unit ends where rounding would write a thousand of it.
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..999_500 => three_digits(exact / 1e3, "µs"),
        999_500..999_500_000 => three_digits(exact / 1e6, "ms"),
        999_500_000..600_000_000_000 => three_digits(exact / 1e9, "s"),
        600_000_000_000..36_000_000_000_000 => three_digits(exact / 6e10, "min"),
        36_000_000_000_000..3_598_200_000_000_000 => three_digits(exact / 3.6e12, "h"),
        _ => three_digits(exact / 8.64e13, "d"),
    }
}

fn three_digits(number: f64, unit: &str) -> String {
    match number {
        ..9.995 => format!("{number:.2} {unit}"),
        ..99.95 => format!("{number:.1} {unit}"),
        _ => format!("{number:.0} {unit}"),
    }
}

/// A number of things: `1 hop`, `2 hops`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests;
