"""What FOCUS asks of the CSV that `report --format focus` writes, as a table of its own: the FOCUS project's validator 2.2.1 has the rules
of 1.2 alone, and takes any text for a decimal. Written from the specification's text, of which no file is read here:

- 1.2: the release v1.2 of github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, specification/columns/*.md ('Content Constraints':
  feature level, nulls, type) and specification/attributes/*.md;
- 1.4: specification/datasets/cost_and_usage/dataset.md and columns/*.md of the same repository, and supporting_content/appendix/
  version_migration_guidance.md: 'The ProviderName and PublisherName columns were deprecated in FOCUS 1.3 and are removed in FOCUS 1.4';
  HostProviderName and ServiceProviderName are mandatory from 1.3 on, InvoiceDetailId and CommitmentProgramEligibilityDetails are new in 1.4.

Holds no check itself."""

import re

# Type, whether nulls are allowed, and the feature level. Conditional columns are those whose condition holds for runs.
COLUMNS = {
    "BilledCost": ("decimal", False, "mandatory"),
    "BillingAccountId": ("text", False, "mandatory"),
    "BillingAccountName": ("text", True, "mandatory"),
    "BillingCurrency": ("currency", False, "mandatory"),
    "BillingPeriodEnd": ("instant", False, "mandatory"),
    "BillingPeriodStart": ("instant", False, "mandatory"),
    "ChargeCategory": ("text", False, "mandatory"),
    "ChargeClass": ("text", True, "mandatory"),
    "ChargeDescription": ("text", True, "mandatory"),
    "ChargeFrequency": ("text", False, "recommended"),
    "ChargePeriodEnd": ("instant", False, "mandatory"),
    "ChargePeriodStart": ("instant", False, "mandatory"),
    # 'when the provider supports the measurement of usage'; null where the charge is not usage, and these are.
    "ConsumedQuantity": ("decimal", False, "conditional"),
    "ConsumedUnit": ("text", False, "conditional"),
    "ContractedCost": ("decimal", False, "mandatory"),
    "EffectiveCost": ("decimal", False, "mandatory"),
    "InvoiceId": ("text", True, "recommended"),
    "InvoiceIssuerName": ("text", False, "mandatory"),
    "ListCost": ("decimal", False, "mandatory"),
    # Both 'MUST NOT be null when ChargeCategory is "Usage"'.
    "PricingQuantity": ("decimal", False, "mandatory"),
    "PricingUnit": ("text", False, "mandatory"),
    # 'when the provider supports billing based on provisioned resources'.
    "ResourceId": ("text", True, "conditional"),
    "ResourceName": ("text", True, "conditional"),
    "ResourceType": ("text", True, "conditional"),
    "ServiceCategory": ("text", False, "mandatory"),
    "ServiceName": ("text", False, "mandatory"),
    "ServiceSubcategory": ("text", False, "recommended"),
}
# What only one of the versions has.
OF_VERSION = {
    "1.2": {
        "ProviderName": ("text", False, "mandatory"),
        "PublisherName": ("text", False, "mandatory"),
    },
    "1.4": {
        "CommitmentProgramEligibilityDetails": ("json", True, "conditional"),
        # 'Allows nulls' differs between drafts; a name satisfies both, and equals ServiceProviderName where the host isn't exposed.
        "HostProviderName": ("text", False, "mandatory"),
        # 'MUST be null when the charge is not associated either with an invoice or with a pre-generated provisional invoice'.
        "InvoiceDetailId": ("text", True, "conditional"),
        "ServiceProviderName": ("text", False, "mandatory"),
    },
}
# 'Allowed values', as far as rows of usage may have them.
ALLOWED = {
    "ChargeCategory": {"Usage"},
    "ChargeClass": {""},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "ServiceCategory": {"Compute", "Other"},
    "ServiceSubcategory": {
        "Containers",
        "End User Computing",
        "Quantum Compute",
        "Serverless Compute",
        "Virtual Machines",
        "Other (Compute)",
        "Other (Other)",
    },
}
# Custom columns with instants, which 1.4 only says SHOULD be in whole seconds.
CUSTOM_INSTANTS = ("x_QueriedAt", "x_StartedAt")
# 'Null Handling': no placeholder stands for null.
PLACEHOLDERS = {"null", "none", "nan", "n/a", "not applicable"}

# 'Numeric Format' allows E notation; ours has none, since readers that guess types take it for binary floating point.
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
INSTANT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
CUSTOM_INSTANT = re.compile(INSTANT.pattern.removesuffix("Z") + r"(\.[0-9]{3})?Z")


def columns_of(version):
    """The table of a version."""
    return COLUMNS | OF_VERSION[version]


def header_faults(names, version):
    """What is wrong with a header: FOCUS's columns as the version has them, then custom ones, both in order ('Column Handling')."""
    table = columns_of(version)
    faults = [f"lacks {name}" for name in table if name not in names]
    faults += [f"has {name}, which {version} does not ask for" for name in names if not name.startswith("x_") and name not in table]
    faults += [f"has {name} twice" for name in sorted(set(names)) if names.count(name) > 1]
    if names != sorted(names, key=lambda name: (name.startswith("x_"), name)):
        faults.append("is not in order, FOCUS's columns first")
    faults += [f"{name}: not Pascal case" for name in names if not re.fullmatch(r"(x_)?([A-Z][a-z0-9]+)+", name) or len(name) > 50]
    return faults


def row_faults(row, version):
    """What is wrong with a row, which is a dict of texts."""
    faults = []
    table = columns_of(version)
    for name, cell in row.items():
        kind, is_nullable, _ = table.get(name, ("custom", True, "custom"))
        if cell == "":
            faults += [] if is_nullable else [f"{name} is null"]
            continue
        if cell.strip() == "" or cell.strip().lower() in PLACEHOLDERS:
            faults.append(f"{name} is {cell!r}, which stands for null")
        form = {"decimal": DECIMAL, "instant": INSTANT, "currency": re.compile("[A-Z]{3}")}.get(kind)
        if name in CUSTOM_INSTANTS:
            form = CUSTOM_INSTANT
        if form is not None and not form.fullmatch(cell):
            faults.append(f"{name} is {cell!r}, not a {kind}")
        if name in ALLOWED and cell not in ALLOWED[name]:
            faults.append(f"{name} is {cell!r}, not one of the allowed values")
    for kind in ("Billing", "Charge"):
        if not row[f"{kind}PeriodStart"] < row[f"{kind}PeriodEnd"]:
            faults.append(f"{kind}Period does not end after its start")
    # 'ServiceSubcategory MUST have one and only one parent ServiceCategory'.
    if (row["ServiceCategory"] == "Other") != (row["ServiceSubcategory"] == "Other (Other)"):
        faults.append("ServiceSubcategory of another ServiceCategory")
    # 'MUST be null when ResourceId is null', and a type not null where it isn't.
    if row["ResourceId"] == "" and row["ResourceName"] != "":
        faults.append("ResourceName without ResourceId")
    if (row["ResourceId"] == "") != (row["ResourceType"] == ""):
        faults.append("only one of ResourceId and ResourceType")
    if row["ResourceName"] != "" and row["ResourceName"] == row["ResourceId"]:
        faults.append("ResourceName repeats ResourceId")
    for name in ("InvoiceId", "InvoiceDetailId", "CommitmentProgramEligibilityDetails"):
        if row.get(name, "") != "":
            faults.append(f"{name} of a charge that no invoice and no program is known of")
    return faults


# Cells that must be found wrong, so that the rules themselves are known to work.
BROKEN = [
    ("BilledCost", "1e-7"),
    ("BilledCost", "1E5"),
    ("BilledCost", "+1"),
    ("BilledCost", "1,5"),
    ("BilledCost", "$1"),
    ("BilledCost", ".5"),
    ("BilledCost", "007"),
    ("BilledCost", ""),
    ("PricingQuantity", "1e3"),
    ("PricingQuantity", ""),
    ("BillingAccountId", ""),
    ("BillingAccountName", "N/A"),
    ("BillingCurrency", "usd"),
    ("ChargePeriodStart", "2025-09-01"),
    ("ChargePeriodStart", "2025-09-01T00:00:00.000Z"),
    ("ChargePeriodStart", "2025-09-01T00:00:00+00:00"),
    ("ChargePeriodStart", "9999-09-01T00:00:00Z"),
    ("BillingPeriodEnd", "2025-13-01T00:00:00Z"),
    ("ChargeCategory", "usage"),
    ("ChargeClass", "Other"),
    ("ChargeFrequency", "Sometimes"),
    ("InvoiceId", "unknown"),
    ("ServiceName", " "),
    ("ServiceSubcategory", "Bots"),
    ("ResourceName", "a name"),
    ("x_QueriedAt", "yesterday"),
]


def rules_that_miss(row, version):
    """Cells of BROKEN that are not found where they stand in a row that is right; and headers."""
    missed = []
    for name, cell in BROKEN:
        broken = row | {name: cell}
        if name == "ResourceName":
            broken |= {"ResourceId": cell}
        if not row_faults(broken, version):
            missed.append((name, cell))
    names = list(row)
    other = "1.2" if version == "1.4" else "1.4"
    for what, header in [
        ("a column less", names[1:]),
        ("another order", [names[-1], *names[:-1]]),
        ("a column twice", [names[0], *names]),
        ("the other version", sorted(columns_of(other))),
        ("no custom prefix", [*names, "Made"]),
    ]:
        if not header_faults(header, version):
            missed.append(what)
    return missed
