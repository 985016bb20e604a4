//! The columns of FOCUS files at a grain and in a version. Not what fills them.

use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};

use crate::output::focus::choices::{FocusGrain, FocusVersion};
use crate::output::focus::columns::{FocusColumn, columns_of};

/// The form of all rows of a file.
pub(super) struct FocusLayout {
    pub(super) grain: FocusGrain,
    pub(super) version: FocusVersion,
    pub(super) columns: Vec<FocusColumn>,
    pub(super) schema: SchemaRef,
}

impl FocusLayout {
    /// With rows of what is not attributed to a run, or without.
    pub(super) fn new(grain: FocusGrain, version: FocusVersion, has_others: bool) -> FocusLayout {
        let columns = columns_of(version);
        let field = |column: &FocusColumn| {
            let cells = column.cells;
            Field::new(
                column.name,
                cells.focus_type().data_type(),
                cells.is_nullable(grain, has_others),
            )
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        FocusLayout {
            grain,
            version,
            columns,
            schema,
        }
    }
}
