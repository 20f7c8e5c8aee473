//! Which library this is.

use std::ffi::c_char;

use super::boundary::shield;

/// The library's version that this header is of, first part. `apcsmart_version` tells that of the library in use.
pub const APCSMART_VERSION_MAJOR: u32 = 0;
/// Second part.
pub const APCSMART_VERSION_MINOR: u32 = 1;
/// Third part.
pub const APCSMART_VERSION_PATCH: u32 = 0;

/// Counts the changes of this interface that make a program compiled before misbehave. It is the number of the shared
/// library's name, `libapcsmart.so.0`. New functions, constants and results do not change it.
pub const APCSMART_ABI_VERSION: u32 = 0;

/// The version of the library in use, such as "0.1.0". Lives for ever. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    shield(c"".as_ptr(), || VERSION.as_ptr().cast())
}

/// The interface of the library in use. A program that loads the library by hand compares it with `APCSMART_ABI_VERSION`
/// and goes on only when they are equal. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_abi_version() -> u32 {
    APCSMART_ABI_VERSION
}
