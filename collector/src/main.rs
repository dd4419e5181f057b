//! The command `throughline`: serves as the collector, and asks a running one.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use throughline::config::{ConfigCommand, ConfigError, ServeOptions};
use throughline::query::localise::{self, LocaliseOptions};
use throughline::query::terminal::{
    self, AlertsOptions, BACKTEST_HELP, BacktestOptions, DIFF_EXIT_CODES, DOCTOR_HELP, DiffOptions,
    DoctorOptions, EXIT_CODES, GraphOptions, GroupOptions, RulesCommand, SearchOptions, ServicesOptions,
    SuspectsOptions, TailOptions, TopOptions, TraceOptions, VERIFY_HELP, VerifyOptions,
};

/// Ingest frees on one thread what another one allocated, by the million: decision 026.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONFIG_EXIT_CODES: &str = "Exit codes: 0 usable, 2 wrong usage or configuration, 3 failed";

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
    /// Print each trace as soon as it has been quiet for a second, or for three where it lacks something
    #[command(after_help = EXIT_CODES)]
    Tail(TailOptions),
    /// Print the operations with the most errors, calls or time
    #[command(after_help = EXIT_CODES)]
    Top(TopOptions),
    /// Print the names of all services
    #[command(after_help = EXIT_CODES)]
    Services(ServicesOptions),
    /// Print the calls between services
    #[command(after_help = EXIT_CODES)]
    Graph(GraphOptions),
    /// Print alerts, those that fire first; with an id, what is known of that one
    #[command(after_help = EXIT_CODES)]
    Alerts(AlertsOptions),
    /// Check alert rules, and test who is told
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Replay counts from a file through the error-rate detector and print the episodes it would have raised
    #[command(after_help = BACKTEST_HELP)]
    Backtest(BacktestOptions),
    /// Rank services by how much they explain what changed between two times; reads files, asks no collector
    #[command(after_help = localise::EXIT_CODES)]
    Localise(LocaliseOptions),
    /// Print where the time of many traces went: their critical paths added up, as a tree with shares
    #[command(after_help = EXIT_CODES)]
    CriticalPath(GroupOptions),
    /// Print what sets traces apart, such as those with errors, from the others of their service and time
    #[command(after_help = EXIT_CODES)]
    Explain(GroupOptions),
    /// Rank services and edges by how much they explain what changed since a time before; asks a collector
    #[command(after_help = EXIT_CODES)]
    Suspects(SuspectsOptions),
    /// Print how many of the spans that were due arrived, and why the others did not
    #[command(after_help = EXIT_CODES)]
    Completeness(GroupOptions),
    /// Compare two groups of traces: times or versions; fails on a regression
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff(DiffOptions),
    /// Send one marked request into the mesh, follow it hop by hop, and say what is missing and why
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyOptions),
    /// Look at proxies and the collector, and say what is wrong and what to do about it
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorOptions),
    /// Look at a configuration without starting anything
    #[command(subcommand, after_help = CONFIG_EXIT_CODES)]
    Config(ConfigCommand),
    /// Print the script with which a shell completes commands and flags
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("the output cannot be written: {error}");
            ExitCode::from(3)
        }
        _ => ExitCode::SUCCESS,
    }
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
        Command::Top(options) => terminal::show_top(&options),
        Command::Services(options) => terminal::list_services(&options),
        Command::Graph(options) => terminal::show_graph(&options),
        Command::Alerts(options) => terminal::show_alerts(&options),
        Command::Rules(command) => terminal::work_on_rules(&command),
        Command::Backtest(options) => terminal::backtest(&options),
        Command::Verify(options) => terminal::verify(&options),
        Command::Doctor(options) => terminal::doctor(&options),
        Command::Config(command) => match command.run() {
            Ok(text) => print(text.as_bytes()),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        },
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut CommandLine::command(), "throughline", &mut script);
            print(&script)
        }
        Command::Localise(options) => localise::localise(&options),
        Command::Diff(options) => terminal::diff(&options),
        Command::CriticalPath(options) => terminal::show_critical_path(&options),
        Command::Explain(options) => terminal::explain(&options),
        Command::Suspects(options) => terminal::show_suspects(&options),
        Command::Completeness(options) => terminal::show_completeness(&options),
    }
}
