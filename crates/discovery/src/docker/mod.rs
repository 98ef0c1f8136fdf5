//! Targets from the containers of a Docker daemon.

mod containers;
mod daemon;
mod lookup;

pub(crate) use lookup::DockerLookup;

#[cfg(test)]
mod tests;
