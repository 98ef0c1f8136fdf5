use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use narthex_config::Config;
use narthex_discovery::{TargetGroup, TargetSets};
use narthex_model::{Labels, Matcher, Metadata, is_stale_nan};
use narthex_scrape::{FailureLog, Health, HttpFetch, Manager, Options};
use narthex_storage::{
    AppendError, Appendable, Appender, Columns, Committed, MemoryStore, QueryContext, Queryable,
    SampleValue, SelectHints, SeriesKey, SeriesRef, TimeRange,
};
use tokio::runtime::Handle;

use crate::server::{Answer, Server, page};

fn manager(store: &Arc<MemoryStore>) -> Manager {
    Manager::new(Arc::clone(store) as _, HttpFetch::for_job, Handle::current(), Options::default())
}

/// Returns a configuration whose jobs, by name, scrape these addresses every 400 milliseconds.
fn config(jobs: &[(&str, &[String])]) -> Config {
    let jobs = jobs.iter().map(|(name, targets)| {
        let targets = targets.join("', '");
        format!(
            "{{job_name: {name}, scrape_interval: 400ms, scrape_timeout: 350ms, \
             static_configs: [{{targets: ['{targets}']}}]}}"
        )
    });
    let text = format!("scrape_configs: [{}]", jobs.collect::<Vec<_>>().join(", "));
    Config::load(&text, "test.yml", |_| None).unwrap()
}

/// Returns the samples of all series with this name and job.
fn samples(store: &MemoryStore, name: &str, job: &str) -> Vec<f64> {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let matchers = [Matcher::equal("__name__", name), Matcher::equal("job", job)];
    let selection = querier.select(&ctx, &matchers, &SelectHints::default()).unwrap();
    let (mut all, mut columns) = (Vec::new(), Columns::default());
    for series in 0..selection.len() {
        selection.read(&ctx, series, &mut columns).unwrap();
        all.extend_from_slice(columns.values());
    }
    all
}

/// Waits until `met`, for at most ten seconds.
async fn until(what: &str, met: impl Fn() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_are_scraped_until_they_go() {
    let good = Server::start(|_| Answer::Keep(page("# HELP a Text.\na 1\n")));
    let hanging = Server::start(|_| Answer::Hang(Vec::new()));
    let addresses = [good.address.to_string(), hanging.address.to_string()];
    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    manager.apply(&config(&[("good", &addresses[..1]), ("hanging", &addresses[1..])]));

    // The hanging target takes nearly all of its time; the other is scraped all the same.
    until("there are samples", || samples(&store, "a", "good").len() >= 5).await;
    until("the other failed", || samples(&store, "up", "hanging").len() >= 3).await;
    assert!(samples(&store, "up", "good").iter().all(|up| *up == 1.0));
    assert!(samples(&store, "up", "hanging").iter().all(|up| *up == 0.0));

    let targets = manager.targets();
    let expected = Labels::from_pairs([("job", "good"), ("instance", addresses[0].as_str())]);
    assert_eq!(targets.active[0].labels, expected);
    assert_eq!(targets.active[0].last.health, Health::Up);
    assert_eq!(targets.active[1].last.health, Health::Down);
    let expected = format!("Get \"{}\": context deadline exceeded", hanging.url());
    assert_eq!(*targets.active[1].last.error, expected);
    let mut helps = Vec::new();
    manager.visit_metadata(Some("a"), |labels, _, metadata| {
        helps.push((labels.value("job").to_owned(), metadata.help.clone()));
    });
    assert_eq!(helps, [("good".to_owned(), "Text.".into())]);
    let stats = manager.stats();
    assert!(stats.scrapes >= 8 && stats.scrapes_failed >= 3, "{stats:?}");
    assert_eq!((stats.pools, stats.jobs["good"].targets), (2, 1));
    assert!(stats.interval_length[&Duration::from_millis(400)].count >= 6);

    // Its job goes away, so its series end.
    manager.apply(&config(&[("hanging", &addresses[1..])]));
    assert_eq!(manager.targets().active.len(), 1);
    let ended = || samples(&store, "a", "good").last().copied().is_some_and(is_stale_nan);
    until("the series ended", ended).await;
    assert!(samples(&store, "up", "good").last().copied().is_some_and(is_stale_nan));
    manager.shutdown().await;
    let count = samples(&store, "up", "hanging").len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let later = samples(&store, "up", "hanging");
    assert_eq!(later.len(), count, "scraped after the shutdown");
    assert!(!later.last().copied().is_some_and(is_stale_nan), "a shutdown ends no series");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_job_goes_on_without_a_gap() {
    let server = Server::start(|_| Answer::Keep(page("a 1\n")));
    let address = [server.address.to_string()];
    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    let before = config(&[("job", &address)]);
    manager.apply(&before);
    until("there are samples", || samples(&store, "a", "job").len() >= 3).await;

    manager.apply(&before);
    assert_eq!(manager.stats().pool_reloads, 0, "nothing changed");
    let mut after = before;
    after.scrape_configs[0].limits.sample_limit = 100;
    manager.apply(&after);
    assert_eq!(manager.stats().pool_reloads, 1);
    assert_eq!(manager.targets().active[0].last.health, Health::Up, "the state stays");
    let count = samples(&store, "a", "job").len();
    until("there are more samples", || samples(&store, "a", "job").len() >= count + 5).await;
    assert!(!samples(&store, "a", "job").iter().copied().any(is_stale_nan));
    let added = samples(&store, "scrape_series_added", "job");
    assert_eq!(added.iter().sum::<f64>(), 1.0, "the series were known: {added:?}");
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_makes_other_series_ends_the_old_ones() {
    let server = Server::start(|_| Answer::Keep(page("a{job=\"own\"} 1\n")));
    let address = [server.address.to_string()];
    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    let before = config(&[("job", &address)]);
    manager.apply(&before);
    until("there are samples", || samples(&store, "a", "job").len() >= 2).await;

    let mut after = before;
    after.scrape_configs[0].honor_labels = true;
    manager.apply(&after);
    let ended = || samples(&store, "a", "job").last().copied().is_some_and(is_stale_nan);
    until("the old series ended", ended).await;
    until("the new one goes on", || samples(&store, "a", "own").len() >= 3).await;
    let own = samples(&store, "up", "job");
    assert!(!own.iter().copied().any(is_stale_nan), "the target was there all the time: {own:?}");
    manager.shutdown().await;
}

/// A store with a fault that strikes while `broken`.
#[derive(Default)]
struct Faulty {
    store: MemoryStore,
    broken: AtomicBool,
}

impl Appendable for Faulty {
    fn appender(&self) -> Box<dyn Appender + '_> {
        assert!(!self.broken.load(Ordering::Relaxed), "the store is at fault, as the test wants");
        self.store.appender()
    }
}

#[tokio::test]
async fn a_fault_costs_one_scrape() {
    let server = Server::start(|_| Answer::Keep(page("a 1\n")));
    let store = Arc::new(Faulty::default());
    store.broken.store(true, Ordering::Relaxed);
    let appendable = Arc::clone(&store) as Arc<dyn Appendable>;
    let manager =
        Manager::new(appendable, HttpFetch::for_job, Handle::current(), Options::default());
    manager.apply(&config(&[("job", &[server.address.to_string()])]));
    let last = || manager.targets().active[0].last.clone();
    until("the fault shows", || last().health == Health::Down).await;
    assert_eq!(&*last().error, "scrape aborted by an internal error");
    store.broken.store(false, Ordering::Relaxed);
    until("scrapes go on", || last().health == Health::Up).await;
    assert!(!samples(&store.store, "a", "job").is_empty());
    manager.shutdown().await;
}

/// A store whose commits wait for a disk until it is `done`.
#[derive(Default)]
struct Slow {
    store: MemoryStore,
    waiting: AtomicUsize,
    done: (Mutex<bool>, Condvar),
}

struct SlowAppender<'a> {
    slow: &'a Slow,
    inner: Box<dyn Appender + 'a>,
}

impl Appendable for Slow {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(SlowAppender { slow: self, inner: self.store.appender() })
    }
}

impl Appender for SlowAppender<'_> {
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.inner.append(series, timestamp_ms, value)
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        self.inner.set_metadata(series, metadata)
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        self.slow.waiting.fetch_add(1, Ordering::Relaxed);
        let (is_done, changed) = &self.slow.done;
        drop(changed.wait_while(is_done.lock().unwrap(), |is_done| !*is_done).unwrap());
        self.inner.commit()
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }
}

/// However slow the disk is, scrapes are held up by their own commits alone, and these share its time.
#[tokio::test]
async fn scrapes_do_not_wait_for_commits_of_others() {
    let count = 4 * std::thread::available_parallelism().unwrap().get();
    let servers = (0..count).map(|_| Server::start(|_| Answer::Keep(page("a 1\n"))));
    let servers = servers.collect::<Vec<_>>();
    let addresses = servers.iter().map(|server| server.address.to_string()).collect::<Vec<_>>();
    let store = Arc::new(Slow::default());
    let appendable = Arc::clone(&store) as Arc<dyn Appendable>;
    let manager =
        Manager::new(appendable, HttpFetch::for_job, Handle::current(), Options::default());
    manager.apply(&config(&[("job", &addresses)]));
    until("all wait for the disk", || store.waiting.load(Ordering::Relaxed) == count).await;
    *store.done.0.lock().unwrap() = true;
    store.done.1.notify_all();
    until("all are stored", || samples(&store.store, "a", "job").len() >= count).await;
    manager.shutdown().await;
}

#[tokio::test]
async fn too_many_targets_are_not_scraped() {
    let server = Server::start(|_| Answer::Keep(page("a 1\n")));
    let addresses = [server.address.to_string(), format!("localhost:{}", server.address.port())];
    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    let mut config = config(&[("job", &addresses)]);
    config.scrape_configs[0].limits.target_limit = 1;
    manager.apply(&config);
    until("both failed", || {
        let targets = manager.targets().active;
        targets.iter().all(|target| target.last.health == Health::Down)
    })
    .await;
    let error = manager.targets().active[0].last.error.clone();
    assert_eq!(&*error, "target_limit exceeded (number of targets: 2, limit: 1)");
    assert!(samples(&store, "a", "job").is_empty());
    assert!(server.requests.try_recv().is_err(), "nobody was asked");
    manager.shutdown().await;
}

#[tokio::test]
async fn equal_targets_are_one_and_dropped_ones_are_shown() {
    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    let text = "scrape_configs: [{job_name: j, \
                relabel_configs: [{source_labels: [__address__], regex: 'x.*', action: drop}], \
                static_configs: [{targets: [a, a, x1, b, x2]}]}]";
    let mut config = Config::load(text, "test.yml", |_| None).unwrap();
    config.scrape_configs[0].limits.keep_dropped_targets = 1;
    manager.apply(&config);
    let targets = manager.targets();
    let urls = targets.active.iter().map(|target| &*target.url).collect::<Vec<_>>();
    assert_eq!(urls, ["http://a/metrics", "http://b/metrics"]);
    assert_eq!(targets.dropped.len(), 1);
    assert_eq!(targets.dropped[0].discovered_labels.get("__address__"), Some("x1"));
    assert_eq!(targets.dropped_counts, [("j".into(), 2)]);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovered_targets_come_and_go() {
    let server = Server::start(|_| Answer::Keep(page("a 1\n")));
    let text = "scrape_configs: [{job_name: j, scrape_interval: 400ms, scrape_timeout: 350ms, \
                relabel_configs: [{source_labels: [__meta_drop], regex: yes, action: drop}]}]";
    let config = Config::load(text, "test.yml", |_| None).unwrap();
    let found = |groups: &[TargetGroup]| -> TargetSets {
        let groups = groups.iter().cloned().map(Arc::new).collect();
        Arc::new([("j".into(), groups)].into())
    };
    let labels = Labels::from_pairs([("env", "dev"), ("__meta_from", "test")]);
    let good = TargetGroup::new("good", [server.address.to_string()]).with_labels(labels);
    let dropped = TargetGroup::new("dropped", ["h:1"])
        .with_labels(Labels::from_pairs([("__meta_drop", "yes")]));

    let store = Arc::new(MemoryStore::default());
    let manager = manager(&store);
    manager.apply(&config);
    manager.discovered(&found(&[good.clone(), dropped]));
    until("the target is scraped", || !samples(&store, "up", "j").is_empty()).await;
    let targets = manager.targets();
    let [target] = &targets.active[..] else { panic!("{targets:?}") };
    assert_eq!(target.discovered_labels.get("__meta_from"), Some("test"));
    assert_eq!(target.labels.get("env"), Some("dev"));
    assert_eq!(targets.dropped[0].discovered_labels.get("__meta_drop"), Some("yes"));

    // Another group leaves the target alone, as does a reload of the same configuration.
    manager.discovered(&found(&[good, TargetGroup::new("other", ["localhost:1"])]));
    manager.apply(&config);
    let targets = manager.targets();
    assert_eq!((targets.active.len(), targets.dropped.len()), (2, 0));
    assert!(targets.active[0].last.timestamp_ms.is_some());

    manager.discovered(&TargetSets::default());
    assert!(manager.targets().active.is_empty());
    let is_stale = |value: &f64| is_stale_nan(*value);
    until("the series end", || samples(&store, "a", "j").last().is_some_and(is_stale)).await;
}

/// Notes what it is told.
#[derive(Debug, Default)]
struct Failures(Mutex<Vec<[String; 4]>>);

impl FailureLog for Failures {
    fn log(&self, file: &str, job: &str, url: &str, error: &str) {
        self.0.lock().unwrap().push([file, job, url, error].map(str::to_owned));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_cannot_be_had_are_told() {
    let gone = Server::start(|_| Answer::Close(b"HTTP/1.1 410 Gone\r\n\r\n".to_vec()));
    let broken = Server::start(|_| Answer::Keep(page("a b c\n")));
    let failures = Arc::new(Failures::default());
    let mut options = Options::default();
    options.failure_log = Some(failures.clone());
    let store = Arc::new(MemoryStore::default());
    let manager =
        Manager::new(Arc::clone(&store) as _, HttpFetch::for_job, Handle::current(), options);
    let addresses = [gone.address.to_string(), broken.address.to_string()];
    let mut config = config(&[("told", &addresses), ("silent", &addresses)]);
    config.scrape_configs[0].scrape_failure_log_file = "failures.log".to_owned();
    manager.apply(&config);
    until("all were scraped", || {
        ["told", "silent"].iter().all(|job| samples(&store, "up", job).len() >= 4)
    })
    .await;
    manager.shutdown().await;
    let told = failures.0.lock().unwrap();
    let error = "server returned HTTP status 410 Gone";
    let expected = ["failures.log", "told", &gone.url(), error].map(str::to_owned);
    assert!(!told.is_empty() && told.iter().all(|failure| *failure == expected), "{told:?}");
}
