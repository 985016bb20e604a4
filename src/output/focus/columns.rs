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

use arrow_schema::{DataType, Field, TimeUnit};

use crate::runs::schema::{self, USD_PRECISION, USD_SCALE};

pub(super) struct FocusColumn {
    pub(super) name: &'static str,
    pub(super) nullable: bool,
    pub(super) cells: CellSource,
}

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

impl FocusColumn {
    pub(super) fn field(&self) -> Field {
        let data_type = match self.cells.focus_type() {
            FocusType::Text | FocusType::ThirdPartyText => DataType::Utf8,
            FocusType::Usd | FocusType::Quantity => DataType::Decimal128(USD_PRECISION, USD_SCALE),
            FocusType::Second | FocusType::Millisecond => {
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
            }
        };
        Field::new(self.name, data_type, self.nullable)
    }
}

impl CellSource {
    pub(super) fn focus_type(self) -> FocusType {
        use CellSource::*;
        let is_third_party = |name| {
            let mut columns = schema::COLUMNS.iter();
            columns.any(|column| column.name == name && column.third_party)
        };
        match self {
            Cost => FocusType::Usd,
            One => FocusType::Quantity,
            ChargeStart | ChargeEnd | PeriodStart | PeriodEnd => FocusType::Second,
            StartedAt | QueriedAt => FocusType::Millisecond,
            AccountName => FocusType::ThirdPartyText,
            Export(name) if is_third_party(name) => FocusType::ThirdPartyText,
            // A description begins with our own words.
            Constant(_) | Null | AccountId | PeriodBasis | Description | Export(_) => FocusType::Text,
        }
    }
}

const fn required(name: &'static str, cells: CellSource) -> FocusColumn {
    FocusColumn {
        name,
        nullable: false,
        cells,
    }
}

const fn nullable(name: &'static str, cells: CellSource) -> FocusColumn {
    FocusColumn {
        name,
        nullable: true,
        cells,
    }
}

const fn always(name: &'static str, text: &'static str) -> FocusColumn {
    required(name, CellSource::Constant(text))
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
    required("BilledCost", CellSource::Cost),
    required("BillingAccountId", CellSource::AccountId),
    nullable("BillingAccountName", CellSource::AccountName),
    always("BillingCurrency", "USD"),
    required("BillingPeriodEnd", CellSource::PeriodEnd),
    required("BillingPeriodStart", CellSource::PeriodStart),
    always("ChargeCategory", "Usage"),
    // Null is 'no correction of a period that was invoiced before'.
    nullable("ChargeClass", CellSource::Null),
    required("ChargeDescription", CellSource::Description),
    always("ChargeFrequency", "Usage-Based"),
    required("ChargePeriodEnd", CellSource::ChargeEnd),
    required("ChargePeriodStart", CellSource::ChargeStart),
    required("ConsumedQuantity", CellSource::One),
    always("ConsumedUnit", RUN),
    required("ContractedCost", CellSource::Cost),
    required("EffectiveCost", CellSource::Cost),
    // The API ties no run to an invoice.
    nullable("InvoiceId", CellSource::Null),
    always("InvoiceIssuerName", APIFY),
    required("ListCost", CellSource::Cost),
    required("PricingQuantity", CellSource::One),
    always("PricingUnit", RUN),
    always("ProviderName", APIFY),
    always("PublisherName", APIFY),
    required("ResourceId", CellSource::Export("id")),
    // A run has no name of its own, and its ID must not be repeated here.
    nullable("ResourceName", CellSource::Null),
    always("ResourceType", "Actor run"),
    always("ServiceCategory", "Compute"),
    always("ServiceName", "Apify Actors"),
    // 'Running applications without managing servers', which is what an Actor is for.
    always("ServiceSubcategory", "Serverless Compute"),
    required("x_ActorId", CellSource::Export("act_id")),
    nullable("x_ActorName", CellSource::Export("act_name")),
    required("x_BillingPeriodBasis", CellSource::PeriodBasis),
    always("x_CostBasis", COST_BASIS),
    required("x_CostState", CellSource::Export("cost_state")),
    nullable("x_Origin", CellSource::Export("meta_origin")),
    required("x_QueriedAt", CellSource::QueriedAt),
    required("x_StartedAt", CellSource::StartedAt),
    required("x_Status", CellSource::Export("status")),
    nullable("x_TaskId", CellSource::Export("actor_task_id")),
    nullable("x_TaskName", CellSource::Export("actor_task_name")),
    nullable("x_UserId", CellSource::Export("user_id")),
];
