//! Student and teacher: forward passes and explanations.
