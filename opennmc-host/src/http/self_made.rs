//! The certificate that the host makes for itself when nobody has given it one.
//!
//! It is kept with its key in one file of the state folder, so that people who have once accepted it are not asked again,
//! and renewed before it ends. Nothing here keeps pages from being served: one that can't be kept is used all the same, and
//! one that has ended is better than none.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::config::{Existing, write_file};
use crate::plugin::server_config_of;

/// The file below the state folder.
pub const FILE_NAME: &str = "http-certificate.pem";
/// Browsers refuse certificates that are good for more than 398 days.
const GOOD_FOR_DAYS: i32 = 397;
/// A new one is made so long before the end.
const RENEWED_DAYS: u64 = 30;
const DAY: Duration = Duration::from_secs(86_400);
/// Only the daemon reads its key.
const MODE: u32 = 0o600;
/// Never answered, never asked: the way there tells which address this host is seen with.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// What the certificate has to say, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfMade {
    file: PathBuf,
    /// Names and addresses that must be in it.
    names: Vec<String>,
}

/// One that can be used.
pub(crate) struct Made {
    pub(crate) config: ServerConfig,
    /// The SHA-256 of the certificate, as browsers show it.
    pub(crate) fingerprint: String,
    /// It is another one than was there.
    pub(crate) is_new: bool,
}

impl SelfMade {
    /// For these listeners of a host that is also called by `names`.
    pub fn new<'a>(
        state_dir: &Path,
        names: &[String],
        listen: impl Iterator<Item = &'a SocketAddr>,
    ) -> SelfMade {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim().to_ascii_lowercase();
        let label = host.split('.').next().unwrap_or_default();
        let mut all = vec!["localhost".to_owned(), host.clone(), format!("{label}.local")];
        all.extend(names.iter().map(|name| name.to_ascii_lowercase()));
        let addresses = listen.map(|address| address.ip().to_canonical()).filter(|ip| !ip.is_unspecified());
        let own: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        all.extend(own.into_iter().chain(addresses).map(|address| address.to_string()));
        // A host may be called what no certificate can say.
        all.retain(|name| ServerName::try_from(name.as_str()).is_ok());
        all.sort();
        all.dedup();
        SelfMade { file: state_dir.join(FILE_NAME), names: all }
    }

    /// The one that is kept while it will do, else a new one. Blocks as disks do.
    pub(crate) fn at(&self, now: SystemTime) -> Result<Made, String> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        match std::fs::read_to_string(&self.file) {
            Ok(text) => match used(&text) {
                Ok((made, certificate)) if self.will_do(&certificate, now) => return Ok(made),
                Ok(_) => tracing::info!("http: the self-made certificate is renewed"),
                Err(error) => {
                    tracing::warn!("http: {} is of no use and is made anew: {error}", self.file.display());
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!("http: can't read {}: {error}", self.file.display()),
        }
        let text = self.make(now)?;
        if let Err(error) = write_file(&self.file, text.as_bytes(), MODE, Existing::Supersede) {
            let file = self.file.display();
            tracing::warn!("http: {file} can't be written, there will be another certificate: {error}");
        }
        let (made, _) = used(&text)?;
        Ok(Made { is_new: true, ..made })
    }

    /// Whether it has all names, and does not end soon. A clock that was wrong when it was made shows here as well.
    fn will_do(&self, certificate: &CertificateDer<'_>, now: Duration) -> bool {
        let Ok(parsed) = EndEntityCert::try_from(certificate) else { return false };
        let named = |name: &String| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok())
        };
        let is_good_at = |time: Duration| {
            let (algorithms, time) = (webpki::ALL_VERIFICATION_ALGS, UnixTime::since_unix_epoch(time));
            let usage = KeyUsage::server_auth();
            let verified = parsed.verify_for_usage(algorithms, &[], &[], time, usage, None, None);
            // Nobody has signed it but itself; its time is looked at before that.
            !matches!(verified, Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }))
        };
        self.names.iter().all(named) && is_good_at(now) && is_good_at(now + DAY * RENEWED_DAYS as u32)
    }

    /// A certificate and its key, in PEM.
    fn make(&self, now: Duration) -> Result<String, String> {
        let failed = |error: &dyn std::fmt::Display| format!("can't make a certificate: {error}");
        let mut names = self.names.clone();
        names.extend(seen_address().map(|address| address.to_string()).filter(|it| !self.names.contains(it)));
        let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "OpenNMC");
        params.distinguished_name = subject;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let today = Timestamp::from_second(seconds).map_err(|error| failed(&error))?.to_zoned(TimeZone::UTC);
        // From yesterday: a reader's clock may be behind.
        let date = |days: i32| {
            let day: Result<Zoned, _> = today.checked_add(days.days());
            day.map(|day| {
                date_time_ymd(i32::from(day.year()), day.month().unsigned_abs(), day.day().unsigned_abs())
            })
        };
        params.not_before = date(-1).map_err(|error| failed(&error))?;
        params.not_after = date(GOOD_FOR_DAYS - 1).map_err(|error| failed(&error))?;
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
        Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
    }
}

/// A certificate and its key that fit together.
fn used(text: &str) -> Result<(Made, CertificateDer<'static>), String> {
    let certificate = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
    let config = server_config_of(vec![certificate.clone()], key).map_err(|error| error.to_string())?;
    let digest: [u8; 32] = Sha256::digest(&certificate).into();
    let fingerprint = digest.map(|byte| format!("{byte:02X}")).join(":");
    Ok((Made { config: ServerConfig::clone(&config), fingerprint, is_new: false }, certificate))
}

/// The address that others see this host with, as far as it can tell. Nothing is sent.
fn seen_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Some day in 2026.
    const TODAY: Duration = Duration::from_secs(1_780_000_000);

    fn made(folder: &Path, names: &[&str], days: u32) -> Made {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let listen: SocketAddr = "192.0.2.7:443".parse().unwrap();
        SelfMade::new(folder, &names, [listen].iter()).at(UNIX_EPOCH + TODAY + DAY * days).unwrap()
    }

    #[test]
    fn a_certificate_is_kept_until_thirty_days_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let first = made(folder.path(), &[], 0);
        assert!(first.is_new && first.fingerprint.len() == 32 * 3 - 1);
        let mode = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for days in [0, 1, 300, 365] {
            let again = made(folder.path(), &[], days);
            assert!(!again.is_new && again.fingerprint == first.fingerprint, "{days}");
        }
        let second = made(folder.path(), &[], 367);
        assert!(second.is_new && second.fingerprint != first.fingerprint);
        assert!(made(folder.path(), &[], 5_000).is_new, "also long after its end");
        assert!(made(folder.path(), &[], 0).is_new, "and when the clock was wrong");
    }

    #[test]
    fn a_certificate_that_lacks_a_name_or_is_damaged_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let first = made(folder.path(), &[], 0);
        assert!(!made(folder.path(), &[], 0).is_new);
        let second = made(folder.path(), &["UPS.example.org"], 0);
        assert!(second.is_new && second.fingerprint != first.fingerprint);
        assert!(!made(folder.path(), &["ups.example.org"], 0).is_new);
        assert!(!made(folder.path(), &[], 0).is_new, "one more does no harm");
        std::fs::write(folder.path().join(FILE_NAME), "x").unwrap();
        assert!(made(folder.path(), &[], 0).is_new);
        let nowhere = SelfMade::new(Path::new("/nonexistent"), &[], [].iter());
        assert!(nowhere.at(UNIX_EPOCH + TODAY).is_ok_and(|made| made.is_new), "it is used all the same");
    }
}
