//! The state of a lake, as its table keeps it.

use super::{has_place, text_of};
use crate::lake::state::{LakeState, PROPERTY, StateError, united};

/// A state. The place of a refusal is the table's property, with the field or the line and the column.
pub fn state(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    let state = match LakeState::parse(text) {
        Ok(state) => state,
        Err(StateError::Newer(refusal)) => return has_place(&refusal, &["whose lakes have format"]),
        Err(StateError::Invalid(refusal)) => {
            has_place(&refusal, &[PROPERTY]);
            return has_place(&refusal, &["field ", "line "]);
        }
    };
    assert_eq!(LakeState::parse(&state.to_json()).as_ref(), Ok(&state));
    assert_eq!(united(state.proven.clone()), state.proven);
    // What is proven and what is not make up all.
    if let (Some(from), Some(to)) = (state.begins(), state.proven_until()) {
        let all = [state.proven.clone(), state.unproven(from, to)].concat();
        assert_eq!(united(all), [(from, to)]);
    }
}
