//! The runtime's JavaScript surface.
