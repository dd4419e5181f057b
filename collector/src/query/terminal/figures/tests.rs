//! What is printed of answers, and the exit code when there is nothing.

use super::super::tests::{http, server};
use super::*;

const COUNTED: &str = r#""calls":12,"errors":3,"p50_ns":1200000,"p95_ns":48000000,"p99_ns":null,"slowest":null,"slowest_error":null"#;

fn graph_options(server: &str, output: ListOutput) -> GraphOptions {
    let server = ServerOption { server: server.to_owned() };
    GraphOptions {
        service: Some("cart".to_owned()),
        window: WindowOptions { since: Some("1h".to_owned()), until: None },
        server,
        output,
    }
}

#[test]
fn prints_edges_with_their_counts() {
    let edge = |client: &str, appeared: bool, links: &str| {
        format!(
            r#"{{"client":{client},"server":"cart","requests":12,"errors":3,"p50_ns":1200000,"p95_ns":48000000,"p99_ns":null,
            "client_p50_ns":null,"client_p99_ns":null,"one_sided":0,{links},"appeared":{appeared},"slowest":null,
            "slowest_error":null,"routes":[]}}"#
        )
    };
    let body = format!(
        r#"{{"since_unix_s":60,"until_unix_s":120,"nodes":[],"edges":[{},{}],
        "vanished":[{{"client":"front","server":"old","requests_before":7}}]}}"#,
        edge("null", false, r#""links":{"propagated":12},"link_confidence":{"lowest":1,"mean":1}"#),
        edge(
            "\"front\"",
            true,
            r#""links":{"none":2,"propagated":4,"sole":6},"link_confidence":{"lowest":0.999,"mean":0.9994}"#
        )
    );
    let (url, answering) = server(http("200 OK", &body));
    let mut printed = Vec::new();
    print_graph(&graph_options(&url, ListOutput::Table), &mut printed).unwrap();
    assert_eq!(answering.join().unwrap(), "GET /api/v1/graph?service=cart&since=1h HTTP/1.1");
    let printed = String::from_utf8(printed).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "CALLER                     CALLED                        CALLS   ERRORS      P50      P95      P99 CHANGE   LINKS",
            "(outside)                > cart                             12        3  1.20 ms  48.0 ms        -          propagated",
            "front                    > cart                             12        3  1.20 ms  48.0 ms        - appeared propagated 4, sole 6 (99.9 % certain), none 2",
            "front                    > old                      vanished, 7 calls in the window before",
        ]
    );
}

#[test]
fn sorts_operations_and_cuts_the_list() {
    let one = |name: &str, errors: u64| {
        let counted = COUNTED.replace("\"errors\":3", &format!("\"errors\":{errors}"));
        format!("{{\"service\":\"cart\",\"kind\":\"server\",\"name\":\"{name}\",{counted}}}")
    };
    let body = format!("{{\"operations\":[{},{},{}]}}", one("a", 1), one("b", 7), one("c", 3));
    let (url, answering) = server(http("200 OK", &body));
    let GraphOptions { service, window, server, output } = graph_options(&url, ListOutput::Ndjson);
    let options = TopOptions { service, window, sort: Sort::Errors, limit: 2, watch: None, server, output };
    let mut printed = Vec::new();
    print_top(&options, &mut printed).unwrap();
    answering.join().unwrap();
    let names: Vec<Value> = String::from_utf8(printed)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone())
        .collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn prints_services_and_says_when_there_are_none() {
    let print = |body: &str| {
        let (url, answering) = server(http("200 OK", body));
        let options = ServicesOptions { server: ServerOption { server: url }, output: ListOutput::Table };
        let mut printed = Vec::new();
        let outcome = print_services(&options, &mut printed);
        answering.join().unwrap();
        (String::from_utf8(printed).unwrap(), outcome.map_err(|error| error.exit_code()))
    };
    assert_eq!(
        print("{\"services\":[\"cart\",\"a\\u001b[2J\"]}"),
        ("cart\na\u{fffd}[2J\n".to_owned(), Ok(()))
    );
    assert_eq!(print("{\"services\":[]}"), (String::new(), Err(1)));
}

#[test]
fn takes_pauses_that_leave_the_server_alone() {
    assert_eq!(pause("2s"), Ok(Duration::from_secs(2)));
    assert!(pause("1ms").is_err() && pause("often").is_err());
}

#[test]
fn the_help_of_top_speaks_of_operations() {
    let mut command = <TopOptions as clap::Args>::augment_args(clap::Command::new("top"));
    let help = command.render_long_help().to_string();
    assert!(help.contains("Only operations of this service") && !help.contains("edges"), "{help}");
}
