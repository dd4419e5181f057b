//! Bytes of a fuzzer, taken as choices, numbers and texts; when they are used up, everything is zero and empty.

pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// One of the choices, of which there is at least one.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// A length, then as many bytes; a first byte of 0xff makes a value of some kilobytes.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte());
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        if length == 0xff && !taken.is_empty() { taken.repeat(40) } else { taken.to_vec() }
    }
}
