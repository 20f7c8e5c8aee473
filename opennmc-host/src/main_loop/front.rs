//! The HTTP server as the main loop sees it: started, changed and stopped, and never waited for.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;

use super::State;
use crate::config::HttpSettings;
use crate::host::ReloadReport;
use crate::http::{Front, FrontSettings, Secrecy, SelfMade};
use crate::plugin::server_config;

/// Reads the certificate, or makes one, if one is needed. Blocks as disks do.
pub(super) fn secrecy(settings: &HttpSettings, state_dir: &Path) -> Result<Secrecy, String> {
    if let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) {
        let config =
            server_config(certificate, key).map_err(|flaw| format!("http.{}: {}", flaw.key, flaw.problem))?;
        return Ok(Secrecy::everywhere(ServerConfig::clone(&config)));
    }
    if !settings.is_self_made() {
        return Ok(Secrecy::Nowhere);
    }
    let beyond = settings.listen.iter().filter(|address| !address.ip().is_loopback());
    Secrecy::beyond_loopback(SelfMade::new(state_dir, &settings.names, beyond))
}

impl State {
    /// Starts the server. A certificate that can't be read closes it: what was to be secret does not go out in the clear.
    pub(super) fn start_front(&mut self, settings: &HttpSettings) {
        match secrecy(settings, &self.paths.state_dir) {
            Ok(secrecy) => self.apply_to_front(settings, secrecy),
            Err(problem) => tracing::error!("no web pages: {problem}"),
        }
    }

    /// Makes the server what `settings` say.
    pub(super) fn apply_to_front(&mut self, settings: &HttpSettings, secrecy: Secrecy) {
        let wanted = FrontSettings::new(settings.listen.clone(), settings.names.clone(), secrecy);
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
        let about = |http: &HttpSettings| {
            (http.names.clone(), http.certificate.clone(), http.key.clone(), http.plain)
        };
        if about(old) != about(new) {
            report.changed.push("web pages have another name or certificate".to_owned());
        }
    }
}
