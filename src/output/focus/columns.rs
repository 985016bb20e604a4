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

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct FocusColumn {
    /// Its column ID.
    pub name: &'static str,
    /// Whether a row may lack it.
    pub nullable: bool,
    /// What fills it.
    pub(super) cell: Cell,
}

/// What a column's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// The same in every row.
    Fixed(Fixed),
    /// The run's dollars.
    Cost,
    /// The charge period: the run's start, floored to the second.
    Start,
    /// Its end, excluded: the run's finish, ceiled.
    End,
    /// The billing period's first second.
    PeriodStart,
    /// The first second after it.
    PeriodEnd,
    /// What the billing period is.
    PeriodBasis,
    /// The charge in words.
    Description,
    /// The run's start to the millisecond.
    StartedAt,
    /// Text of the export's column of this name.
    Text(&'static str),
}

/// What is the same in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixed {
    /// This text.
    Text(&'static str),
    /// A quantity of one.
    One,
    /// Text that isn't known.
    Null,
    /// The account's ID.
    AccountId,
    /// The account's name, if it has one.
    AccountName,
    /// When the API was asked.
    QueriedAt,
}

/// A column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Decimal,
    Instant,
}

impl Cell {
    pub(super) fn kind(self) -> Kind {
        match self {
            Cell::Cost | Cell::Fixed(Fixed::One) => Kind::Decimal,
            Cell::Start | Cell::End | Cell::PeriodStart | Cell::PeriodEnd | Cell::StartedAt => Kind::Instant,
            Cell::Fixed(Fixed::QueriedAt) => Kind::Instant,
            Cell::Fixed(_) | Cell::PeriodBasis | Cell::Description | Cell::Text(_) => Kind::Text,
        }
    }
}

const fn required(name: &'static str, cell: Cell) -> FocusColumn {
    FocusColumn {
        name,
        nullable: false,
        cell,
    }
}

const fn nullable(name: &'static str, cell: Cell) -> FocusColumn {
    FocusColumn {
        name,
        nullable: true,
        cell,
    }
}

const fn always(name: &'static str, text: &'static str) -> FocusColumn {
    required(name, Cell::Fixed(Fixed::Text(text)))
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
pub static COLUMNS: [FocusColumn; 41] = [
    required("BilledCost", Cell::Cost),
    required("BillingAccountId", Cell::Fixed(Fixed::AccountId)),
    nullable("BillingAccountName", Cell::Fixed(Fixed::AccountName)),
    always("BillingCurrency", "USD"),
    required("BillingPeriodEnd", Cell::PeriodEnd),
    required("BillingPeriodStart", Cell::PeriodStart),
    always("ChargeCategory", "Usage"),
    // Null is 'no correction of a period that was invoiced before'.
    nullable("ChargeClass", Cell::Fixed(Fixed::Null)),
    required("ChargeDescription", Cell::Description),
    always("ChargeFrequency", "Usage-Based"),
    required("ChargePeriodEnd", Cell::End),
    required("ChargePeriodStart", Cell::Start),
    required("ConsumedQuantity", Cell::Fixed(Fixed::One)),
    always("ConsumedUnit", RUN),
    required("ContractedCost", Cell::Cost),
    required("EffectiveCost", Cell::Cost),
    // The API ties no run to an invoice.
    nullable("InvoiceId", Cell::Fixed(Fixed::Null)),
    always("InvoiceIssuerName", APIFY),
    required("ListCost", Cell::Cost),
    required("PricingQuantity", Cell::Fixed(Fixed::One)),
    always("PricingUnit", RUN),
    always("ProviderName", APIFY),
    always("PublisherName", APIFY),
    required("ResourceId", Cell::Text("id")),
    // A run has no name of its own, and its ID must not be repeated here.
    nullable("ResourceName", Cell::Fixed(Fixed::Null)),
    always("ResourceType", "Actor run"),
    always("ServiceCategory", "Compute"),
    always("ServiceName", "Apify Actors"),
    // 'Running applications without managing servers', which is what an Actor is for.
    always("ServiceSubcategory", "Serverless Compute"),
    required("x_ActorId", Cell::Text("act_id")),
    nullable("x_ActorName", Cell::Text("act_name")),
    required("x_BillingPeriodBasis", Cell::PeriodBasis),
    always("x_CostBasis", COST_BASIS),
    required("x_CostState", Cell::Text("cost_state")),
    nullable("x_Origin", Cell::Text("meta_origin")),
    required("x_QueriedAt", Cell::Fixed(Fixed::QueriedAt)),
    required("x_StartedAt", Cell::StartedAt),
    required("x_Status", Cell::Text("status")),
    nullable("x_TaskId", Cell::Text("actor_task_id")),
    nullable("x_TaskName", Cell::Text("actor_task_name")),
    nullable("x_UserId", Cell::Text("user_id")),
];
