//! What is told on a terminal, and when.

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_takes_long_is_told_and_wiped_away() {
    let screen = Screen::default();
    let progress = Progress::told_to(screen.clone(), "searching".to_owned(), Duration::from_millis(1));
    while !screen.text().contains("searching (0 s)") {
        thread::yield_now();
    }
    drop(progress);
    assert!(screen.text().ends_with(WIPE), "{:?}", screen.text());
}

#[test]
fn what_is_fast_is_not_told() {
    let screen = Screen::default();
    drop(Progress::told_to(screen.clone(), "searching".to_owned(), Duration::from_secs(3_600)));
    assert_eq!(screen.text(), "");
}
