//! The commands as people and scripts meet them: exit codes as their help names them, formats, colours, completion. And what
//! other clients ask.

mod clients;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::artefacts;
use harness::collector::{Collector, Ports};
use harness::described;
use harness::generator::{Generator, Shape, now_unix_ns};
use harness::http::Client;
use harness::run_directory::RunDirectory;
use harness::wait;
use serde_json::Value as Json;
use throughline_model::otlp::HTTP_CONTENT_TYPE;

use crate::runner::{Fixture, Runner, scenario};

const DEADLINE: Duration = Duration::from_secs(60);
/// Some of the spans are in blocks, and some in the live window.
const SMALL_BLOCKS: &str = "storage: {block: {max_spans: 150}}\n";
/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1";

/// A collector that has some traces.
struct Asked {
    // Ends before its folder goes.
    collector: Collector,
    run: RunDirectory,
    ports: Ports,
    generator: Generator,
}

impl Fixture for Asked {
    fn keep_run(&self) -> String {
        self.run.keep().display().to_string()
    }
}

pub(crate) fn run(runner: &mut Runner) {
    runner.group(
        "a collector and the command line",
        start,
        &[
            scenario("commands_end_with_the_codes_that_their_help_names", exit_codes),
            scenario("answers_of_the_api_are_as_described", described),
            scenario("grafana_and_kiali_are_answered_as_by_jaeger_and_tempo", clients::grafana_and_kiali),
            scenario("answers_are_tables_json_and_lines_of_json", formats),
            scenario("colours_are_for_terminals_and_no_color_takes_them_away", colours),
            scenario("bash_completes_commands_flags_and_values", completions),
        ],
    );
}

fn start() -> Result<Asked> {
    let (run, ports) = (RunDirectory::create()?, Ports::free()?);
    let generator = Generator::new(Shape::Together(3), now_unix_ns())?;
    let collector = Collector::start_with_settings(ports, &run, "asked", SMALL_BLOCKS)?;
    let asked = Asked { collector, run, ports, generator };
    (0..4).try_for_each(|set| asked.send(set))?;
    // Calls are counted once both ends are known.
    wait::until(
        "the calls are counted",
        DEADLINE,
        || Ok((asked.code(&["graph"])? == Some(0)).then_some(())),
    )?;
    Ok(asked)
}

impl Asked {
    fn send(&self, set: u64) -> Result<()> {
        let template = self.generator.template(set, 0).context("one sender")?;
        let mut message = template.bytes.clone();
        template.patch(&mut message, self.generator.salt(set), now_unix_ns());
        let headers = [("content-type", HTTP_CONTENT_TYPE)];
        let answer = Client::new().request("POST", &self.collector.otlp_http_url(), &headers, &message)?;
        ensure!(answer.status == 200, "a batch got {}", answer.status);
        Ok(())
    }

    fn trace_id(&self) -> String {
        self.generator.trace_ids(0)[0].to_hex()
    }

    fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(artefacts::collector()?);
        command.args(words).env("THROUGHLINE_SERVER", self.collector.url());
        Ok(command)
    }

    fn code(&self, words: &[&str]) -> Result<Option<i32>> {
        Ok(self.command(words)?.output()?.status.code())
    }

    /// Fails unless the command ends with this code and tells these words.
    fn check(&self, words: &[&str], code: i32, told: &str) -> Result<()> {
        let Output { status, stdout, stderr } = self.command(words)?.output()?;
        let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        ensure!(status.code() == Some(code), "{words:?} ends with {status} and not {code}: {text}");
        ensure!(text.contains(told), "{words:?} does not tell `{told}`: {text}");
        Ok(())
    }
}

/// Every code that a help names, 0 to 3.
fn exit_codes(asked: &mut Asked) -> Result<()> {
    let (trace_id, broken) = (asked.trace_id(), asked.run.join("broken.yaml"));
    std::fs::write(&broken, "storage:\n  retenton: 7d\n")?;
    let broken = broken.to_str().context("a path that is text")?;
    let taken = format!("127.0.0.1:{}", asked.ports.http);
    let data = asked.run.join("data-of-another");
    let data = data.to_str().context("a path that is text")?;
    let unknown = "0123456789abcdef0123456789abcdef";
    let cases: [(&[&str], i32, &str); 29] = [
        (&["search"], 0, "gateway"),
        (&["search", "--service", "nobody"], 1, "no trace"),
        (&["search", "-q", "{ oops }"], 2, "column 3"),
        (&["search", "--limt", "1"], 2, "--limit"),
        (&["search", "--server", NOBODY], 3, "cannot be reached"),
        (&["trace", &trace_id], 0, &trace_id),
        (&["trace", unknown], 1, "not known"),
        (&["trace", "0123"], 2, "32 hexadecimal digits"),
        (&["trace", unknown, "--server", NOBODY], 3, "cannot be reached"),
        (&["tail", "--limit", "0"], 2, "--limit"),
        (&["tail", "--link", "guess"], 2, "propagated"),
        (&["top"], 0, "gateway"),
        (&["top", "--since", "soon"], 2, "write an age such as 15m"),
        (&["top", "--service", "nobody"], 1, "no spans in this time"),
        (&["top", "--server", NOBODY], 3, "cannot be reached"),
        (&["services"], 0, "gateway"),
        (&["services", "--output", "yaml"], 2, "ndjson"),
        (&["services", "--server", NOBODY], 3, "cannot be reached"),
        (&["graph"], 0, "gateway"),
        (&["graph", "--service", "nobody"], 1, "no calls in this time"),
        (&["graph", "--server", NOBODY], 3, "cannot be reached"),
        (&["config", "print"], 0, "retention: 7d"),
        (&["config", "schema"], 0, "json-schema.org"),
        (&["config", "validate"], 0, "usable"),
        (&["config", "validate", "--config", broken], 2, "line 2"),
        (&["serve", "--config", broken], 2, "`storage.retention`"),
        (
            &["serve", "--data-dir", data, "--http", &taken, "--otlp-grpc", &taken],
            3,
            "in use by another process",
        ),
        (&["completions", "tcsh"], 2, "fish"),
        (&["serach"], 2, "search"),
    ];
    for (words, code, told) in cases {
        asked.check(words, code, told)?;
    }
    for command in ["search", "trace", "tail", "top", "services", "graph", "config", "serve"] {
        asked.check(&[command, "--help"], 0, "Exit codes: 0")?;
    }
    println!("  {} questions end with the codes that their help names", cases.len());
    Ok(())
}

/// What the commands are made of: real answers over the network, errors among them, are as the OpenAPI document has them.
fn described(asked: &mut Asked) -> Result<()> {
    let trace = format!("traces/{}", asked.trace_id());
    let good =
        ["traces", "services", "operations", "edges", "graph", "status", "alerts", "alert-rules", "silences"];
    let of_groups =
        ["critical-path", "explain?errors=true", "completeness", "doctor/propagation", "suspects", "compare"];
    let of_one =
        [trace.clone(), format!("{trace}/hops"), format!("{trace}/critical-path"), format!("{trace}?x=y")];
    let bad = ["traces?limit=0", "traces?q=%7Boops", "tail?limit=1", "alerts/0", "traces/0123", "traces/%ff"];
    let others = ["/metrics", "/healthz", "/readyz", "/api/openapi.json"].map(str::to_owned);
    let own = good.into_iter().chain(of_groups).chain(bad).map(str::to_owned).chain(of_one);
    let paths: Vec<String> = own.map(|path| format!("/api/v1/{path}")).chain(others).collect();
    described::hold(&asked.collector.url(), &paths)?;
    println!("  {} answers are as the OpenAPI document has them", paths.len());
    Ok(())
}

/// `-o json` is one JSON value, `-o ndjson` one a line, and a table is neither.
fn formats(asked: &mut Asked) -> Result<()> {
    let trace_id = asked.trace_id();
    let commands: [&[&str]; 5] = [&["search"], &["trace", &trace_id], &["top"], &["services"], &["graph"]];
    for words in commands {
        let ask = |format: &str| -> Result<String> {
            let output = asked.command(words)?.args(["-o", format]).output()?;
            ensure!(output.status.success(), "{words:?} -o {format}: {}", output.status);
            Ok(String::from_utf8(output.stdout)?)
        };
        serde_json::from_str::<Json>(&ask("json")?).with_context(|| format!("{words:?} -o json"))?;
        let lines = ask("ndjson")?;
        ensure!(!lines.is_empty(), "{words:?} -o ndjson prints nothing");
        for line in lines.lines() {
            serde_json::from_str::<Json>(line).with_context(|| format!("{words:?} -o ndjson: {line}"))?;
        }
        let table = ask("table")?;
        ensure!(table.lines().count() > 1 && serde_json::from_str::<Json>(&table).is_err(), "{table}");
    }
    let mut tail = asked.command(&["tail", "--limit", "1", "-o", "ndjson"])?;
    let mut tail = tail.stdout(Stdio::piped()).spawn()?;
    let mut set = 10;
    let end = wait::until("the tail tells a trace", DEADLINE, || {
        asked.send(set)?;
        set += 1;
        Ok(tail.try_wait()?)
    });
    if end.is_err() {
        tail.kill()?;
    }
    end?;
    let told = tail.wait_with_output()?;
    let line: Json = serde_json::from_slice(&told.stdout).context("what the tail told")?;
    ensure!(told.status.success() && line["trace_id"].is_string(), "{line}");
    println!("  search, trace, top, services, graph and tail print tables, JSON and lines of JSON");
    Ok(())
}

/// A terminal gets colours unless `NO_COLOR` is set; what reads a pipe never gets any.
fn colours(asked: &mut Asked) -> Result<()> {
    let words = format!("'{}' trace {}", artefacts::collector()?.display(), asked.trace_id());
    // `script` gives its command a terminal.
    let on_terminal = |no_color: Option<&str>, term: &str| -> Result<bool> {
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &words, "/dev/null"]).stdin(Stdio::null());
        command.env("THROUGHLINE_SERVER", asked.collector.url()).env("TERM", term).env_remove("NO_COLOR");
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let output = command.output().context("run script, of Debian's bsdutils")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success() && text.contains("gateway"), "{}: {text}", output.status);
        Ok(text.contains('\u{1b}'))
    };
    ensure!(on_terminal(None, "xterm")?, "a terminal gets no colours");
    ensure!(on_terminal(Some(""), "xterm")?, "an empty NO_COLOR asks for nothing");
    ensure!(!on_terminal(Some("1"), "xterm")?, "NO_COLOR=1 gets colours");
    ensure!(!on_terminal(None, "dumb")?, "a dumb terminal gets colours");
    let piped = asked.command(&["trace", &asked.trace_id()])?.env_remove("NO_COLOR").output()?;
    ensure!(!String::from_utf8_lossy(&piped.stdout).contains('\u{1b}'), "a pipe gets colours");
    println!("  a terminal gets colours, and none with NO_COLOR=1, TERM=dumb or in a pipe");
    Ok(())
}

/// Bash itself completes by the script that is printed for it.
fn completions(asked: &mut Asked) -> Result<()> {
    let complete = |words: &str, place: usize| -> Result<String> {
        let script = format!(
            "source <(\"$0\" completions bash) && COMP_WORDS=({words}) COMP_CWORD={place} \
             && _throughline throughline \"${{COMP_WORDS[{place}]}}\" \"${{COMP_WORDS[{place} - 1]}}\" && echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").arg("-c").arg(script).arg(artefacts::collector()?).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    for (words, place, expected) in [
        ("throughline se", 1, "serve search services"),
        ("throughline config ''", 2, "print"),
        ("throughline search --min-de", 2, "--min-depth"),
        ("throughline search -o ''", 3, "table json ndjson"),
    ] {
        let found = complete(words, place)?;
        ensure!(expected.split(' ').all(|word| found.split(' ').any(|one| one == word)), "{words}: {found}");
    }
    for (shell, mark) in [("zsh", "#compdef throughline"), ("fish", "complete -c throughline")] {
        asked.check(&["completions", shell], 0, mark)?;
    }
    println!("  bash completes commands, flags and values; zsh and fish get scripts too");
    Ok(())
}
