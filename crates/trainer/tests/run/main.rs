//! `stillglass run` as a whole.

mod families;
mod resume;
mod tiny;
