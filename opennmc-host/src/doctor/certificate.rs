//! Certificates that end, before they do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::{Area, Facts, Finding, Severity};

/// Whoever renews by hand has a month; whoever does it by machine has failed twice by then.
const SOON_DAYS: i32 = 30;
/// The last second of the year 9999: every certificate has ended by then.
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);

/// One certificate file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The file.
    pub path: PathBuf,
    /// The day on which the first of the certificates in it ends, in UTC.
    pub ends: Date,
}

/// Looks into a file with one or more certificates; an error says why nobody can tell.
pub fn certificate_facts(path: &Path) -> Result<CertificateFacts, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut ends = Vec::new();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
        ends.push(
            end_of(&certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?,
        );
    }
    let ends = ends.into_iter().min().ok_or_else(|| unreadable(&"there is no certificate in it"))?;
    Ok(CertificateFacts { path: path.to_owned(), ends })
}

/// When it ends. The library that verifies certificates says so when it is asked at a time when all have.
fn end_of(certificate: &CertificateDer<'_>) -> Result<Date, String> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|error| error.to_string())?;
    let at = UnixTime::since_unix_epoch(END_OF_TIME);
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    match parsed.verify_for_usage(algorithms, &[], &[], at, KeyUsage::server_auth(), None, None) {
        Err(Error::CertExpired { not_after, .. }) => {
            let seconds = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
            let end = Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
            Ok(end.to_zoned(TimeZone::UTC).date())
        }
        Err(error) => Err(error.to_string()),
        Ok(_) => Err("it never ends".to_owned()),
    }
}

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(today) = facts.clock.today else { return };
    findings.extend(facts.certificates.iter().filter_map(|certificate| judge(certificate, today)));
}

fn judge(certificate: &CertificateFacts, today: Date) -> Option<Finding> {
    let (path, ends) = (certificate.path.display(), certificate.ends);
    let soon = today.checked_add(SOON_DAYS.days()).unwrap_or(today);
    let (severity, message) = if ends < today {
        (
            Severity::Critical,
            format!("the certificate in {path} ended on {ends}: clients that check it stay away"),
        )
    } else if ends <= soon {
        (Severity::Warning, format!("the certificate in {path} ends on {ends}"))
    } else {
        return None;
    };
    let fix = "put a new certificate and its key into the files that `[tls]` names, then `opennmc reload`";
    Some(Finding::new(severity, Area::Network, message, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, ends: (i32, u8, u8)) -> PathBuf {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["ups.example".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
        let path = folder.path().join(format!("{}.pem", ends.0));
        std::fs::write(&path, parameters.self_signed(&key).unwrap().pem()).unwrap();
        path
    }

    fn severity(ends: Date, today: Date) -> Option<Severity> {
        judge(&CertificateFacts { path: PathBuf::from("x"), ends }, today).map(|finding| finding.severity)
    }

    #[test]
    fn the_end_of_a_certificate_is_read_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, (2031, 5, 17));
        assert_eq!(certificate_facts(&path).unwrap().ends, Date::constant(2031, 5, 17));
    }

    #[test]
    fn of_several_certificates_the_first_to_end_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (late, early) = (file(&folder, (2040, 1, 1)), file(&folder, (2029, 2, 3)));
        let chain = [late, early].map(|path| std::fs::read_to_string(path).unwrap()).concat();
        let path = folder.path().join("chain.pem");
        std::fs::write(&path, chain).unwrap();
        assert_eq!(certificate_facts(&path).unwrap().ends, Date::constant(2029, 2, 3));
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.pem");
        std::fs::write(&path, "nothing").unwrap();
        assert!(certificate_facts(&path).unwrap_err().contains("empty.pem"));
    }

    #[test]
    fn a_month_before_the_end_somebody_should_look_and_afterwards_it_is_too_late() {
        let today = Date::constant(2026, 11, 22);
        assert_eq!(severity(Date::constant(2026, 12, 23), today), None);
        assert_eq!(severity(Date::constant(2026, 12, 22), today), Some(Severity::Warning));
        assert_eq!(severity(today, today), Some(Severity::Warning));
        assert_eq!(severity(Date::constant(2026, 11, 21), today), Some(Severity::Critical));
    }
}
