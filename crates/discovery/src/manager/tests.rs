use std::future::pending;

use narthex_model::Labels;
use tokio::sync::mpsc;

use super::*;

/// A discovery that says what the test says.
struct Told(mpsc::UnboundedReceiver<(Vec<TargetGroup>, bool)>);

impl Discovery for Told {
    async fn run(mut self, updates: Updates) {
        while let Some((groups, replace)) = self.0.recv().await {
            if replace {
                updates.replace(groups);
            } else {
                updates.update(groups);
            }
        }
        pending::<()>().await;
    }
}

type Teller = mpsc::UnboundedSender<(Vec<TargetGroup>, bool)>;

fn told(manager: &Manager, job: &str) -> Teller {
    let (teller, told) = mpsc::unbounded_channel();
    manager.add(job, "told", Told(told));
    teller
}

fn manager() -> Manager {
    Manager::new(Handle::current(), Options::default())
}

/// Returns `source=address,address;…` of all groups of a job.
fn show(sets: &TargetSets, job: &str) -> String {
    let Some(groups) = sets.get(job) else { return "no such job".to_owned() };
    let group = |group: &Arc<TargetGroup>| {
        let addresses: Vec<_> =
            group.targets.iter().map(|target| target.value("__address__")).collect();
        format!("{}={}", group.source, addresses.join(","))
    };
    groups.iter().map(group).collect::<Vec<_>>().join(";")
}

#[tokio::test(start_paused = true)]
async fn groups_are_kept_by_source() {
    let manager = manager();
    let teller = told(&manager, "j");
    let mut sets = manager.subscribe();
    let group = |source: &str, addresses: &[&str]| TargetGroup::new(source, addresses);
    for (groups, replace, expected) in [
        (vec![group("a", &["1"]), group("b", &["2", "3"])], false, "a=1;b=2,3"),
        (vec![group("b", &["2"])], false, "a=1;b=2"),
        (vec![group("a", &[])], false, "b=2"),
        (vec![group("c", &["4"]), group("c", &["5"])], false, "b=2;c=5"),
        (vec![group("d", &["6"])], true, "d=6"),
        (vec![group("d", &[]), group("none", &[])], true, ""),
        (vec![group("none", &[])], false, "no news"),
        (vec![], true, "no news"),
        (vec![group("e", &["7"])], false, "e=7"),
        (vec![group("e", &["7"])], true, "no news"),
    ] {
        sets.mark_unchanged();
        teller.send((groups.clone(), replace)).unwrap();
        let news = tokio::time::timeout(Duration::from_secs(9), sets.changed()).await.is_ok();
        let found = if news { show(&sets.borrow(), "j") } else { "no news".to_owned() };
        assert_eq!(found, expected, "{groups:?} {replace}");
    }
    assert_eq!(manager.stats().received_updates, 10);
}

#[tokio::test(start_paused = true)]
async fn the_first_update_is_sent_at_once_and_others_together() {
    let manager = manager();
    let teller = told(&manager, "j");
    let mut sets = manager.subscribe();
    let began = Instant::now();
    for address in ["1", "2", "3"] {
        teller.send((vec![TargetGroup::new(address, [address])], false)).unwrap();
        if address == "1" {
            sets.changed().await.unwrap();
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }
    sets.changed().await.unwrap();
    assert_eq!(show(&sets.borrow(), "j"), "1=1;2=2;3=3");
    assert_eq!(began.elapsed().as_millis() / 10, 10);
    let stats = manager.stats();
    // One sending is that of the job's start.
    assert_eq!((stats.received_updates, stats.sent_updates, stats.delayed_updates), (3, 3, 1));
    assert_eq!(stats.jobs["j"].targets, 3);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_did_not_change_keep_their_list() {
    let manager = manager();
    let (one, two) = (told(&manager, "one"), told(&manager, "two"));
    one.send((vec![TargetGroup::new("a", ["1"])], false)).unwrap();
    let mut sets = manager.subscribe();
    let before = sets.wait_for(|sets| !sets["one"].is_empty()).await.unwrap().clone();
    two.send((vec![TargetGroup::new("a", ["1"])], false)).unwrap();
    let after = sets.wait_for(|sets| !sets["two"].is_empty()).await.unwrap().clone();
    assert!(Arc::ptr_eq(&before["one"], &after["one"]));
}

#[tokio::test(start_paused = true)]
async fn a_discovery_ends_with_its_manager() {
    /// Keeps its place to speak for longer than its own future lives.
    struct Lasting(mpsc::UnboundedSender<Updates>);
    impl Discovery for Lasting {
        async fn run(self, updates: Updates) {
            self.0.send(updates).unwrap();
            pending::<()>().await;
        }
    }
    let manager = manager();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    manager.add("j", "lasting", Lasting(sender));
    let updates = receiver.recv().await.unwrap();
    assert!(!updates.is_closed());
    drop(manager);
    // The future is dropped, and its half of the channel with it.
    assert!(receiver.recv().await.is_none());
    tokio::task::yield_now().await;
    assert!(updates.is_closed());
    updates.replace([TargetGroup::new("late", ["1"])]);
}

#[test]
fn a_group_has_addresses_and_labels() {
    let labels = Labels::from_pairs([("env", "dev")]);
    let group = TargetGroup::new("a", ["h:1"]).with_labels(labels.clone());
    assert_eq!(group.targets, [Labels::from_pairs([("__address__", "h:1")])]);
    assert_eq!(group.labels, labels);
}
