/// Why a discovery of a configuration cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This program has no discovery of that kind: it is not written yet, or its feature of this
    /// crate is off.
    #[error("service discovery of kind {kind:?} of job {job:?} is not implemented")]
    Unknown {
        /// The kind, such as `ec2`.
        kind: &'static str,
        /// The first job that has one.
        job: Box<str>,
    },
}
