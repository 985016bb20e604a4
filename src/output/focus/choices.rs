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

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Run,
    Runs,
    /// What Apify counts of a UTC day beyond the rows of runs; below zero where these come to more.
    NotAttributed,
}

impl RowKind {
    pub(super) fn is_of_runs(self) -> bool {
        self != RowKind::NotAttributed
    }

    /// The value of `x_RowKind`.
    pub(super) fn name(self) -> &'static str {
        match self {
            RowKind::Run => "run",
            RowKind::Runs => "runs",
            RowKind::NotAttributed => "not-attributed",
        }
    }

    /// A charge's description, or its beginning, which the Actor's name follows, or its ID.
    pub(super) fn description(self) -> &'static str {
        match self {
            RowKind::Run => "Run of Actor ",
            RowKind::Runs => "Runs of Actor ",
            RowKind::NotAttributed => "Usage that Apify counts, not attributed to a run",
        }
    }
}
