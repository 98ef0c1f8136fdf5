use std::str::FromStr;

use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};

use super::lookup::group;

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

#[test]
fn records_become_targets() {
    for (data, expected) in [
        (
            RData::SRV(SRV::new(1, 1, 9100, name("node.example."))),
            r#"{__address__="node.example:9100", __meta_dns_name="n", __meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="node.example."}"#,
        ),
        (
            RData::MX(MX::new(1, name("mail.example."))),
            r#"{__address__="mail.example:80", __meta_dns_mx_record_target="mail.example.", __meta_dns_name="n"}"#,
        ),
        (
            RData::NS(NS(name("ns.example."))),
            r#"{__address__="ns.example:80", __meta_dns_name="n", __meta_dns_ns_record_target="ns.example."}"#,
        ),
        (
            RData::A(A([192, 0, 2, 1].into())),
            r#"{__address__="192.0.2.1:80", __meta_dns_name="n"}"#,
        ),
        (
            RData::AAAA(AAAA("2001:db8::1".parse().unwrap())),
            r#"{__address__="[2001:db8::1]:80", __meta_dns_name="n"}"#,
        ),
        (RData::CNAME(CNAME(name("other.example."))), ""),
    ] {
        let record = Record::from_rdata(name("n."), 60, data);
        let group = group("n", &[record], 80);
        let targets: Vec<_> = group.targets.iter().map(ToString::to_string).collect();
        assert_eq!(targets.join(" "), expected);
        assert_eq!(group.source, "n");
    }
}
