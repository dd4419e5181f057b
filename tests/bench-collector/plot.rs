//! The settled figures as bars, with goals, and with what was measured of others.

use std::fmt::Write as _;

use anyhow::Result;

use crate::report::Results;

const WIDTH: f64 = 720.0;
const ROW: f64 = 26.0;
const LEFT: f64 = 270.0;
const RIGHT: f64 = 80.0;
/// Spans per CPU-second at the right end.
const MOST: f64 = 350_000.0;

/// Measured by hand, as the page says.
const OTHERS: [(&str, f64); 4] = [
    ("VictoriaTraces, HTTP (not in this run)", 50_600.0),
    ("Tempo 3, HTTP (not in this run)", 27_600.0),
    ("OTel Collector to nothing, HTTP (not in this run)", 261_000.0),
    ("OTel Collector to nothing, gRPC (not in this run)", 341_000.0),
];

pub(crate) fn write(results: &Results) -> Result<String> {
    let own = results.runs.iter().map(|run| {
        let goal = run.goal.replace(',', "").parse::<f64>().ok();
        (run.name, run.spans / run.settled_cpu_s, goal, "#1f77b4")
    });
    let peers = results.runs.iter().zip(&results.peers);
    let peers: Vec<(String, f64)> = peers
        .map(|(run, peer)| (format!("rotel to nothing, {}", short(run.name)), peer.spans / peer.cpu_s))
        .collect();
    let beside = peers.iter().map(|(name, figure)| (name.as_str(), *figure, None, "#ff7f0e"));
    let others = OTHERS.into_iter().map(|(name, figure)| (name, figure, None, "#bbbbbb"));
    let rows: Vec<_> = own.chain(beside).chain(others).collect();
    let height = ROW * (rows.len() as f64 + 1.5);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"16\">spans per CPU-second, settled; the line is the goal</text>\n"
    );
    for (number, (name, figure, goal, colour)) in rows.into_iter().enumerate() {
        let top = ROW * (number as f64 + 1.0);
        let (end, middle) = (x(figure), top + ROW * 0.65);
        writeln!(svg, "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>", LEFT - 6.0)?;
        writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            top + 4.0,
            end - LEFT,
            ROW - 8.0
        )?;
        writeln!(svg, "<text x=\"{:.1}\" y=\"{middle:.1}\">{figure:.0}</text>", end + 6.0)?;
        if let Some(goal) = goal {
            let goal = x(goal);
            writeln!(svg, "<path d=\"M{goal:.1} {top:.1}v{ROW}\" stroke=\"#d62728\" stroke-width=\"2\"/>")?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// Protocol and connections, without the batches.
fn short(load: &str) -> &str {
    load.rsplit_once(',').map_or(load, |(short, _)| short)
}

fn x(figure: f64) -> f64 {
    LEFT + (figure / MOST).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}
