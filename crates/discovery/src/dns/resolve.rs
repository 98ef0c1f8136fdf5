//! Whom to ask, and for which names.

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::system_conf;

/// Name servers, and how incomplete names are completed.
#[derive(Clone, Debug, Default)]
pub enum NameServers {
    /// Those of `/etc/resolv.conf`, read anew for each look.
    #[default]
    System,
    /// These, asked in turn.
    Given {
        /// The addresses, by UDP and, for answers that are too large for that, TCP.
        addresses: Vec<SocketAddr>,
        /// Domains in which a name is looked for that has no dot.
        search: Vec<String>,
    },
}

/// Why a name has no answer, not even that there is no such name.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("could not load resolv.conf: {0}")]
    Configuration(#[source] NetError),
    #[error(
        "could not resolve {name:?}: all servers responded with errors to at least one search \
         domain: {source}"
    )]
    Name { name: Box<str>, source: NetError },
}

/// Asks the name servers of one moment.
#[derive(Debug)]
pub(super) struct Resolver {
    resolver: TokioResolver,
    search: Vec<Name>,
    ndots: usize,
}

impl Resolver {
    pub(super) fn new(servers: &NameServers) -> Result<Self, ResolveError> {
        let (config, mut options) = match servers {
            NameServers::System => system_conf::read_system_conf(),
            NameServers::Given { addresses, search } => given(addresses, search),
        }
        .map_err(ResolveError::Configuration)?;
        // Each look is to see what the servers say then.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let (search, ndots) = (config.search.clone(), options.ndots);
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(ResolveError::Configuration)?;
        Ok(Self { resolver, search, ndots })
    }

    /// Returns the records of `name`, tried in each search domain in turn: those of the first that
    /// exists. A name that exists nowhere has none.
    ///
    /// # Errors
    ///
    /// Where one of these names got no answer, and no other an answer that tells. There may be
    /// records then, so whoever knows some should keep them.
    pub(super) async fn records(
        &self,
        name: &str,
        record_type: RecordType,
    ) -> Result<Vec<Record>, ResolveError> {
        let mut failed = None;
        for full_name in self.full_names(name) {
            let answer = match full_name {
                Ok(full_name) => self.resolver.lookup(full_name, record_type).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(lookup) => return Ok(lookup.answers().to_vec()),
                Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                    if none.response_code == ResponseCode::NoError =>
                {
                    return Ok(Vec::new());
                }
                Err(error) if error.is_nx_domain() => {}
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => Ok(Vec::new()),
            Some(source) => Err(ResolveError::Name { name: name.into(), source }),
        }
    }

    /// Returns the names that `name` may stand for, in the order of trying.
    fn full_names(&self, name: &str) -> Vec<Result<Name, NetError>> {
        let absolute = |mut name: Name| {
            name.set_fqdn(true);
            name
        };
        let bare = match Name::from_utf8(name) {
            Ok(name) => name,
            Err(error) => return vec![Err(error.into())],
        };
        let is_absolute = bare.is_fqdn();
        let has_dots = usize::from(bare.num_labels()) > self.ndots;
        let plain = Ok(absolute(bare.clone()));
        if is_absolute {
            return vec![plain];
        }
        let searched = self.search.iter().map(|domain| {
            let name = bare.clone().append_domain(domain);
            name.map(absolute).map_err(NetError::from)
        });
        if has_dots {
            [plain].into_iter().chain(searched).collect()
        } else {
            searched.chain([plain]).collect()
        }
    }
}

fn given(
    addresses: &[SocketAddr],
    search: &[String],
) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    let server = |address: &SocketAddr| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    };
    let search = search.iter().map(Name::from_str_relaxed).collect::<Result<_, _>>()?;
    let servers = addresses.iter().map(server).collect();
    Ok((ResolverConfig::from_parts(None, search, servers), ResolverOpts::default()))
}
