//! The store in memory fulfils the contract of every store.

use super::*;
use crate::store::contract;

#[tokio::test]
async fn fulfils_the_contract() {
    contract::check_all(|| Arc::new(MemoryStore::new())).await;
}
