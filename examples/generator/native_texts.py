"""The words of the native samples: what four small production agents were asked to do."""

TICKETS = (
    "Parcel shows delivered but never arrived",
    "Invoice has the old company name",
    "Cannot reset the password on the tablet",
    "Charged twice for the October plan",
    "Export stops at 10,000 rows",
    "Wrong VAT rate for a Danish customer",
    "Discount code is refused at checkout",
    "Two accounts with the same address",
    "Webhook secret was rotated by mistake",
    "App signs out every morning",
    "Meter reading is off by a factor of ten",
    "Return label is for another country",
    "Please cancel the seats we do not use",
    "Slow search since Tuesday",
    "Order stuck in packing for three days",
    "Need the data processing agreement",
)
SUPPLIERS = (
    "Nordlund Timber",
    "Hafen Logistik",
    "Bright & Sons Packaging",
    "Aldana Office Supply",
    "Kestrel Hosting",
    "Moreau Imprimerie",
    "Tervo Electric",
    "Quayside Catering",
)
CONTRACTS = (
    "Framework agreement with the carrier",
    "Lease of the second warehouse",
    "Maintenance contract for the sorters",
    "Hosting terms, renewal",
    "Confidentiality agreement, pilot customer",
    "Order form for label printers",
)
PRODUCTS = (
    "Canvas tote, 12 litres",
    "Bicycle lamp, rechargeable",
    "Oak shelf, 80 cm",
    "Rain cover for child seats",
    "Enamel mug, set of four",
    "Wool blanket, grey",
    "Garden hose, 25 m",
    "Desk fan, quiet",
)
MEETINGS = (
    "Weekly operations round",
    "Carrier review, second half",
    "Planning for the autumn sale",
    "Handover of the tariff project",
    "Support retrospective",
)
ERRORS = (
    ("UPSTREAM_TIMEOUT", "The mailbox service did not answer within 30 s"),
    ("SCHEMA_MISMATCH", "The document has no total line"),
    ("RATE_LIMITED", "The model provider refused the sixth attempt"),
)
