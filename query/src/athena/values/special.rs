//! Special functions.
//!
//! Owns: the error function, the regularized incomplete beta function, and their inverses.
//! Does not own: the distributions they belong to.
//! Invariant: the series and fractions are those of Apache Commons Math, which Trino computes with, so that the digits agree.

/// How near a fraction's terms must come to each other.
const NEAR: f64 = 1e-15;
const NEAR_BETA: f64 = 1e-14;
/// How near a root must be found, and how near 0 its value.
const ABSOLUTE_ACCURACY: f64 = 1e-9;
const RELATIVE_ACCURACY: f64 = 1e-14;
const VALUE_ACCURACY: f64 = 1e-15;
const TERMS_MAX: u32 = 10_000;
/// The logarithm of the gamma function at a half.
const LOG_GAMMA_HALF: f64 = 0.572_364_942_924_700_1;
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_7;
const LANCZOS_G: f64 = 607.0 / 128.0;
/// Lanczos' approximation of the gamma function.
const LANCZOS: [f64; 15] = [
    0.999_999_999_999_997_1,
    57.156_235_665_862_92,
    -59.597_960_355_475_49,
    14.136_097_974_741_746,
    -0.491_913_816_097_620_2,
    0.339_946_499_848_118_9e-4,
    4.652_362_892_704_858e-5,
    -0.983_744_753_048_795_6e-4,
    0.158_088_703_224_912_5e-3,
    -0.210_264_441_724_104_88e-3,
    0.217_439_618_115_212_65e-3,
    -0.164_318_106_536_763_9e-3,
    0.844_182_239_838_527_4e-4,
    -0.261_908_384_015_814_1e-4,
    0.368_991_826_595_316_2e-5,
];
/// Mike Giles, "Approximating the erfinv function": in the middle, towards the ends, at the ends.
const INVERSE_ERF: [&[f64]; 3] = [
    &[
        -3.644_412_064_017_82e-21,
        -1.685_059_138_182_016_6e-19,
        1.285_848_071_525_64e-18,
        1.115_787_767_802_518_1e-17,
        -1.333_171_662_854_621e-16,
        2.097_276_787_596_856e-17,
        6.637_638_134_358_324e-15,
        -4.054_566_272_975_207e-14,
        -8.151_934_197_605_472e-14,
        2.633_509_315_308_232_3e-12,
        -1.297_513_325_345_353_2e-11,
        -5.415_412_054_294_628e-11,
        1.051_212_273_321_532_3e-9,
        -4.112_633_980_346_984e-9,
        -2.907_036_995_788_200_5e-8,
        4.234_787_782_793_240_4e-7,
        -1.365_469_200_083_467_9e-6,
        -1.388_252_336_278_646_9e-5,
        0.000_186_734_208_034_057_14,
        -0.000_740_702_534_166_267,
        -0.006_033_670_871_430_149,
        0.240_158_182_425_589_62,
        1.653_654_562_683_102_7,
    ],
    &[
        2.213_737_692_177_578_7e-9,
        9.075_656_193_888_539e-8,
        -2.751_740_629_706_454_5e-7,
        1.823_962_921_438_922_8e-8,
        1.502_740_396_890_982_8e-6,
        -4.013_867_526_981_546e-6,
        2.923_444_908_995_544_6e-6,
        1.247_530_448_167_177_9e-5,
        -4.731_822_900_905_573_4e-5,
        6.828_485_145_957_318e-5,
        2.403_111_038_709_789_4e-5,
        -0.000_355_037_520_362_847_5,
        0.000_953_289_379_737_380_5,
        -0.001_688_275_556_023_504_7,
        0.002_491_442_096_107_851,
        -0.003_751_208_507_569_241,
        0.005_370_914_553_590_064,
        1.005_258_967_694_159_2,
        3.083_885_610_492_220_8,
    ],
    &[
        -2.710_992_061_643_857_3e-11,
        -2.555_641_816_996_525e-10,
        1.507_657_269_350_054_8e-9,
        -3.789_465_440_126_737e-9,
        7.615_701_208_078_34e-9,
        -1.496_002_662_714_924e-8,
        2.914_795_345_090_108e-8,
        -6.771_199_775_845_234e-8,
        2.290_048_222_802_665_5e-7,
        -9.929_827_294_231_7e-7,
        4.526_062_597_223_154e-6,
        -1.968_177_810_553_167e-5,
        7.599_527_703_001_776e-5,
        -0.000_215_030_119_300_444_77,
        -0.000_138_719_318_336_231_22,
        1.010_300_464_864_534_4,
        4.849_906_401_408_584,
    ],
];

/// The error function.
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() > 40.0 {
        return x.signum();
    }
    regularized_gamma_half(x * x) * if x < 0.0 { -1.0 } else { 1.0 }
}

/// The regularized incomplete gamma function at a half.
fn regularized_gamma_half(x: f64) -> f64 {
    let half = 0.5;
    if x.is_nan() || x == 0.0 {
        return x;
    }
    let scale = (-x + half * x.ln() - LOG_GAMMA_HALF).exp();
    if x >= half + 1.0 {
        let fraction = fraction(|n| (2.0 * n + 1.0 - half + x, n * (half - n)), NEAR);
        return 1.0 - scale / fraction;
    }
    let (mut n, mut term) = (0.0, 1.0 / half);
    let mut sum = term;
    while (term / sum).abs() > NEAR && n < f64::from(TERMS_MAX) {
        n += 1.0;
        term *= x / (half + n);
        sum += term;
    }
    scale * sum
}

/// A continued fraction by Lentz's method: `term` gives what is added to and what is divided at each step.
fn fraction(term: impl Fn(f64) -> (f64, f64), near: f64) -> f64 {
    const SMALL: f64 = 1e-50;
    let or_small = |value: f64| if value.abs() <= SMALL { SMALL } else { value };
    let mut value = or_small(term(0.0).0);
    let (mut c, mut d) = (value, 0.0);
    for n in 1..TERMS_MAX {
        let (a, b) = term(f64::from(n));
        d = 1.0 / or_small(a + b * d);
        c = or_small(a + b / c);
        let delta = c * d;
        value *= delta;
        if (delta - 1.0).abs() < near {
            break;
        }
    }
    value
}

/// What `erf` gives `x` for.
pub(crate) fn inverse_erf(x: f64) -> f64 {
    let w = -((1.0 - x) * (1.0 + x)).ln();
    let (w, coefficients) = match w {
        w if w < 6.25 => (w - 3.125, INVERSE_ERF[0]),
        w if w < 16.0 => (w.sqrt() - 3.25, INVERSE_ERF[1]),
        f64::INFINITY => return x * f64::INFINITY,
        w => (w.sqrt() - 5.0, INVERSE_ERF[2]),
    };
    coefficients.iter().fold(0.0, |sum, coefficient| sum * w + coefficient) * x
}

fn log_gamma(x: f64) -> f64 {
    let terms = LANCZOS.iter().enumerate().skip(1).rev();
    let sum = terms.fold(0.0, |sum, (i, coefficient)| sum + coefficient / (x + i as f64)) + LANCZOS[0];
    let shifted = x + LANCZOS_G + 0.5;
    (x + 0.5) * shifted.ln() - shifted + HALF_LOG_TWO_PI + (sum / x).ln()
}

/// The share of the beta distribution of `a` and `b` up to `x`.
pub(crate) fn regularized_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (2.0 + b + a) && 1.0 - x <= (b + 1.0) / (2.0 + b + a) {
        return 1.0 - regularized_beta(1.0 - x, b, a);
    }
    let log_beta = log_gamma(a) + log_gamma(b) - log_gamma(a + b);
    let term = |n: f64| {
        let m = (n / 2.0).floor();
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -((a + m) * (a + b + m) * x) / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        (1.0, if n % 2.0 == 0.0 { even } else { odd })
    };
    (a * x.ln() + b * (-x).ln_1p() - a.ln() - log_beta).exp() / fraction(term, NEAR_BETA)
}

/// What `regularized_beta` gives `p` for.
pub(crate) fn inverse_regularized_beta(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { 0.0 } else { 1.0 };
    }
    let off = |x: f64| regularized_beta(x, a, b) - p;
    let (middle, at_middle) = (0.5, off(0.5));
    match at_middle {
        near if near.abs() <= VALUE_ACCURACY => middle,
        above if above > 0.0 => root(&off, (0.0, off(0.0)), (middle, at_middle)),
        _ => root(&off, (middle, at_middle), (1.0, off(1.0))),
    }
}

/// Where a function is 0 between two points, by Brent's method (R. P. Brent, "Algorithms for Minimization Without Derivatives"),
/// with Trino's accuracy: a closer root would be another answer.
fn root(f: &dyn Fn(f64) -> f64, low: (f64, f64), high: (f64, f64)) -> f64 {
    let ((mut a, mut fa), (mut b, mut fb)) = (low, high);
    let (mut c, mut fc) = (a, fa);
    let (mut step, mut before) = (b - a, b - a);
    loop {
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = 2.0 * RELATIVE_ACCURACY * b.abs() + ABSOLUTE_ACCURACY;
        let half = 0.5 * (c - b);
        if half.abs() <= tolerance || fb.abs() <= f64::MIN_POSITIVE {
            return b;
        }
        if before.abs() < tolerance || fa.abs() <= fb.abs() {
            (step, before) = (half, half);
        } else {
            let s = fb / fa;
            let (mut p, mut q) = if a.to_bits() == c.to_bits() {
                (2.0 * half * s, 1.0 - s)
            } else {
                let (q, r) = (fa / fc, fb / fc);
                (s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (s - 1.0))
            };
            (p, q) = if p > 0.0 { (p, -q) } else { (-p, q) };
            let last = std::mem::replace(&mut before, step);
            let is_bad = p >= 1.5 * half * q - (tolerance * q).abs() || p >= (0.5 * last * q).abs();
            step = if is_bad { half } else { p / q };
            before = if is_bad { half } else { before };
        }
        (a, fa) = (b, fb);
        b += if step.abs() > tolerance { step } else { tolerance.copysign(half) };
        fb = f(b);
        if (fb > 0.0) == (fc > 0.0) {
            (c, fc) = (a, fa);
            (step, before) = (b - a, b - a);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_never_leads_elsewhere() {
        assert!((erf(1.96 / 2_f64.sqrt()) - 0.950_004_209_703_559_2).abs() < 1e-15);
        for p in [1e-9, 0.025, 0.3, 0.5, 0.9] {
            assert!((erf(inverse_erf(p)) - p).abs() < 1e-14, "{p}");
            assert!((regularized_beta(inverse_regularized_beta(p, 3.0, 3.6), 3.0, 3.6) - p).abs() < 1e-7, "{p}");
        }
    }
}
