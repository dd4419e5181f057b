//! What a worker tells the others of its proxy, and hears from them.

use super::sign::{Account, Detail, Sign};
use super::{HABITS_KEY, Worker, fellows};
use crate::host::Host;
use crate::links::Habits;

impl Worker {
    /// Opens or closes the books, as what is known of the workload asks for; the others are told. Where they cannot be,
    /// the books stay open.
    pub(super) fn regard_habits(&mut self, host: &mut impl Host, now_unix_ns: u64) {
        let can_tell = self.sign.is_some() && !self.fellows.are_crowded();
        let are_needed = !can_tell || self.books.are_needed(&self.habits, now_unix_ns);
        let has_changed = if are_needed { self.books.open() } else { self.books.close() };
        if has_changed && !self.fellows.leave_this_alone() {
            self.publish(host);
        }
    }

    /// Tells the other workers what is in flight here, if there are any who want to know.
    pub(super) fn tell_of_change(&self, host: &mut impl Host) {
        if self.books.are_kept() && !self.fellows.leave_this_alone() {
            self.publish(host);
        }
    }

    pub(super) fn publish(&self, host: &mut impl Host) {
        let Some(sign) = &self.sign else { return };
        let is_unread = !self.books.are_kept() || self.fellows.leave_this_alone();
        let detail = if is_unread { Detail::Number } else { Detail::All };
        let account = Account { requests: &self.requests, detail, has_all_ids: self.books.are_whole() };
        sign.publish(host, account);
    }

    pub(super) fn keep_sign(&mut self, host: &mut impl Host) {
        if self.sign.as_ref().is_some_and(|sign| sign.is_kept(host)) {
            self.publish(host);
            return;
        }
        // The others took this worker for dead, or there was no room so far.
        self.sign = Sign::take(host);
        self.publish(host);
        fellows::announce_change(host);
    }

    /// Looks at every key. When this worker turns out not to be alone any more, it tells the others all it knows.
    pub(super) fn look_around(&mut self, host: &mut impl Host) {
        let was_alone = self.fellows.leave_this_alone();
        let now_ns = host.monotonic_ns();
        self.fellows.look(host, self.sign.as_ref().map(Sign::number), now_ns);
        match (was_alone, self.fellows.leave_this_alone()) {
            (true, false) => {
                // First the ids, then the word that they are there.
                if !self.own_table.hand_over(host) {
                    self.books.lost_some();
                }
                self.publish(host);
            }
            (false, true) => self.own_table.fetch(host),
            (true, true) | (false, false) => {}
        }
    }

    pub(super) fn share_habits(&mut self, host: &mut impl Host) {
        let value = host.shared_value(HABITS_KEY);
        if let Some(theirs) = Habits::decode(&value.bytes) {
            self.habits.merge(&theirs);
        }
        let bytes = self.habits.encode();
        // Whoever loses the race tries again with the next turn of the timer.
        if bytes != value.bytes {
            let _ = host.set_shared_value(HABITS_KEY, &bytes, value.version);
        }
    }
}
