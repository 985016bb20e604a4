//! Medians of exact amounts. In integers alone: what decides whether a day is odd is the same on every machine.

/// Relative deviations are counted in millionths.
const MILLION: i128 = 1_000_000;

/// The median; the mean of the two in the middle is rounded half-even at the last place. Zero of nothing.
pub fn median(amounts: &[i128]) -> i128 {
    let mut sorted = amounts.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => half(sorted[middle - 1].saturating_add(sorted[middle])),
    }
}

fn half(sum: i128) -> i128 {
    let (whole, rest) = (sum.div_euclid(2), sum.rem_euclid(2));
    // Halfway between two: the even one.
    whole + rest * whole.rem_euclid(2)
}

/// The median distance of amounts from their centres.
pub fn median_deviation(amounts: &[(i128, i128)]) -> i128 {
    let deviations: Vec<i128> = amounts
        .iter()
        .map(|(amount, centre)| amount.saturating_sub(*centre).saturating_abs())
        .collect();
    median(&deviations)
}

/// The median of the distances of amounts from their centres, each as millionths of its centre; of centres above zero.
pub fn median_relative_deviation(amounts: &[(i128, i128)]) -> i128 {
    let relative: Vec<i128> = amounts
        .iter()
        .filter(|(_, centre)| *centre > 0)
        .map(|(amount, centre)| amount.saturating_sub(*centre).saturating_abs().saturating_mul(MILLION) / centre)
        .collect();
    median(&relative)
}

/// So many millionths of an amount.
pub fn millionths(amount: i128, millionths: i128) -> i128 {
    // An amount has 18 places, of which the last six don't count here.
    (amount / MILLION).saturating_mul(millionths)
}

/// The sum of the distances of amounts from their centres.
pub fn sum_of_deviations(amounts: &[(i128, i128)]) -> i128 {
    let deviations = amounts
        .iter()
        .map(|(amount, centre)| amount.saturating_sub(*centre).saturating_abs());
    deviations.fold(0, i128::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_and_of_two_their_mean_half_even() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[10, 2, 4, 8]), 6);
        assert_eq!([median(&[0, 1]), median(&[1, 2]), median(&[2, 3])], [0, 2, 2]);
        assert_eq!([median(&[-1, 0]), median(&[-2, -1])], [0, -2]);
    }

    #[test]
    fn deviations_are_from_each_amount_s_own_centre() {
        let amounts = [(12, 10), (90, 100), (100, 100), (3, 0)];
        assert_eq!(median_deviation(&amounts), 2);
        assert_eq!(sum_of_deviations(&amounts), 15);
        // A fifth, a tenth and none; what has the centre zero has no share of it.
        assert_eq!(median_relative_deviation(&amounts), 100_000);
        assert_eq!(millionths(5_000_000_000, 100_000), 500_000_000);
    }
}
