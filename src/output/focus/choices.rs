//! What may be chosen of FOCUS rows: what one stands for, and which version of FOCUS it follows. Not what follows from it.

/// What a row stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FocusGrain {
    /// One run.
    #[default]
    Run,
    /// The runs of an Actor, task, status and user that started on one day in UTC.
    Day,
}

/// The version of the FOCUS specification that columns and values follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FocusVersion {
    #[default]
    V1_2,
    V1_4,
}

impl FocusVersion {
    pub fn name(self) -> &'static str {
        match self {
            FocusVersion::V1_2 => "1.2",
            FocusVersion::V1_4 => "1.4",
        }
    }
}

impl FocusGrain {
    /// The value of `x_RowKind`.
    pub(super) fn row_kind(self) -> &'static str {
        match self {
            FocusGrain::Run => "run",
            FocusGrain::Day => "runs",
        }
    }

    /// The beginning of a charge's description; the Actor's name follows, or its ID.
    pub(super) fn description(self) -> &'static str {
        match self {
            FocusGrain::Run => "Run of Actor ",
            FocusGrain::Day => "Runs of Actor ",
        }
    }
}
