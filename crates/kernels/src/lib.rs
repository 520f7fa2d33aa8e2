//! Numerical kernels: each a reference twin in f64 and a fast CPU path.
