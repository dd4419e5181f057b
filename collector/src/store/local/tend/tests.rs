//! What is merged and what goes, as tables.

use super::*;

const HOUR_NS: u64 = 3_600_000_000_000;

fn block(rows: u64, hours: u64, services: &[&str]) -> Facts {
    Facts {
        rows,
        bytes: rows * 10,
        newest_unix_ns: hours * HOUR_NS,
        services: services.iter().map(|service| (*service).to_owned()).collect(),
        has_more_services: false,
    }
}

fn config() -> Config {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    Config {
        retention: hours(80),
        block_max_spans: 100,
        retention_by_service: [("short".to_owned(), hours(10)), ("long".to_owned(), hours(200))].into(),
        ..Config::default()
    }
}

#[test]
fn runs_of_small_neighbours_are_merged() {
    for (rows, expected) in [
        (vec![100, 100, 100], None),
        (vec![100, 100, 100, 100], Some(0..4)),
        (vec![100, 100, 100, 100, 100], Some(0..4)),
        (vec![400, 100, 100, 100, 100], Some(1..5)),
        (vec![100, 100, 400, 100, 100], None),
        (vec![10; 40], Some(0..32)),
        (vec![150, 150, 50, 50, 50], Some(0..4)),
        (vec![200, 200, 100, 100, 100, 100], Some(2..6)),
        (vec![100, 100, 100, 1], None),
        (vec![100, 1, 1, 1, 1], Some(1..5)),
        (vec![40, 1, 40, 1, 40, 1, 40], Some(0..7)),
    ] {
        let blocks: Vec<Facts> = rows.iter().map(|rows| block(*rows, 1, &[])).collect();
        assert_eq!(next_merge(&blocks, &config()), expected, "{rows:?}");
    }
}

#[test]
fn blocks_far_apart_in_time_are_not_merged() {
    let blocks = |hours: [u64; 4]| hours.map(|hours| block(100, hours, &[]));
    assert_eq!(next_merge(&blocks([1, 4, 8, 11]), &config()), Some(0..4));
    assert_eq!(next_merge(&blocks([1, 4, 8, 12]), &config()), None);
}

#[test]
fn age_decides_for_each_service() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (services, age_hours, expected) in [
        (vec!["a", "b"], 79, Retention::Keep),
        (vec!["a", "b"], 81, Retention::Remove),
        (vec!["a", "short"], 9, Retention::Keep),
        (vec!["a", "short"], 11, Retention::Without(set(&["short"]))),
        (vec!["short"], 11, Retention::Remove),
        (vec!["a", "long", "short"], 81, Retention::Without(set(&["a", "short"]))),
        (vec!["long"], 199, Retention::Keep),
        (vec!["long"], 201, Retention::Remove),
    ] {
        let found = by_age(&block(1, 1_000, &services), &config(), (1_000 + age_hours) * HOUR_NS);
        assert_eq!(found, expected, "{services:?} after {age_hours} h");
    }
}

#[test]
fn services_that_are_not_listed_have_the_common_retention() {
    let many = Facts { has_more_services: true, ..block(1, 1_000, &["short"]) };
    let after = |hours: u64| by_age(&many, &config(), (1_000 + hours) * HOUR_NS);
    assert_eq!(after(11), Retention::Without(["short".to_owned()].into()));
    assert_eq!(after(81), Retention::Remove);
}

#[test]
fn the_oldest_go_until_the_rest_fits() {
    let blocks = [block(10, 3, &[]), block(20, 1, &[]), block(30, 2, &[])];
    for (max_bytes, expected) in [
        (None, vec![]),
        (Some(600), vec![]),
        (Some(599), vec![1]),
        (Some(399), vec![1, 2]),
        (Some(0), vec![1, 2, 0]),
    ] {
        let config = Config { max_block_bytes: max_bytes, ..config() };
        assert_eq!(by_bytes(&blocks, &config), expected, "{max_bytes:?}");
    }
}
