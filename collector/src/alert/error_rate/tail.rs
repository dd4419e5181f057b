//! How improbable a count of errors is: the tail of the negative binomial distribution, by the regularised incomplete beta
//! function, and what it becomes where only few requests could have failed.

/// Beyond this no rule asks, and the continued fraction stays exact.
const LARGEST_SCORE: f64 = 300.0;

/// From so many deviations upwards the tail is worth computing: the distribution leans to the right, so its tail is never
/// lighter than the normal one, which holds 2.3e-4 beyond so many.
const WORTH_COMPUTING_SD: f64 = 3.5;

/// Among so many requests the first term of the series is exact enough, and differences of large logarithms are not.
const ENDLESS_REQUESTS: f64 = 1e5;

/// Minus the decimal logarithm of the probability that a count reaches `count` when `mean` is expected and the rate itself
/// varies with the squared coefficient of variation `dispersion` (variance `mean + dispersion * mean^2`); 0 where the count
/// is too near the mean to matter to any rule.
pub(super) fn surprise(count: f64, mean: f64, dispersion: f64) -> f64 {
    let mean = mean.max(1e-9);
    let dispersion = dispersion.clamp(1e-6, 1e6);
    if count < mean + WORTH_COMPUTING_SD * (mean + dispersion * mean * mean).sqrt() {
        return 0.0;
    }
    let shape = 1.0 / dispersion;
    let ln_tail = ln_incomplete_beta(count, shape, mean / (mean + shape));
    (-ln_tail / std::f64::consts::LN_10).clamp(0.0, LARGEST_SCORE)
}

/// The same where `requests` could have failed at most. With few of them, that most failed is much less likely than the
/// unbounded count says: the terms of a binomial distribution are those of a Poisson distribution times
/// `n! / ((n - k)! n^k) * (1 - p)^(n - k) / e^(-n p)`, here with the share `p` that so many errors suggest.
pub(super) fn surprise_among(requests: f64, count: f64, mean: f64, dispersion: f64) -> f64 {
    let unbounded = surprise(count, mean, dispersion);
    if unbounded <= 0.0 || requests < count {
        return unbounded;
    }
    let ln_falling = if requests > ENDLESS_REQUESTS {
        -0.5 * count * (count - 1.0) / requests
    } else {
        ln_gamma(requests + 1.0) - ln_gamma(requests - count + 1.0) - count * requests.ln()
    };
    let share = (mean + dispersion * mean * count) / (1.0 + dispersion * mean) / requests;
    let ln_ratio = ln_falling + count * share - 0.5 * requests * share * share;
    (unbounded - ln_ratio.min(0.0) / std::f64::consts::LN_10).clamp(0.0, LARGEST_SCORE)
}

/// The natural logarithm of I_x(a, b), for x below its mode `a / (a + b)`: Lentz's method for the continued fraction,
/// DLMF 8.17.22.
fn ln_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p() - a.ln();
    const TINY: f64 = 1e-300;
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0), TINY);
    let mut fraction = d;
    for step in 1..400 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / not_zero(1.0 + even * d, TINY);
        c = not_zero(1.0 + even / c, TINY);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / not_zero(1.0 + odd * d, TINY);
        c = not_zero(1.0 + odd / c, TINY);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-9 {
            break;
        }
    }
    ln_front + fraction.max(TINY).ln()
}

fn not_zero(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}

/// Stirling's series after shifting the argument upwards; DLMF 5.11.1 and 5.5.1. Exact to 1e-12 for positive arguments.
fn ln_gamma(value: f64) -> f64 {
    let (mut x, mut shift) = (value, 0.0);
    if x < 8.0 {
        let mut product = 1.0;
        while x < 8.0 {
            product *= x;
            x += 1.0;
        }
        shift = product.ln();
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_7 + series - shift
}

#[cfg(test)]
mod tests;
