//! The command `throughline`: serves as the collector, and asks a running one.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use throughline::config::{ConfigError, ServeOptions};
use throughline::query::terminal::{
    self, BACKTEST_HELP, BacktestOptions, EXIT_CODES, SearchOptions, TailOptions, TraceOptions,
};

const SERVE_EXIT_CODES: &str =
    "Exit codes: 0 stopped when asked to, 2 wrong usage or configuration, 3 failed";

/// Distributed tracing for service meshes: the collector and its command line
#[derive(Parser)]
#[command(name = "throughline", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the collector: take spans in, keep them, answer questions about them
    #[command(after_help = SERVE_EXIT_CODES)]
    Serve(ServeOptions),
    /// Print one trace as a tree
    #[command(after_help = EXIT_CODES)]
    Trace(TraceOptions),
    /// Print the newest traces that match
    #[command(after_help = EXIT_CODES)]
    Search(SearchOptions),
    /// Print each trace as soon as it has been quiet for a second
    #[command(after_help = EXIT_CODES)]
    Tail(TailOptions),
    /// Replay counts from a file through the error-rate detector and print the episodes it would have raised
    #[command(after_help = BACKTEST_HELP)]
    Backtest(BacktestOptions),
}

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Serve(options) => match throughline::app::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::from(if error.is::<ConfigError>() { 2 } else { 3 })
            }
        },
        Command::Trace(options) => terminal::show_trace(&options),
        Command::Search(options) => terminal::search_traces(&options),
        Command::Tail(options) => terminal::tail_traces(&options),
        Command::Backtest(options) => terminal::backtest(&options),
    }
}
