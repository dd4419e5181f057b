//! The queue is bounded, and work that panics takes nothing with it.

use std::sync::mpsc;

use super::*;

#[tokio::test]
async fn refuses_what_does_not_fit_the_queue_and_recovers() {
    let workers = Workers::with_limits(1, 0);
    let (finish, finished) = mpsc::channel::<()>();
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let first = workers.run(move || {
        began.send(()).unwrap();
        finished.recv().unwrap();
        Ok(1)
    });
    let second = async {
        has_begun.await.unwrap();
        let refused = workers.run(|| Ok(2)).await;
        finish.send(()).unwrap();
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, Ok(1));
    assert_eq!(second.unwrap_err().status, axum::http::StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(workers.run(|| Ok(3)).await, Ok(3));
}

#[tokio::test]
async fn survives_work_that_panics() {
    let workers = Workers::with_limits(1, 0);
    let failed = workers.run::<(), _>(|| panic!("on purpose")).await;
    assert_eq!(failed.unwrap_err().status, axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(workers.run(|| Ok(3)).await, Ok(3));
}
