//! Memory for the module's many short-lived buffers: freed blocks wait in lists by size and are handed out again in a
//! few instructions, where the allocator below looks for the best fit each time. There is one thread, so no lock.
//!
//! A block stays in the list of its size for good, so the module never holds more than twice the most that was in use
//! at one time in each size.
#![allow(unsafe_code, reason = "an allocator deals in raw memory by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

/// Blocks have 16, 32, ... 4096 bytes; what is larger is left to the system.
const LISTS: usize = 9;
const SMALLEST: usize = 16;
/// What every block is aligned to, as the system's are.
const ALIGNMENT: usize = 8;

#[global_allocator]
static MEMORY: Memory = Memory { free: [const { Cell::new(null_mut()) }; LISTS] };

/// Lists of free blocks by size; each block holds the place of the next.
struct Memory {
    free: [Cell<*mut u8>; LISTS],
}

// SAFETY: a module has one thread.
unsafe impl Sync for Memory {}

impl Memory {
    /// The list for a block, and the size of its blocks; `None` for what the system has to deal with.
    fn list_for(&self, layout: Layout) -> Option<(&Cell<*mut u8>, Layout)> {
        if layout.align() > ALIGNMENT {
            return None;
        }
        let size = layout.size().max(SMALLEST).checked_next_power_of_two()?;
        let list = self.free.get((size / SMALLEST).trailing_zeros() as usize)?;
        Some((list, Layout::from_size_align(size, ALIGNMENT).ok()?))
    }
}

// SAFETY: a block handed out has at least the size and alignment asked for, comes from the system or from a list of
// blocks that were given back, and is in no list while it is in use.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((list, block)) = self.list_for(layout) else { return unsafe { System.alloc(layout) } };
        let first = list.get();
        if first.is_null() {
            return unsafe { System.alloc(block) };
        }
        list.set(unsafe { first.cast::<*mut u8>().read() });
        first
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let Some((list, _)) = self.list_for(layout) else { return unsafe { System.dealloc(place, layout) } };
        unsafe { place.cast::<*mut u8>().write(list.get()) };
        list.set(place);
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else { return null_mut() };
        match (self.list_for(layout), self.list_for(new_layout)) {
            (None, None) => unsafe { System.realloc(place, layout, new_size) },
            (Some((_, block)), Some((_, new_block))) if block.size() == new_block.size() => place,
            _ => {
                let new_place = unsafe { self.alloc(new_layout) };
                if !new_place.is_null() {
                    unsafe { place.copy_to_nonoverlapping(new_place, layout.size().min(new_size)) };
                    unsafe { self.dealloc(place, layout) };
                }
                new_place
            }
        }
    }
}
