//! The one table of FOCUS columns, from which CSV and Parquet take names, order and what fills them. Facts are from the
//! FOCUS Specification 1.2, dataset 'Cost and Usage', sections 'Columns' and 'Attributes'. Not how they are written.
//!
//! All mandatory and recommended columns are there, but AvailabilityZone (the API names none). Of the conditional ones:
//! - ResourceId, ResourceName, ResourceType ('billing based on provisioned resources'): a run is what the platform provides
//!   memory for, and what a charge belongs to.
//! - ConsumedQuantity, ConsumedUnit ('measurement of usage'): one run.
//! - Without ListUnitPrice, ContractedUnitPrice, SkuId, SkuMeter, SkuPriceId, SkuPriceDetails ('public price list', 'unit
//!   pricing', 'negotiated pricing'): a run's dollars add up several meters or events; nobody publishes a price of one `Run`,
//!   and a made-up SKU would look like a real one.
//! - Without PricingCategory ('more than one pricing category'), BillingAccountType, SubAccountId, SubAccountName,
//!   SubAccountType, the CommitmentDiscount and CapacityReservation columns, PricingCurrency and its prices, RegionId,
//!   RegionName and Tags: the API has no such thing for a run. Who started it in an organisation is a user, not an account.

use arrow_schema::{DataType, TimeUnit};

use crate::runs::schema::{self, Column, USD_PRECISION, USD_SCALE};
use CellSource::*;

/// Name and cells of a column.
pub(super) type FocusColumn = (&'static str, CellSource);

/// What fills a column.
#[derive(Clone, Copy)]
pub(super) enum CellSource {
    /// This text in every row.
    Constant(&'static str),
    /// A quantity of one.
    One,
    Null,
    AccountId,
    AccountName,
    QueriedAt,
    /// The run's dollars.
    Cost,
    /// The run's start, rounded down to the second.
    ChargeStart,
    /// The run's finish, rounded up.
    ChargeEnd,
    PeriodStart,
    /// The first second after the billing period.
    PeriodEnd,
    PeriodBasis,
    /// The charge in words.
    Description,
    /// The run's start to the millisecond.
    StartedAt,
    /// Text of the export's column of this name.
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
            One => FocusType::Quantity,
            ChargeStart | ChargeEnd | PeriodStart | PeriodEnd => FocusType::Second,
            StartedAt | QueriedAt => FocusType::Millisecond,
            AccountName => FocusType::ThirdPartyText,
            Export(name) if export_column(name).third_party => FocusType::ThirdPartyText,
            // A description begins with our own words.
            Constant(_) | Null | AccountId | PeriodBasis | Description | Export(_) => FocusType::Text,
        }
    }

    pub(super) fn is_nullable(self) -> bool {
        match self {
            Null | AccountName => true,
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

/// What is priced and consumed. 'Unit Format' asks for capitalized nouns.
const RUN: &str = "Run";

/// What the four costs are, word for word, in every row.
const COST_BASIS: &str = "usage priced when queried; not the invoice; before or after discount undocumented";

/// Every column: FOCUS's own by name, then ours ('Column Handling').
pub(super) static COLUMNS: [FocusColumn; 41] = [
    ("BilledCost", Cost),
    ("BillingAccountId", AccountId),
    ("BillingAccountName", AccountName),
    ("BillingCurrency", Constant("USD")),
    ("BillingPeriodEnd", PeriodEnd),
    ("BillingPeriodStart", PeriodStart),
    ("ChargeCategory", Constant("Usage")),
    // Null is 'no correction of a period that was invoiced before'.
    ("ChargeClass", Null),
    ("ChargeDescription", Description),
    ("ChargeFrequency", Constant("Usage-Based")),
    ("ChargePeriodEnd", ChargeEnd),
    ("ChargePeriodStart", ChargeStart),
    ("ConsumedQuantity", One),
    ("ConsumedUnit", Constant(RUN)),
    ("ContractedCost", Cost),
    ("EffectiveCost", Cost),
    // The API ties no run to an invoice.
    ("InvoiceId", Null),
    ("InvoiceIssuerName", Constant(APIFY)),
    ("ListCost", Cost),
    ("PricingQuantity", One),
    ("PricingUnit", Constant(RUN)),
    ("ProviderName", Constant(APIFY)),
    ("PublisherName", Constant(APIFY)),
    ("ResourceId", Export("id")),
    // A run has no name of its own, and its ID must not be repeated here.
    ("ResourceName", Null),
    ("ResourceType", Constant("Actor run")),
    ("ServiceCategory", Constant("Compute")),
    ("ServiceName", Constant("Apify Actors")),
    // 'Running applications without managing servers', which is what an Actor is for.
    ("ServiceSubcategory", Constant("Serverless Compute")),
    ("x_ActorId", Export("act_id")),
    ("x_ActorName", Export("act_name")),
    ("x_BillingPeriodBasis", PeriodBasis),
    ("x_CostBasis", Constant(COST_BASIS)),
    ("x_CostState", Export("cost_state")),
    ("x_Origin", Export("meta_origin")),
    ("x_QueriedAt", QueriedAt),
    ("x_StartedAt", StartedAt),
    ("x_Status", Export("status")),
    ("x_TaskId", Export("actor_task_id")),
    ("x_TaskName", Export("actor_task_name")),
    ("x_UserId", Export("user_id")),
];
