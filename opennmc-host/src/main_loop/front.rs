//! The HTTP server as the main loop sees it: started, changed and stopped, and never waited for.

use std::sync::Arc;

use rustls::ServerConfig;

use super::State;
use crate::config::HttpSettings;
use crate::host::ReloadReport;
use crate::http::{Front, FrontSettings};
use crate::plugin::server_config;

/// What HTTP connections are told apart by: no other protocol is spoken.
const PROTOCOL: &[u8] = b"http/1.1";

/// Reads the certificate, if there is one. Blocks as disks do.
pub(super) fn certificate(settings: &HttpSettings) -> Result<Option<Arc<ServerConfig>>, String> {
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else { return Ok(None) };
    let config =
        server_config(certificate, key).map_err(|flaw| format!("http.{}: {}", flaw.key, flaw.problem))?;
    let mut config = ServerConfig::clone(&config);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Some(Arc::new(config)))
}

impl State {
    /// Starts the server. A certificate that can't be read closes it: what was to be secret does not go out in the clear.
    pub(super) fn start_front(&mut self, settings: &HttpSettings) {
        match certificate(settings) {
            Ok(tls) => self.apply_to_front(settings, tls),
            Err(problem) => tracing::error!("no web pages: {problem}"),
        }
    }

    /// Makes the server what `settings` say.
    pub(super) fn apply_to_front(&mut self, settings: &HttpSettings, tls: Option<Arc<ServerConfig>>) {
        let wanted = FrontSettings::new(settings.listen.clone(), settings.names.clone(), tls);
        let host = self.host_handle();
        match (&mut self.front, &self.users) {
            (Some(front), _) => front.apply(wanted),
            (None, Some(users)) if !wanted.listen.is_empty() => {
                match Front::start(self.mounts.clone(), Arc::clone(users), Some(host), wanted) {
                    Ok(front) => self.front = Some(front),
                    Err(error) => tracing::error!("no web pages: can't start the server: {error}"),
                }
            }
            (None, _) => {}
        }
    }

    /// Tells what is different.
    pub(super) fn report_front(old: &HttpSettings, new: &HttpSettings, report: &mut ReloadReport) {
        for address in new.listen.difference(&old.listen) {
            report.changed.push(format!("web pages are served on {address} too"));
        }
        for address in old.listen.difference(&new.listen) {
            report.changed.push(format!("web pages are no longer served on {address}"));
        }
        if (&old.names, &old.certificate, &old.key) != (&new.names, &new.certificate, &new.key) {
            report.changed.push("web pages have another name or certificate".to_owned());
        }
    }
}
