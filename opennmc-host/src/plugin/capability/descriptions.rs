//! What NUT's variables and commands mean, in one sentence each.

pub(super) fn variable(_name: &str) -> Option<String> {
    None
}
pub(super) fn command(_name: &str) -> Option<&'static str> {
    None
}
