//! What the pieces of a body keep in memory.

use bytes::Bytes;

use super::Pieces;

/// Cuts a piece from the front of what was read together.
fn piece_of(read_together: &mut Bytes, bytes: usize) -> Bytes {
    read_together.split_to(bytes)
}

#[test]
fn a_small_piece_keeps_nothing_of_what_was_read_with_it() {
    for bytes in [1, Pieces::WORTH_KEEPING_BYTES - 1] {
        let mut read_together = Bytes::from(vec![7; 1_000_000]);
        let mut pieces = Pieces::default();
        pieces.push(piece_of(&mut read_together, bytes), bytes + 1);
        assert!(read_together.try_into_mut().is_ok(), "the body waits for more with {bytes} bytes");
        assert_eq!(pieces.into_whole(), vec![7; bytes]);
    }
}

#[test]
fn a_large_piece_stays_where_it_is() {
    let mut read_together = Bytes::from(vec![7; 1_000_000]);
    let piece = piece_of(&mut read_together, Pieces::WORTH_KEEPING_BYTES);
    let place = piece.as_ptr();
    let mut pieces = Pieces::default();
    pieces.push(piece, Pieces::WORTH_KEEPING_BYTES);
    assert_eq!(pieces.into_whole().as_ptr(), place);
}

#[test]
fn pieces_are_put_together_in_order() {
    let mut pieces = Pieces::default();
    for (number, bytes) in [40_000, 3, 50_000].into_iter().enumerate() {
        pieces.push(Bytes::from(vec![number as u8; bytes]), usize::MAX);
    }
    let whole = pieces.into_whole();
    assert_eq!(whole, [vec![0; 40_000], vec![1; 3], vec![2; 50_000]].concat());
}
