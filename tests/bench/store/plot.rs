//! The times as curves over the number of spans, both axes logarithmic.

use std::fmt::Write as _;

use anyhow::Result;

use crate::measure::Step;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 56.0;
/// 10 microseconds to 10 seconds.
const DECADES_MS: (f64, f64) = (-2.0, 4.0);
/// 10^5 to 10^8 spans.
const DECADES_SPANS: (f64, f64) = (5.0, 8.0);

pub(crate) fn write(steps: &[Step]) -> Result<String> {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for decade in DECADES_MS.0 as i32..=DECADES_MS.1 as i32 {
        let y = y(10f64.powi(decade));
        let label = format!("{} ms", 10f64.powi(decade));
        writeln!(svg, "<path d=\"M{MARGIN} {y:.1}H{:.1}\" stroke=\"#ddd\"/>", WIDTH - MARGIN)?;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            MARGIN - 4.0,
            y + 4.0
        )?;
    }
    for decade in DECADES_SPANS.0 as i32..=DECADES_SPANS.1 as i32 {
        let x = x(10f64.powi(decade));
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">10^{decade} spans</text>",
            HEIGHT - MARGIN + 18.0
        )?;
    }
    type Figure = fn(&Step) -> f64;
    let curves: [(&str, &str, Figure); 5] = [
        ("trace by id, p50", "#1f77b4", |step| step.known.p50_ms),
        ("trace by id, p99", "#aec7e8", |step| step.known.p99_ms),
        ("unknown id, p99", "#2ca02c", |step| step.unknown.p99_ms),
        ("search, p50", "#d62728", |step| step.search.p50_ms),
        ("search, p99", "#ff9896", |step| step.search.p99_ms),
    ];
    for (number, (name, colour, figure)) in curves.into_iter().enumerate() {
        let points: Vec<(f64, f64)> =
            steps.iter().map(|step| (x(step.spans as f64), y(figure(step)))).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        )?;
        for (x, y) in points {
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")?;
        }
        let y = 16.0 + 14.0 * number as f64;
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y:.1}\" fill=\"{colour}\">{name}</text>")?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn x(spans: f64) -> f64 {
    place(spans.log10(), DECADES_SPANS) * (WIDTH - 2.0 * MARGIN) + MARGIN
}

fn y(milliseconds: f64) -> f64 {
    HEIGHT - MARGIN - place(milliseconds.log10(), DECADES_MS) * (HEIGHT - 2.0 * MARGIN)
}

fn place(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}
