//! The one table of FOCUS columns, from which CSV and Parquet take names, order and what fills them. Facts are from the
//! FOCUS Specification 1.2 and 1.4, dataset 'Cost and Usage', sections 'Columns' and 'Attributes'. Not how they are written.
//!
//! All mandatory and recommended columns are there, but AvailabilityZone (the API names none). Of the conditional ones:
//! - ResourceId, ResourceName, ResourceType ('billing based on provisioned resources'): a run is what the platform provides
//!   memory for, and what a charge belongs to.
//! - ConsumedQuantity, ConsumedUnit ('measurement of usage'): runs.
//! - Without ListUnitPrice, ContractedUnitPrice, SkuId, SkuMeter, SkuPriceId, SkuPriceDetails ('public price list', 'unit
//!   pricing', 'negotiated pricing'): a run's dollars add up several meters or events; nobody publishes a price of one `Run`,
//!   and a made-up SKU would look like a real one.
//! - Without PricingCategory ('more than one pricing category'), BillingAccountType, SubAccountId, SubAccountName,
//!   SubAccountType, the CommitmentDiscount and CapacityReservation columns, PricingCurrency and its prices, RegionId,
//!   RegionName and Tags: the API has no such thing for a run. Who started it in an organisation is a user, not an account.
//! - Without what 1.3 added for split cost allocation (Allocated…) and contracts (ContractApplied), for the same reason.
//!
//! 1.4 differs from 1.2 in what [`Presence`] marks: 1.3 replaced ProviderName and PublisherName, and 1.4 removed them.

use arrow_schema::{DataType, TimeUnit};

use crate::output::focus::choices::{FocusGrain, FocusVersion};
use crate::runs::schema::{self, Column, USD_PRECISION, USD_SCALE};
use CellSource::*;

/// A column of the table.
#[derive(Clone, Copy)]
pub(super) struct FocusColumn {
    pub(super) name: &'static str,
    pub(super) cells: CellSource,
    presence: Presence,
}

/// The versions of FOCUS that have a column, of those that are written here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Always,
    Only(FocusVersion),
}

const fn always(name: &'static str, cells: CellSource) -> FocusColumn {
    let presence = Presence::Always;
    FocusColumn { name, cells, presence }
}

const fn in_1_2(name: &'static str, cells: CellSource) -> FocusColumn {
    let presence = Presence::Only(FocusVersion::V1_2);
    FocusColumn { name, cells, presence }
}

const fn in_1_4(name: &'static str, cells: CellSource) -> FocusColumn {
    let presence = Presence::Only(FocusVersion::V1_4);
    FocusColumn { name, cells, presence }
}

/// The columns of a version, in order.
pub(super) fn columns_of(version: FocusVersion) -> Vec<FocusColumn> {
    let has = |column: &&FocusColumn| match column.presence {
        Presence::Always => true,
        Presence::Only(only) => only == version,
    };
    COLUMNS.iter().filter(has).copied().collect()
}

/// What fills a column.
#[derive(Clone, Copy)]
pub(super) enum CellSource {
    /// This text in every row.
    Constant(&'static str),
    /// The first text in rows of runs, the second in those of what is not attributed to a run.
    ByKind(&'static str, &'static str),
    /// This text in the row of a single run, null in others: what describes a resource is null without ResourceId.
    RunConstant(&'static str),
    /// How many runs the row stands for; where it is of none, one day.
    Quantity,
    Null,
    AccountId,
    AccountName,
    QueriedAt,
    /// The dollars of the run or runs.
    Cost,
    /// The run's start, rounded down to the second, or that of the day.
    ChargeStart,
    /// The run's finish, rounded up, or the end of the day.
    ChargeEnd,
    PeriodStart,
    /// The first second after the billing period.
    PeriodEnd,
    PeriodBasis,
    /// The charge in words.
    Description,
    /// What a row stands for.
    RowKind,
    /// The run's start to the millisecond; null for several runs.
    StartedAt,
    /// Text of the export's column of this name; `id` is null for several runs.
    Export(&'static str),
}

/// The type of a column, which is also its form in CSV. FOCUS's instants are whole seconds; the coarsest unit that Parquet has
/// is the millisecond.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FocusType {
    Text,
    /// Text that a spreadsheet must be kept from running.
    ThirdPartyText,
    Usd,
    Quantity,
    Second,
    Millisecond,
}

impl FocusType {
    pub(super) fn data_type(self) -> DataType {
        match self {
            FocusType::Text | FocusType::ThirdPartyText => DataType::Utf8,
            FocusType::Usd | FocusType::Quantity => DataType::Decimal128(USD_PRECISION, USD_SCALE),
            FocusType::Second | FocusType::Millisecond => {
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
            }
        }
    }
}

impl CellSource {
    pub(super) fn focus_type(self) -> FocusType {
        match self {
            Cost => FocusType::Usd,
            Quantity => FocusType::Quantity,
            ChargeStart | ChargeEnd | PeriodStart | PeriodEnd => FocusType::Second,
            StartedAt | QueriedAt => FocusType::Millisecond,
            AccountName => FocusType::ThirdPartyText,
            Export(name) if export_column(name).third_party => FocusType::ThirdPartyText,
            // A description begins with our own words.
            Constant(_) | ByKind(..) | RunConstant(_) | Null | AccountId | PeriodBasis | Description | RowKind
            | Export(_) => FocusType::Text,
        }
    }

    /// Whether it may be null, in a file with rows of what is not attributed to a run or without.
    pub(super) fn is_nullable(self, grain: FocusGrain, has_others: bool) -> bool {
        match self {
            Null | AccountName => true,
            RunConstant(_) | StartedAt | Export("id") => has_others || grain != FocusGrain::Run,
            Export(_) if has_others => true,
            Export(name) => export_column(name).nullable,
            _ => false,
        }
    }
}

fn export_column(name: &str) -> &'static Column {
    let mut columns = schema::COLUMNS.iter();
    columns
        .find(|column| column.name == name)
        .expect("it is in the table of columns")
}

/// Who sells Actor runs, and, as far as a run tells, who made what was bought: the platform's usage. Whether a part of the
/// cost is for the Actor of somebody else, who would be its publisher ('Origination of Cost Data'), a run doesn't say; the
/// owner stands before the `/` of `x_ActorName`.
const APIFY: &str = "Apify";

/// What is priced and consumed. 'Unit Format' asks for capitalized nouns, and has Day among its time-based units.
const RUN: &str = "Run";
const DAY: &str = "Day";

/// What the four costs of runs are, word for word.
const COST_BASIS: &str = "usage priced when queried; not the invoice; before or after discount undocumented";
/// The same of what is not attributed to a run.
const REST_BASIS: &str =
    "usage that Apify counts for the day before volume discount, when queried, less the rows of runs; not the invoice";

/// Every column: FOCUS's own by name, then ours ('Column Handling').
static COLUMNS: [FocusColumn; 46] = [
    always("BilledCost", Cost),
    always("BillingAccountId", AccountId),
    always("BillingAccountName", AccountName),
    always("BillingCurrency", Constant("USD")),
    always("BillingPeriodEnd", PeriodEnd),
    always("BillingPeriodStart", PeriodStart),
    always("ChargeCategory", Constant("Usage")),
    // Null is 'no correction of a period that was invoiced before'.
    always("ChargeClass", Null),
    always("ChargeDescription", Description),
    always("ChargeFrequency", Constant("Usage-Based")),
    always("ChargePeriodEnd", ChargeEnd),
    always("ChargePeriodStart", ChargeStart),
    // The API knows no commitment program that a run could be covered by.
    in_1_4("CommitmentProgramEligibilityDetails", Null),
    always("ConsumedQuantity", Quantity),
    always("ConsumedUnit", ByKind(RUN, DAY)),
    always("ContractedCost", Cost),
    always("EffectiveCost", Cost),
    // 'MUST equal ServiceProviderName when the service provider hosts their own services and does not expose the underlying
    // host' (the appendix 'Version Migration Guidance'): the API names no host.
    in_1_4("HostProviderName", Constant(APIFY)),
    // The API ties no run to an invoice.
    in_1_4("InvoiceDetailId", Null),
    always("InvoiceId", Null),
    always("InvoiceIssuerName", Constant(APIFY)),
    always("ListCost", Cost),
    always("PricingQuantity", Quantity),
    always("PricingUnit", ByKind(RUN, DAY)),
    in_1_2("ProviderName", Constant(APIFY)),
    in_1_2("PublisherName", Constant(APIFY)),
    always("ResourceId", Export("id")),
    // A run has no name of its own, and its ID must not be repeated here.
    always("ResourceName", Null),
    always("ResourceType", RunConstant("Actor run")),
    always("ServiceCategory", ByKind("Compute", "Other")),
    always("ServiceName", ByKind("Apify Actors", "Apify platform")),
    in_1_4("ServiceProviderName", Constant(APIFY)),
    // 'Running applications without managing servers', which is what an Actor is for.
    always("ServiceSubcategory", ByKind("Serverless Compute", "Other (Other)")),
    always("x_ActorId", Export("act_id")),
    always("x_ActorName", Export("act_name")),
    always("x_BillingPeriodBasis", PeriodBasis),
    always("x_CostBasis", ByKind(COST_BASIS, REST_BASIS)),
    always("x_CostState", Export("cost_state")),
    always("x_Origin", Export("meta_origin")),
    always("x_QueriedAt", QueriedAt),
    always("x_RowKind", RowKind),
    always("x_StartedAt", StartedAt),
    always("x_Status", Export("status")),
    always("x_TaskId", Export("actor_task_id")),
    always("x_TaskName", Export("actor_task_name")),
    always("x_UserId", Export("user_id")),
];
