//! One UPS's native driver: the trait on one side, C on the other.
//!
//! What the driver asks for during a call is queued and comes out of [`Driver::poll_output`] afterwards, so that C code
//! never reaches into the host. What it says is checked as what came from a wire is: names, text, numbers.

#![allow(unsafe_code)] // calls into the library, and pointers that it passes

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::{Duration, Instant};

use apcsmart::Time;

use super::NativeLibrary;
use super::abi::{
    opennmc_driver, opennmc_host, opennmc_kind, opennmc_level, opennmc_reading, opennmc_result,
};
use crate::door::{NotBegun, OrderResult};
use crate::driver::{Driver, DriverOutput};
use crate::state::{Input, Kind};

/// A call that takes longer makes every UPS of the host late; it is told once per driver.
const PATIENCE: Duration = Duration::from_millis(5);
/// No protocol of a serial line sends more at once; the rest of a longer transmission is dropped.
const LONGEST_TRANSMISSION: usize = 64 * 1024;
/// More than any UPS has; a list beyond it is a wrong pointer.
const LONGEST_LIST: usize = 1024;
const LONGEST_TEXT: usize = 4096;

/// A native driver at work for one UPS.
pub struct NativeDriver {
    library: NativeLibrary,
    functions: Functions,
    instance: NonNull<c_void>,
    /// The driver has a pointer to this, and to `_host`: they are freed after it.
    shared: Rc<Shared>,
    _host: Rc<opennmc_host>,
    last_ticket: u64,
    complained: bool,
    last_heard: Option<Time>,
}

/// What the host's functions write to.
struct Shared {
    name: String,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    outputs: VecDeque<DriverOutput>,
    heard: bool,
    /// Known since the port was opened.
    names: BTreeSet<String>,
    /// Orders that were begun and that nobody has ended.
    pending: BTreeSet<u64>,
}

macro_rules! functions {
    ($($name:ident: $type:ty,)*) => {
        /// The driver's functions, all of which are there.
        struct Functions { $($name: $type,)* }

        impl Functions {
            fn of(driver: &opennmc_driver) -> Option<Functions> {
                Some(Functions { $($name: driver.$name?,)* })
            }
        }
    };
}

functions! {
    create: unsafe extern "C" fn(*const opennmc_host, *const c_char) -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    handle_open: unsafe extern "C" fn(*mut c_void, u64),
    handle_close: unsafe extern "C" fn(*mut c_void, u64),
    handle_input: unsafe extern "C" fn(*mut c_void, u64, *const u8, usize),
    handle_timeout: unsafe extern "C" fn(*mut c_void, u64),
    deadline: unsafe extern "C" fn(*const c_void) -> u64,
    run: unsafe extern "C" fn(*mut c_void, u64, u64, *const c_char, *const c_char, u32) -> u32,
    set: unsafe extern "C" fn(*mut c_void, u64, u64, *const c_char, *const c_char) -> u32,
}

impl NativeDriver {
    /// Makes the driver of one UPS, whose `driver-options` are `options`.
    ///
    /// # Errors
    /// The driver refused the options; its own lines in the log say why.
    pub fn new(library: &NativeLibrary, options: &BTreeMap<String, String>) -> Result<NativeDriver, String> {
        let name = library.name().to_owned();
        let refused = || format!("the native driver {name} refused its `driver-options`; the log says why");
        let functions = Functions::of(library.driver()).ok_or_else(refused)?;
        let options = serde_json::to_string(options).map_err(|error| error.to_string())?;
        let options =
            CString::new(options).map_err(|_| "`driver-options` must not contain NUL".to_owned())?;
        let shared = Rc::new(Shared { name: name.clone(), inner: RefCell::default() });
        let host = Rc::new(opennmc_host {
            size: size_of::<opennmc_host>(),
            context: Rc::as_ptr(&shared).cast_mut().cast(),
            transmit,
            heard,
            reading,
            withdrawn,
            commands,
            complete,
            diagnosis,
            done,
            log,
        });
        // SAFETY: as declared in the header; both pointers are good for the call, and `host` until `destroy`.
        let instance = unsafe { (functions.create)(Rc::as_ptr(&host), options.as_ptr()) };
        let instance = NonNull::new(instance).ok_or_else(refused)?;
        Ok(NativeDriver {
            library: library.clone(),
            functions,
            instance,
            shared,
            _host: host,
            last_ticket: 0,
            complained: false,
            last_heard: None,
        })
    }

    /// One call into the library, and what it takes note of afterwards.
    fn call<T>(&mut self, now: Option<Time>, function: impl FnOnce(&Functions, *mut c_void) -> T) -> T {
        let began = Instant::now();
        let result = function(&self.functions, self.instance.as_ptr());
        let took = began.elapsed();
        if took > PATIENCE && !self.complained {
            self.complained = true;
            let name = self.library.name();
            tracing::warn!("the native driver {name} kept every UPS waiting for {} ms", took.as_millis());
        }
        if let (true, Some(now)) = (std::mem::take(&mut self.shared.inner.borrow_mut().heard), now) {
            self.last_heard = Some(now);
        }
        result
    }

    fn begin(
        &mut self,
        now: Time,
        function: impl FnOnce(&Functions, *mut c_void, u64) -> u32,
    ) -> Result<u64, NotBegun> {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        // It may end the order before the call has returned.
        self.shared.inner.borrow_mut().pending.insert(ticket);
        let result = self.call(Some(now), |functions, instance| function(functions, instance, ticket));
        let Some(result) = ended(result, String::new) else { return Ok(ticket) };
        let mut inner = self.shared.inner.borrow_mut();
        inner.pending.remove(&ticket);
        let is_of_this =
            |output: &DriverOutput| matches!(output, DriverOutput::Done { ticket: of, .. } if *of == ticket);
        inner.outputs.retain(|output| !is_of_this(output));
        Err(result.into())
    }
}

impl Driver for NativeDriver {
    fn name(&self) -> &'static str {
        self.library.name()
    }

    fn handle_open(&mut self, now: Time) {
        self.shared.inner.borrow_mut().names.clear();
        // SAFETY: as declared in the header, with the instance that `create` made; so are all below.
        self.call(Some(now), |driver, it| unsafe { (driver.handle_open)(it, now.as_millis()) });
    }

    fn handle_close(&mut self, now: Time) {
        // SAFETY: see `handle_open`.
        self.call(Some(now), |driver, it| unsafe { (driver.handle_close)(it, now.as_millis()) });
        let mut inner = self.shared.inner.borrow_mut();
        for ticket in std::mem::take(&mut inner.pending) {
            inner.outputs.push_back(DriverOutput::Done { ticket, result: OrderResult::TimedOut });
        }
    }

    fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.call(Some(now), |driver, it| {
            // SAFETY: see `handle_open`; the bytes are good for the call.
            unsafe { (driver.handle_input)(it, now.as_millis(), bytes.as_ptr(), bytes.len()) }
        });
    }

    fn handle_timeout(&mut self, now: Time) {
        // SAFETY: see `handle_open`.
        self.call(Some(now), |driver, it| unsafe { (driver.handle_timeout)(it, now.as_millis()) });
    }

    fn poll_output(&mut self) -> DriverOutput {
        if let Some(output) = self.shared.inner.borrow_mut().outputs.pop_front() {
            return output;
        }
        // SAFETY: see `handle_open`.
        let deadline = self.call(None, |driver, it| unsafe { (driver.deadline)(it.cast_const()) });
        DriverOutput::Timeout(Time::from_millis(deadline))
    }

    fn run(
        &mut self,
        now: Time,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, NotBegun> {
        let command = c_text(command)?;
        let argument = argument.map(c_text).transpose()?;
        let argument = argument.as_ref().map_or(std::ptr::null(), |argument| argument.as_ptr());
        let danger = u32::from(danger_confirmed);
        self.begin(now, |driver, it, ticket| {
            // SAFETY: see `handle_open`; the texts are good for the call.
            unsafe { (driver.run)(it, now.as_millis(), ticket, command.as_ptr(), argument, danger) }
        })
    }

    fn set(&mut self, now: Time, variable: &str, value: &str) -> Result<u64, NotBegun> {
        let (variable, value) = (c_text(variable)?, c_text(value)?);
        self.begin(now, |driver, it, ticket| {
            // SAFETY: see `handle_open`; the texts are good for the call.
            unsafe { (driver.set)(it, now.as_millis(), ticket, variable.as_ptr(), value.as_ptr()) }
        })
    }

    fn last_heard(&self) -> Option<Time> {
        self.last_heard
    }
}

impl Drop for NativeDriver {
    fn drop(&mut self) {
        // SAFETY: the instance is `create`'s and is used no more; `shared` and `_host` are dropped after this.
        unsafe { (self.functions.destroy)(self.instance.as_ptr()) }
    }
}

fn c_text(text: &str) -> Result<CString, OrderResult> {
    CString::new(text).map_err(|_| OrderResult::Invalid("text must not contain NUL".to_owned()))
}

/// None while it is pending. A number that the header does not have is a refusal: nothing may pass for a success.
fn ended(result: u32, text: impl FnOnce() -> String) -> Option<OrderResult> {
    const PENDING: u32 = opennmc_result::Pending as u32;
    const VERIFIED: u32 = opennmc_result::Verified as u32;
    const EXECUTED: u32 = opennmc_result::Executed as u32;
    const ACCEPTED: u32 = opennmc_result::Accepted as u32;
    const UNCHANGED: u32 = opennmc_result::Unchanged as u32;
    const UNSUPPORTED: u32 = opennmc_result::Unsupported as u32;
    const INVALID: u32 = opennmc_result::Invalid as u32;
    const UNCONFIRMED: u32 = opennmc_result::Unconfirmed as u32;
    const NO_EFFECT: u32 = opennmc_result::NoEffect as u32;
    const TIMED_OUT: u32 = opennmc_result::TimedOut as u32;
    const STALE: u32 = opennmc_result::Stale as u32;
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    Some(match result {
        PENDING => return None,
        VERIFIED => OrderResult::Verified,
        EXECUTED => OrderResult::Executed,
        ACCEPTED => OrderResult::Accepted,
        UNCHANGED => OrderResult::Unchanged,
        UNSUPPORTED => OrderResult::Unsupported(or(text(), "this UPS does not have it")),
        INVALID => OrderResult::Invalid(or(text(), "the value does not fit")),
        UNCONFIRMED => OrderResult::Unconfirmed(or(text(), "it interrupts the load and was not confirmed")),
        NO_EFFECT => OrderResult::NoEffect,
        TIMED_OUT => OrderResult::TimedOut,
        STALE => OrderResult::Stale,
        _ => OrderResult::Refused(or(text(), "the UPS refused it")),
    })
}

/// Runs `with` on what belongs to `context`. A call from within another thread's or the host's own turn is dropped rather
/// than believed.
///
/// # Safety
/// `context` must be the host's, as the header demands.
unsafe fn with_inner(context: *mut c_void, with: impl FnOnce(&str, &mut Inner)) {
    // SAFETY: the caller's promise.
    let Some(shared) = (unsafe { context.cast::<Shared>().as_ref() }) else { return };
    if let Ok(mut inner) = shared.inner.try_borrow_mut() {
        with(&shared.name, &mut inner);
    }
}

/// The text at `pointer`, or none when it is NULL. Overlong text is cut.
///
/// # Safety
/// `pointer` must be NULL or lead to text that ends with NUL.
unsafe fn text_at(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]);
    Some(text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect())
}

/// The texts of a list; those that are NULL are left out.
///
/// # Safety
/// `list` must be NULL or lead to `count` pointers as [`text_at`] takes them.
unsafe fn texts_at(list: *const *const c_char, count: usize) -> Vec<String> {
    if list.is_null() || count > LONGEST_LIST {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    let list = unsafe { std::slice::from_raw_parts(list, count) };
    // SAFETY: the caller's promise.
    list.iter().filter_map(|text| unsafe { text_at(*text) }).collect()
}

/// NUT's names have these letters and no others; any other would break the lines of its protocol.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
}

unsafe extern "C" fn transmit(context: *mut c_void, bytes: *const u8, length: usize) {
    if bytes.is_null() || length == 0 {
        return;
    }
    // SAFETY: the header demands `length` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, length.min(LONGEST_TRANSMISSION)) };
    // SAFETY: as the header demands.
    unsafe {
        with_inner(context, |_, inner| inner.outputs.push_back(DriverOutput::Transmit(bytes.to_vec())))
    };
}

unsafe extern "C" fn heard(context: *mut c_void) {
    let take = |_: &str, inner: &mut Inner| {
        inner.heard = true;
        inner.outputs.push_back(DriverOutput::Learned(Input::Heard));
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, take) };
}

unsafe extern "C" fn reading(context: *mut c_void, reading: *const opennmc_reading) {
    // SAFETY: the header demands a whole structure.
    let Some(reading) = (unsafe { reading.as_ref() }) else { return };
    if reading.size < size_of::<opennmc_reading>() {
        return;
    }
    // SAFETY: as the header demands.
    let (name, value) = unsafe { (text_at(reading.name), text_at(reading.value)) };
    let (Some(name), Some(value)) = (name, value) else { return };
    const NUMBER: u32 = opennmc_kind::Number as u32;
    const CHOICE: u32 = opennmc_kind::Choice as u32;
    let settable = reading.settable != 0;
    let kind = match reading.kind {
        NUMBER => Kind::Number,
        CHOICE => {
            let count = usize::try_from(reading.choice_count).unwrap_or(usize::MAX);
            // SAFETY: as the header demands.
            Kind::Choice(unsafe { texts_at(reading.choices, count) })
        }
        _ => Kind::Text(if settable { reading.max_length } else { 0 }),
    };
    let take = |driver: &str, inner: &mut Inner| {
        if !is_name(&name) {
            tracing::warn!(
                "the native driver {driver} has a variable {name:?}, which is no name; it is left out"
            );
            return;
        }
        inner.names.insert(name.clone());
        let input = Input::Reading { name, value, kind, settable };
        inner.outputs.push_back(DriverOutput::Learned(input));
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, take) };
}

unsafe extern "C" fn withdrawn(context: *mut c_void, name: *const c_char) {
    // SAFETY: as the header demands.
    let Some(name) = (unsafe { text_at(name) }) else { return };
    let take = |_: &str, inner: &mut Inner| {
        inner.names.remove(&name);
        inner.outputs.push_back(DriverOutput::Learned(Input::Withdrawn(name)));
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, take) };
}

unsafe extern "C" fn commands(context: *mut c_void, names: *const *const c_char, count: usize) {
    // SAFETY: as the header demands.
    let names = unsafe { texts_at(names, count) }.into_iter().filter(|name| is_name(name)).collect();
    let input = DriverOutput::Learned(Input::Commands(names));
    // SAFETY: as the header demands.
    unsafe { with_inner(context, |_, inner| inner.outputs.push_back(input)) };
}

unsafe extern "C" fn complete(context: *mut c_void) {
    let take = |_: &str, inner: &mut Inner| {
        let known = inner.names.clone();
        inner.outputs.push_back(DriverOutput::Learned(Input::Complete(known)));
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, take) };
}

unsafe extern "C" fn diagnosis(context: *mut c_void, text: *const c_char) {
    // SAFETY: as the header demands.
    let Some(text) = (unsafe { text_at(text) }) else { return };
    let input = DriverOutput::Learned(Input::Diagnosis(text));
    // SAFETY: as the header demands.
    unsafe { with_inner(context, |_, inner| inner.outputs.push_back(input)) };
}

unsafe extern "C" fn done(context: *mut c_void, ticket: u64, result: u32, text: *const c_char) {
    // SAFETY: as the header demands.
    let text = unsafe { text_at(text) }.unwrap_or_default();
    let Some(result) = ended(result, || text) else { return };
    // Only what is under way can end, and only once.
    let take = |_: &str, inner: &mut Inner| {
        if inner.pending.remove(&ticket) {
            inner.outputs.push_back(DriverOutput::Done { ticket, result });
        }
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, take) };
}

unsafe extern "C" fn log(context: *mut c_void, level: u32, text: *const c_char) {
    const ERROR: u32 = opennmc_level::Error as u32;
    const WARN: u32 = opennmc_level::Warn as u32;
    const INFO: u32 = opennmc_level::Info as u32;
    // SAFETY: as the header demands.
    let Some(text) = (unsafe { text_at(text) }) else { return };
    let write = |driver: &str, _: &mut Inner| match level {
        ERROR => tracing::error!("driver {driver}: {text}"),
        WARN => tracing::warn!("driver {driver}: {text}"),
        INFO => tracing::info!("driver {driver}: {text}"),
        _ => tracing::debug!("driver {driver}: {text}"),
    };
    // SAFETY: as the header demands.
    unsafe { with_inner(context, write) };
}
