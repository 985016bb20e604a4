//! Amounts as report.json has them, and how people are to read them: rounded here on integers, apart from the code under test.

/// A dollar, in units of 10^-18.
pub const ONE: i128 = 10_i128.pow(18);

/// The units of a plain decimal.
pub fn units(text: &str) -> i128 {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{places:0<18}");
    digits.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The plain decimal of so many units.
pub fn plain(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:019}", units.unsigned_abs());
    let (whole, places) = digits.split_at(digits.len() - 18);
    let text = format!("{sign}{whole}.{places}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// A quotient in units of its last place, half to even.
pub fn quotient(numerator: i128, denominator: i128, places: u32) -> i128 {
    let is_negative = (numerator < 0) != (denominator < 0);
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let (mut digits, mut rest) = (n / d, n % d);
    for _ in 0..places {
        rest *= 10;
        (digits, rest) = (digits * 10 + rest / d, rest % d);
    }
    let is_up = rest > d - rest || (rest == d - rest && digits % 2 == 1);
    let rounded = (digits + u128::from(is_up)) as i128;
    if is_negative { -rounded } else { rounded }
}

/// With commas between thousands.
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To the cent; what isn't zero never looks like it.
pub fn dollars(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    match quotient(units, ONE / 100, 0).unsigned_abs() {
        0 if units != 0 => format!("{sign}<$0.01"),
        cents => format!("{sign}${}.{:02}", grouped(cents / 100), cents % 100),
    }
}

/// Below a cent, four places.
pub fn fine_dollars(units: i128) -> String {
    if units == 0 || units.abs() >= ONE / 100 {
        return dollars(units);
    }
    let sign = if units < 0 { "-" } else { "" };
    match quotient(units, ONE / 10_000, 0).unsigned_abs() {
        0 => format!("{sign}<$0.0001"),
        places => format!("{sign}$0.{places:04}"),
    }
}

/// In percent with one place, of a part of 1.
pub fn percent(units: i128) -> String {
    let tenths = quotient(units, ONE / 1000, 0);
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}%", tenths / 10, tenths % 10)
}

/// `part / all` as report.json has shares and means: six places; none where there is nothing to divide.
pub fn six_places(part: i128, all: i128) -> Option<String> {
    let millionths = (all != 0).then(|| quotient(part, all, 6))?;
    let sign = if millionths < 0 { "-" } else { "" };
    let text = format!("{:07}", millionths.unsigned_abs());
    let (whole, places) = text.split_at(text.len() - 6);
    Some(format!("{sign}{whole}.{places}"))
}

/// A share in six places; none of a total that is less than the part, as with amounts below zero.
pub fn share(part: i128, all: i128) -> Option<String> {
    six_places(part, all).filter(|_| 0 <= part && part <= all)
}

/// A quantity to three places.
pub fn short_quantity(text: &str) -> String {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let places = places.get(..3).unwrap_or(places).trim_end_matches('0');
    let whole = grouped(whole.parse().unwrap());
    if places.is_empty() {
        whole
    } else {
        format!("{whole}.{places}")
    }
}

#[test]
fn amounts_are_rounded_half_to_even() {
    let shown = |text: &str| dollars(units(text));
    assert_eq!(
        ["0.125", "0.135", "-1234.565", "-0.001", "0"].map(shown),
        ["$0.12", "$0.14", "-$1,234.56", "-<$0.01", "$0.00"]
    );
    let shown = |text: &str| fine_dollars(units(text));
    assert_eq!(
        ["0.00005", "0.00015", "0.00001", "0.01"].map(shown),
        ["<$0.0001", "$0.0002", "<$0.0001", "$0.01"]
    );
    assert_eq!(
        ["0.0005", "0.0015", "-0.5", "12"].map(|text| percent(units(text))),
        ["0.0%", "0.2%", "-50.0%", "1200.0%"]
    );
    assert_eq!(plain(units("-0.000000000000000001")), "-0.000000000000000001");
    assert_eq!(six_places(2, 3).unwrap(), "0.666667");
    assert_eq!(
        [share(1, 2), share(3, 2), share(-1, 2), share(-1, -2)].map(|share| share.is_some()),
        [true, false, false, false]
    );
}
