//! Structural operators: which spans stand below, above or beside others.

use std::collections::HashMap;

use super::field::View;
use super::syntax::{Mode, Relation, Structure};

/// Applies an operator to two sets of spans, each sorted; the result is sorted.
pub(super) fn relate(view: &View<'_>, left: &[usize], structure: Structure, right: &[usize]) -> Vec<usize> {
    let related = |relation, left: &[usize], right: &[usize]| -> Vec<usize> {
        let holds = standing(view, left, relation);
        right.iter().copied().filter(|index| holds.get(*index) == Some(&true)).collect()
    };
    match structure.mode {
        Mode::Plain => related(structure.relation, left, right),
        Mode::Not => {
            let holds = standing(view, left, structure.relation);
            right.iter().copied().filter(|index| holds.get(*index) != Some(&true)).collect()
        }
        Mode::Union => {
            let found = related(structure.relation, left, right);
            let causes = related(opposite(structure.relation), right, left);
            union(&causes, &found)
        }
    }
}

/// All of both, sorted, each once.
pub(super) fn union(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut both: Vec<usize> = left.iter().chain(right).copied().collect();
    both.sort_unstable();
    both.dedup();
    both
}

fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// For each span of the trace, whether it stands in the relation to one of `left`. One walk over the trace: parents stand
/// before their children.
fn standing(view: &View<'_>, left: &[usize], relation: Relation) -> Vec<bool> {
    let mut is_left = vec![false; view.len()];
    for index in left {
        mark(&mut is_left, *index);
    }
    let mut holds = vec![false; view.len()];
    let at = |marks: &[bool], index: usize| marks.get(index).copied().unwrap_or(false);
    match relation {
        Relation::Child | Relation::Descendant => {
            for index in 0..view.len() {
                let Some(parent) = view.parent(index) else { continue };
                let below = relation == Relation::Descendant && at(&holds, parent);
                if below || at(&is_left, parent) {
                    mark(&mut holds, index);
                }
            }
        }
        Relation::Parent | Relation::Ancestor => {
            for index in (0..view.len()).rev() {
                let Some(parent) = view.parent(index) else { continue };
                let above = relation == Relation::Ancestor && at(&holds, index);
                if above || at(&is_left, index) {
                    mark(&mut holds, parent);
                }
            }
        }
        Relation::Sibling => {
            let mut left_children: HashMap<usize, usize> = HashMap::new();
            for parent in left.iter().filter_map(|index| view.parent(*index)) {
                *left_children.entry(parent).or_default() += 1;
            }
            for index in 0..view.len() {
                let beside = view.parent(index).and_then(|parent| left_children.get(&parent)).copied();
                if beside.unwrap_or(0) > usize::from(at(&is_left, index)) {
                    mark(&mut holds, index);
                }
            }
        }
    }
    holds
}

fn mark(marks: &mut [bool], index: usize) {
    if let Some(place) = marks.get_mut(index) {
        *place = true;
    }
}
