//! Random numbers for the simulator: a seeded generator and the distributions that traffic is made of.

use std::f64::consts::TAU;

/// SplitMix64: small, seedable, and good enough for a simulation.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for one part of the simulation, so that parts do not disturb one another.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, at most 1.
    pub fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Box and Muller.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }

    /// Knuth's products for small means, halved by a gamma variate for large ones (Ahrens and Dieter 1974).
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            let order = (mean * 0.875).floor();
            let waited = self.gamma(order);
            return if waited < mean {
                order + self.poisson(mean - waited)
            } else {
                self.binomial(order - 1.0, mean / waited)
            };
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            count += 1.0;
            product *= self.unit();
        }
        count
    }

    /// By order statistics for many trials, one by one for few.
    pub fn binomial(&mut self, trials: f64, probability: f64) -> f64 {
        let (mut trials, mut probability, mut count) = (trials, probability.clamp(0.0, 1.0), 0.0);
        while trials > 40.0 {
            let middle = (trials / 2.0).floor() + 1.0;
            let median = self.beta(middle, trials + 1.0 - middle);
            if median <= probability {
                count += middle;
                trials -= middle;
                probability = ((probability - median) / (1.0 - median)).clamp(0.0, 1.0);
            } else {
                trials = middle - 1.0;
                probability = (probability / median).clamp(0.0, 1.0);
            }
        }
        for _ in 0..trials as u64 {
            count += f64::from(u8::from(self.unit() < probability));
        }
        count
    }

    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 { x / (x + y) } else { 0.0 }
    }

    /// Marsaglia and Tsang 2000.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.unit().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}
