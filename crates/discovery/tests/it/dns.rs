use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use narthex_config::{DnsDiscovery, DnsRecordType};
use narthex_discovery::{DnsLookup, Manager, NameServers, Options};
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use crate::support::{addresses, until};

/// A name server for `example.`, in which some names can break, and others vanish.
#[derive(Default)]
struct Zone {
    broken: AtomicBool,
    vanished: AtomicBool,
}

impl Zone {
    fn answer(&self, name: &str, record_type: RecordType) -> Result<Vec<RData>, ResponseCode> {
        let srv = |port, target| {
            RData::SRV(SRV::new(1, 1, port, Name::from_ascii(target).expect("a name")))
        };
        match (name, record_type) {
            ("web.example.", _) if self.broken.load(Ordering::Relaxed) => {
                Err(ResponseCode::ServFail)
            }
            ("db.example.", _) if self.vanished.load(Ordering::Relaxed) => {
                Err(ResponseCode::NXDomain)
            }
            ("web.example.", RecordType::A) => {
                Ok(vec![RData::A(A([192, 0, 2, 1].into())), RData::A(A([192, 0, 2, 2].into()))])
            }
            ("db.example.", RecordType::A) => Ok(vec![RData::A(A([192, 0, 2, 3].into()))]),
            ("_m._tcp.example.", RecordType::SRV) => {
                Ok(vec![srv(9100, "one.example."), srv(9101, "two.example.")])
            }
            _ => Err(ResponseCode::NXDomain),
        }
    }

    async fn serve(self: Arc<Self>, socket: UdpSocket) {
        let mut packet = [0; 4096];
        while let Ok((size, peer)) = socket.recv_from(&mut packet).await {
            let query = Message::from_vec(&packet[..size]).expect("a message");
            let name = query.queries[0].name().clone();
            let record_type = query.queries[0].query_type();
            let mut response = query.into_response();
            match self.answer(&name.to_ascii(), record_type) {
                Ok(records) => {
                    let record = |data| Record::from_rdata(name.clone(), 3600, data);
                    response.add_answers(records.into_iter().map(record));
                }
                Err(code) => response.metadata.response_code = code,
            }
            socket
                .send_to(&response.to_vec().expect("a message"), peer)
                .await
                .expect("room for a packet");
        }
    }
}

async fn start() -> (Arc<Zone>, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    let zone = Arc::<Zone>::default();
    tokio::spawn(Arc::clone(&zone).serve(socket));
    (zone, address)
}

fn lookup(
    names: &[&str],
    record_type: DnsRecordType,
    server: SocketAddr,
) -> impl narthex_discovery::Discovery {
    let config = DnsDiscovery {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        refresh_interval: Duration::from_millis(20),
        record_type,
        port: 80,
    };
    let search = vec!["example.".to_owned()];
    DnsLookup::new(config, NameServers::Given { addresses: vec![server], search })
}

#[tokio::test]
async fn names_without_an_answer_keep_their_targets() {
    let (zone, server) = start().await;
    let manager = Manager::new(Handle::current(), Options::default());
    // One is found in the search domain, one is complete.
    manager.add("j", "dns", lookup(&["web", "db.example.", "none"], DnsRecordType::A, server));
    let sets = manager.subscribe();
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80 192.0.2.3:80").await;
    let groups = Arc::clone(&sets.borrow()["j"]);
    let sources: Vec<_> = groups.iter().map(|group| group.source.as_str()).collect();
    assert_eq!(sources, ["db.example.", "web"]);

    zone.broken.store(true, Ordering::Relaxed);
    zone.vanished.store(true, Ordering::Relaxed);
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80").await;
    zone.vanished.store(false, Ordering::Relaxed);
    until(&sets, "j", "192.0.2.1:80 192.0.2.2:80 192.0.2.3:80").await;
}

#[tokio::test]
async fn services_bring_their_ports() {
    let (_zone, server) = start().await;
    let manager = Manager::new(Handle::current(), Options::default());
    manager.add("j", "dns", lookup(&["_m._tcp.example"], DnsRecordType::Srv, server));
    let sets = manager.subscribe();
    until(&sets, "j", "one.example:9100 two.example:9101").await;
    assert_eq!(addresses(&sets.borrow(), "other"), "");
    let target = sets.borrow()["j"][0].targets[0].clone();
    assert_eq!(target.get("__meta_dns_srv_record_target"), Some("one.example."));
    assert_eq!(target.get("__meta_dns_name"), Some("_m._tcp.example"));
}
