//! TiBillet's labels for its codes.

use crate::domain::Language;

/// Code, English, French.
type LabelRow = (&'static str, &'static str, &'static str);

/// The label of a membership's status: `state_display`.
pub(super) fn status(code: &str, language: Language) -> &str {
    label(STATUS, code, language)
}

/// The label of a payment method: `payment_method_name`.
pub(super) fn payment_method(code: &str, language: Language) -> &str {
    label(PAYMENT_METHODS, code, language)
}

/// An unknown code is its own label.
fn label<'a>(table: &'static [LabelRow], code: &'a str, language: Language) -> &'a str {
    match (table.iter().find(|row| row.0 == code), language) {
        (Some(row), Language::English) => row.1,
        (Some(row), Language::French) => row.2,
        (None, _) => code,
    }
}

#[rustfmt::skip]
const STATUS: &[LabelRow] = &[
    ("WP", "Awaiting payment", "En attente de paiement"),
    ("D", "Created via administration", "Créé via l'administration"),
    ("I", "Imported from a file", "Importé depuis un fichier"),
    ("L", "Created via the cash register", "Créé via la caisse"),
    ("AW", "Pending admin approval", "En attente de validation par un admin"),
    ("AV", "Confirmed by an admin, awaiting payment", "Confirmé par un admin, en attente de paiement"),
    ("PP", "Payment submitted, awaiting bank validation", "Paiement soumis, en attente de validation bancaire"),
    ("A", "Paid online", "Payé en ligne"),
    ("O", "Paid online (recurring)", "Payé en ligne (récurrent)"),
    ("C", "Cancelled by the user", "Annulé par l'utilisateur"),
    ("AC", "Cancelled by an admin", "Annulé par un admin"),
];

#[rustfmt::skip]
const PAYMENT_METHODS: &[LabelRow] = &[
    ("UK", "Unknown", "Inconnu"),
    ("NA", "Offered", "Offert"),
    ("CC", "Credit card: POS terminal", "Carte de crédit: TPE"),
    ("CA", "Cash", "Espèces"),
    ("CH", "Check", "Chèque bancaire"),
    ("QR", "QrCode or NFC", "QrCode ou NFC"),
    ("TR", "Bank transfer", "Virement bancaire"),
    ("SF", "Online: federated Stripe", "En ligne: Stripe fédéré"),
    ("SN", "Online: Stripe CC", "En ligne : Stripe CB"),
    ("SP", "Online: Stripe SEPA", "En ligne : Stripe SEPA"),
    ("SR", "Recurring: Stripe", "Récurrent: Stripe"),
    ("LE", "Asset local fiat", "Actif local en monnaie fiduciaire"),
    ("LG", "Asset local gift", "Actif local en monnaie cadeau"),
];
