//! What every store must do, with blocks in servers that speak the protocols of the clouds.

mod azurite;
mod moto;

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

static PREFIXES: AtomicU64 = AtomicU64::new(0);

#[tokio::test]
async fn fulfils_the_contract_with_blocks_in_a_folder() {
    let setup = Setup::new();
    contract::check_all(|| {
        let url = format!("{}/{}", setup.object_store().url, PREFIXES.fetch_add(1, Ordering::Relaxed));
        StoreInFolder::with_objects(ObjectStoreConfig { url, ..setup.object_store() })
    })
    .await;
}

#[tokio::test]
async fn fulfils_the_contract_with_blocks_in_s3() {
    let server = moto::Moto::start();
    contract::check_all(|| StoreInFolder::with_objects(server.object_store())).await;
}

#[tokio::test]
async fn fulfils_the_contract_with_blocks_in_azure() {
    let server = azurite::Azurite::start();
    contract::check_all(|| StoreInFolder::with_objects(server.object_store())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_blocks_go_to_s3_and_come_back_in_parts() {
    let server = moto::Moto::start();
    check_large_block(server.object_store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_blocks_go_to_azure_and_come_back_in_parts() {
    let server = azurite::Azurite::start();
    check_large_block(server.object_store()).await;
}

/// The mark of the owner is made only where there is none, which each cloud says in its own words.
#[tokio::test]
async fn a_prefix_of_azure_belongs_to_one_collector() {
    let server = azurite::Azurite::start();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let object_store = Some(server.object_store());
    let (_, store) = open(Config { object_store: object_store.clone(), ..config(first.path()) });
    let refused = failure_to_open(Config { object_store, ..config(second.path()) });
    assert!(refused.contains("belongs to another collector"), "{refused}");
    drop(store);
}

/// A block of several parts goes up and comes back as it was.
async fn check_large_block(object_store: ObjectStoreConfig) {
    let folder = tempfile::tempdir().unwrap();
    let object_store = Some(object_store);
    let (counters, store) =
        open(Config { object_store, block_max_spans: 240, linger: Duration::ZERO, ..config(folder.path()) });
    // Nothing that zstd could make small.
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(33 + (seed >> 57) as u8 % 90)
    };
    let mut spans = Vec::new();
    for trace in 1..=240 {
        let name: String = (0..60_000).map(|_| noise()).collect();
        spans.push(Span { name, ..span(trace, 1, "cart", 100 + trace) });
    }
    for span in &spans {
        keep(&store, vec![span.clone()]).await;
    }
    wait_until("the block is uploaded", || store.object_store().unwrap().blocks_uploaded == 1);
    assert!(store.shared.snapshot().blocks[0].bytes() > 8 << 20, "one part would do");
    wait_until("the block left the disk", || store.stats().bytes_on_disk == 0);
    for span in &spans {
        let found = store.trace(span.trace_id).unwrap();
        assert!(*found[0] == *span, "a span came back different");
    }
    assert!(counters.blocks_fetched.get() > 0);
}
