//! How likely a difference is by chance.

/// Two-sided probability that two samples of the same distribution differ by so much in rank: Mann and Whitney's test by
/// its normal approximation, with ties and continuity corrected. 1 where either is empty.
pub fn rank_difference(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (one.len() as f64, other.len() as f64);
    if one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let mut all: Vec<(f64, usize)> =
        one.iter().map(|value| (*value, 0)).chain(other.iter().map(|value| (*value, 1))).collect();
    all.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for tied in all.chunk_by(|left, right| left.0 == right.0) {
        let count = tied.len() as f64;
        let rank = before + (count + 1.0) / 2.0;
        rank_sum += rank * tied.iter().filter(|(_, sample)| *sample == 0).count() as f64;
        ties += count * count * count - count;
        before += count;
    }
    let total = n + m;
    let distance = (rank_sum - n * (total + 1.0) / 2.0).abs() - 0.5;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)).max(1.0));
    if variance <= 0.0 || distance <= 0.0 {
        return 1.0;
    }
    complementary_error(distance / (2.0 * variance).sqrt())
}

/// Probability that of `whole` drawn from two groups at least `part` marked ones fall into a group of `drawn`, where
/// `marked` of all are: the upper tail of Fisher's exact test.
pub fn over_represented((part, drawn): (usize, usize), (marked, whole): (usize, usize)) -> f64 {
    if part > marked || part > drawn || marked > whole || drawn > whole {
        return 1.0;
    }
    let most = marked.min(drawn);
    let all_ways = ln_choose(whole, drawn);
    let ways = |count: usize| ln_choose(marked, count) + ln_choose(whole - marked, drawn - count) - all_ways;
    let possible = (part..=most).filter(|count| drawn - count <= whole - marked);
    possible.map(|count| ways(count).exp()).sum::<f64>().min(1.0)
}

fn ln_choose(whole: usize, part: usize) -> f64 {
    ln_factorial(whole) - ln_factorial(part) - ln_factorial(whole.saturating_sub(part))
}

/// By Stirling's series; by product where that is not yet precise.
fn ln_factorial(number: usize) -> f64 {
    if number < 20 {
        return (2..=number).map(|factor| (factor as f64).ln()).sum();
    }
    let x = number as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI * x).ln() + series
}

/// erfc(x) for x >= 0: a series near zero, a continued fraction beyond.
fn complementary_error(x: f64) -> f64 {
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.0 {
        // erf(x) = 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1))
        let (mut term, mut sum) = (x, x);
        for step in 1..60 {
            term *= 2.0 * x * x / f64::from(2 * step + 1);
            sum += term;
        }
        return (1.0 - 2.0 * scale * sum).max(0.0);
    }
    let fraction = (1..=60).rev().fold(0.0, |below, step| f64::from(step) / 2.0 / (x + below));
    scale / (x + fraction)
}

#[cfg(test)]
mod tests;
