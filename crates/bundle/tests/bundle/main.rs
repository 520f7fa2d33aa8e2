//! The bundle's contract, from outside.

mod fixture;
mod round_trip;
