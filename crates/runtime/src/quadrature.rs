//! Gauss–Legendre quadrature: where integrated gradients look at a path.

/// Nodes and weights over 0..1, ascending. Exact for polynomials up to degree 2n − 1.
///
/// The roots of the Legendre polynomial by Newton's method with the roots found before divided out
/// (Maehly 1954), from 1 downwards; the weights are 25.4.29 of Abramowitz & Stegun 1964.
pub fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let mut roots: Vec<f64> = Vec::with_capacity(count);
    let mut nodes = Vec::with_capacity(count);
    for _ in 0..count {
        // All roots left lie below: from above, Newton's method comes down to the largest of them.
        let mut x = 1.0;
        for _ in 0..10_000 {
            let (value, slope) = legendre(count, x);
            let found: f64 = roots.iter().map(|root| 1.0 / (x - root)).sum();
            let step = value / (slope - value * found);
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        let (_, slope) = legendre(count, x);
        roots.push(x);
        let weight = 1.0 / ((1.0 - x * x) * slope * slope);
        nodes.push((f64::midpoint(1.0, -x), weight));
    }
    nodes
}

/// Legendre polynomial of a degree and its derivative at `x`.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut value) = (1.0, x);
    let (mut previous_slope, mut slope) = (0.0, 1.0);
    for k in 2..=degree {
        let k = k as f64;
        let next = ((2.0 * k - 1.0) * x * value - (k - 1.0) * previous) / k;
        let next_slope = previous_slope + (2.0 * k - 1.0) * value;
        (previous, value) = (value, next);
        (previous_slope, slope) = (slope, next_slope);
    }
    (value, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_is_exact_for_polynomials() {
        for count in [1, 2, 3, 4, 8, 16, 32, 64] {
            let nodes = gauss_legendre(count);
            assert!(nodes.is_sorted_by(|a, b| a.0 < b.0), "{count}: {nodes:?}");
            for degree in 0..2 * count.min(12) {
                let sum: f64 = nodes.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                let exact = 1.0 / (degree as f64 + 1.0);
                assert!(
                    (sum - exact).abs() < 1e-12,
                    "{count} nodes, degree {degree}: {sum}"
                );
            }
        }
    }
}
