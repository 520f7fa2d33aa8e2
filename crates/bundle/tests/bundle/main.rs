//! The bundle's contract, from outside.

mod damage;
mod fixture;
mod foreign;
mod hostile;
mod hostile_edits;
mod round_trip;
mod seeds;
mod teacher;
mod writing;
