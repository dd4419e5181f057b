//! Ports are handed out once, and only when nobody listens there.

use std::collections::BTreeSet;
use std::net::TcpListener;

use super::{free_port, is_free};

#[test]
fn hands_out_each_port_once() {
    let ports: BTreeSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
    assert_eq!(ports.len(), 50);
    assert!(ports.iter().all(|port| *port < 32_768), "{ports:?}");
}

#[test]
fn a_port_with_a_listener_is_not_free() {
    let port = free_port().unwrap();
    assert!(is_free(port));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert!(!is_free(port));
    drop(listener);
}
