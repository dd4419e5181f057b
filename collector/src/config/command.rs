//! `throughline config`: looks at a configuration without starting anything.

use clap::{Args, Subcommand, ValueEnum};

use super::environment::ProcessEnvironment;
use super::{ConfigError, ServeOptions, show};

/// What is done with a configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting as it is in effect: defaults, file, variables and flags together
    Print(PrintOptions),
    /// Say whether a configuration is usable, or everything that is wrong with it
    Validate(ServeOptions),
    /// Print the JSON Schema of the file, for editors
    Schema,
}

/// The flags of `throughline config print`.
#[derive(Clone, Debug, Args)]
pub struct PrintOptions {
    #[command(flatten)]
    serve: ServeOptions,
    /// How the settings are printed
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: PrintOutput,
}

/// How settings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PrintOutput {
    /// A file that `--config` takes.
    Yaml,
    /// One JSON object.
    Json,
}

impl ConfigCommand {
    /// The text to print.
    pub fn run(&self) -> Result<String, ConfigError> {
        match self {
            Self::Print(options) => {
                let (written, _) = options.serve.read_with(&ProcessEnvironment)?;
                let yaml = show::in_effect(&written);
                match options.output {
                    PrintOutput::Yaml => Ok(yaml),
                    PrintOutput::Json => Ok(pretty(&show::as_json(&yaml).unwrap_or_default())),
                }
            }
            Self::Validate(options) => {
                options.read_with(&ProcessEnvironment)?;
                Ok("the configuration is usable\n".to_owned())
            }
            Self::Schema => Ok(pretty(&show::schema())),
        }
    }
}

fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}
