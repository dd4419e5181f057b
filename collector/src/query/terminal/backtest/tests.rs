//! Files that are replayed, and files that are refused.

use std::io::{Read, Write as _};

use super::rows::{self, History};
use super::time::TimeFormat;
use super::{BacktestError, Settings, replay, write_episode};

fn read(text: impl AsRef<[u8]>) -> Result<History, String> {
    rows::read(text.as_ref(), 10, &mut |_| {}).map_err(|error| error.to_string())
}

fn refused(text: impl AsRef<[u8]>) -> String {
    read(text).map(|_| ()).expect_err("it is refused")
}

#[test]
fn columns_stand_in_any_order_and_series_are_interleaved() {
    let history =
        read("\u{feff}errors, series ,label,time,requests\n1,b,x,120,10\n0,a,x,60,5\n2,\"b\",x,60,8.0\r\n")
            .unwrap();
    let found: Vec<_> = history
        .series
        .iter()
        .map(|series| (series.name.as_str(), series.rows.iter().map(|row| row.minute).collect::<Vec<_>>()))
        .collect();
    assert_eq!(found, [("b", vec![1, 2]), ("a", vec![1])]);
}

#[test]
fn times_are_read_in_every_form_and_written_as_they_came() {
    let cases = [
        ("1700000000", "1699999980"),
        ("1700000000.5", "1699999980"),
        ("1700000000000", "1699999980000"),
        ("1700000000000000", "1699999980000000"),
        ("1700000000000000000", "1699999980000000000"),
        ("2023-11-14T22:13:20Z", "\"2023-11-14T22:13:00Z\""),
        ("2023-11-14 22:13:20", "\"2023-11-14T22:13:00Z\""),
        ("2023-11-15T00:13:20.25+02:00", "\"2023-11-14T22:13:00Z\""),
    ];
    for (text, written) in cases {
        let format = TimeFormat::of(text);
        let ms = format.read(text).unwrap_or_else(|| panic!("{text} is read"));
        assert_eq!(ms / 1000, 1_700_000_000, "{text}");
        assert_eq!(format.write(ms / 60_000).to_string(), written, "{text}");
    }
}

#[test]
fn faults_name_line_reason_and_remedy() {
    let cases = [
        ("time,series,requests\n", "line 1: the header has to name the column `errors` once"),
        ("time,time,series,requests,errors\n", "line 1: the header has to name the column `time` once"),
        ("time,series,requests,errors\n60,a,1,0\n120,a,1,2\n", "line 3: 2 errors of 1 requests"),
        ("time,series,requests,errors\n60,a,-1,0\n", "line 2: requests `-1` is not usable"),
        ("time,series,requests,errors\n60,a,NaN,0\n", "line 2: requests `NaN` is not usable"),
        ("time,series,requests,errors\n60,a,inf,0\n", "line 2: requests `inf` is not usable"),
        ("time,series,requests,errors\n60,,1,0\n", "line 2: the series has no name"),
        (
            "time,series,requests,errors\nyesterday,a,1,0\n",
            "line 2: time `yesterday` is not usable: write RFC 3339",
        ),
        (
            "time,series,requests,errors\n60,a,1,0\n2023-01-01T00:00:00Z,a,1,0\n",
            "line 3: time `2023-01-01T00:00:00Z`",
        ),
        ("time,series,requests,errors\n60,a,1,0\n-60,a,1,0\n", "line 3: time `-60` is not usable"),
        ("time,series,requests,errors\n60,a,1\n", "line 2: 3 fields where the header has 4"),
        (
            "time,series,requests,errors\n60,a,1,0\n90,a,1,0\n",
            "line 3: a second row for the minute of line 2 of series `a`",
        ),
        ("", "line 1: the header has to name the column `time` once"),
    ];
    for (text, expected) in cases {
        let told = refused(text);
        assert!(told.contains(expected), "{text:?}: {told}");
    }
    assert!(refused(b"time,series,requests,errors\n60,\xff,1,0\n").contains("line 2: not UTF-8"));
}

#[test]
fn only_the_first_faults_are_told() {
    let rows = "x,a,1,0\n".repeat(1000);
    assert_eq!(refused(format!("time,series,requests,errors\n{rows}")).lines().count(), 10);
}

/// Two days of one series with an outage of half an hour in the third.
fn outage() -> String {
    let mut text = "time,series,requests,errors\n".to_owned();
    for minute in 0..2 * 1440 + 200 {
        let errors = if (2 * 1440 + 60..2 * 1440 + 90).contains(&minute) { 300 } else { 3 + minute % 3 };
        text += &format!("{},checkout,600,{errors}\n", 1_700_006_400 + 60 * minute);
    }
    text
}

#[test]
fn an_outage_is_one_line_of_json() {
    let history = read(outage()).unwrap();
    let episodes = replay(&history.series[0].rows, &Settings::default());
    let mut out = Vec::new();
    for episode in &episodes {
        write_episode(&mut out, "checkout", episode, history.format).unwrap();
    }
    let lines: Vec<serde_json::Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    let fault = 1_700_006_400 + 60 * (2 * 1440 + 60);
    assert_eq!(lines[0]["series"], "checkout");
    assert_eq!(lines[0]["start"], fault);
    assert_eq!(lines[0]["end"], fault + 1800);
    assert_eq!(lines[0]["severity"], "critical");
    assert_eq!(lines[0]["score"], 300.0);
}

#[test]
fn packed_files_are_unpacked_and_damaged_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(outage().as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let whole = folder.path().join("whole.csv.gz");
    std::fs::write(&whole, &packed).unwrap();
    assert_eq!(super::read_history(&whole).unwrap().series.len(), 1);
    let cut = folder.path().join("cut.csv.gz");
    std::fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    assert!(matches!(super::read_history(&cut), Err(BacktestError::Io(_) | BacktestError::Rows(_))));
    let missing = super::read_history(&folder.path().join("missing.csv")).unwrap_err();
    assert!(matches!(missing, BacktestError::Usage(_)));
    assert!(missing.to_string().contains("cannot be opened"), "{missing}");
}

#[test]
fn reading_that_fails_is_no_fault_of_the_file() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk gone"))
        }
    }
    assert!(matches!(rows::read(Broken, 10, &mut |_| {}), Err(BacktestError::Io(_))));
}
