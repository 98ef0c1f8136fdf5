//! Discovery against real files and a server that speaks the real protocol, on this machine alone.

#[cfg(feature = "consul")]
mod consul;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;
mod kinds;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "_objects")]
mod server;

#[cfg(feature = "_kind")]
mod support {
    use std::time::Duration;

    use narthex_discovery::TargetSets;
    use tokio::sync::watch;

    /// Returns the addresses that were found for a job, sorted.
    pub(crate) fn addresses(sets: &TargetSets, job: &str) -> String {
        let groups = sets.get(job).into_iter().flat_map(|groups| groups.iter());
        let targets = groups.flat_map(|group| &group.targets);
        let mut addresses: Vec<_> = targets.map(|target| target.value("__address__")).collect();
        addresses.sort_unstable();
        addresses.join(" ")
    }

    /// Waits until the addresses of a job are these, for at most twenty seconds.
    #[track_caller]
    pub(crate) fn until(
        sets: &watch::Receiver<TargetSets>,
        job: &str,
        expected: &str,
    ) -> impl Future<Output = ()> {
        let mut sets = sets.clone();
        let (job, expected) = (job.to_owned(), expected.to_owned());
        async move {
            let met = sets.wait_for(|sets| addresses(sets, &job) == expected);
            let met = tokio::time::timeout(Duration::from_secs(20), met).await.is_ok();
            assert!(met, "{} instead of {expected}", addresses(&sets.borrow(), &job));
        }
    }
}
