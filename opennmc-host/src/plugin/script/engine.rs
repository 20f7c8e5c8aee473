//! The language that scripts are written in: Rhai with every limit set, and without any way out.
//!
//! docs/scripts.md lists the limits. Nothing that a script can reach is registered here: that is in `api`.

use std::rc::Rc;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LanguageCorePackage, LogicPackage, MoreStringPackage, Package as _,
};
use rhai::{Dynamic, Engine, EvalAltResult, OptimizationLevel, Position, def_package};

use super::instance::Shared;
use super::memory::CALL_BYTES;

/// Steps of one call. A hook takes hundreds; so many take about the time that a call may take.
pub(super) const OPERATIONS: u64 = 5_000_000;
/// Functions that call functions. The stack of a plugin's thread holds as many of the deepest expressions.
pub(super) const CALL_LEVELS: usize = 16;
/// Nesting of expressions, outside of functions and in them.
pub(super) const EXPRESSION_DEPTH: usize = 64;
pub(super) const VARIABLES: usize = 128;
pub(super) const FUNCTIONS: usize = 128;
/// Bytes of all strings in one value.
pub(super) const STRING_BYTES: usize = 64 << 10;
/// Elements of all arrays in one value.
pub(super) const ARRAY_ELEMENTS: usize = 4_096;
/// Entries of all maps in one value.
pub(super) const MAP_ENTRIES: usize = 1_024;
/// The clock is read so often, in steps.
const LOOK: u64 = 256;

def_package! {
    /// What of Rhai's own there is: neither bit fields nor blobs.
    Language(_module):
        LanguageCorePackage,
        ArithmeticPackage,
        BasicStringPackage,
        BasicIteratorPackage,
        BasicFnPackage,
        LogicPackage,
        BasicMathPackage,
        BasicArrayPackage,
        BasicMapPackage,
        MoreStringPackage
    {}
}

/// An engine with its limits, for one script.
pub(super) fn engine(shared: &Rc<Shared>) -> Engine {
    let mut engine = Engine::new_raw();
    // Only what a script calls is made: each has an engine of its own, and all functions of a package take half a megabyte.
    engine.register_global_module(Language::new_lazy().as_shared_module());
    engine
        .set_max_operations(OPERATIONS)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH, EXPRESSION_DEPTH)
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_string_size(STRING_BYTES)
        .set_max_array_size(ARRAY_ELEMENTS)
        .set_max_map_size(MAP_ENTRIES)
        // A constant of the host is resolved when it is used, and must not be folded in as it was.
        .set_optimization_level(OptimizationLevel::None)
        .set_allow_shadowing(true)
        // What is not there is `()`, as with variables of a UPS: ten lines at night do not test for every key.
        .set_fail_on_invalid_map_property(false)
        .disable_symbol("eval");
    let clock = Rc::clone(shared);
    engine.on_progress(move |steps| {
        if clock.is_too_large() {
            return Some(
                format!("took more than the {CALL_BYTES} bytes of memory that a call may take").into(),
            );
        }
        (steps % LOOK == 0 && clock.is_over()).then_some(Dynamic::UNIT)
    });
    let names = Rc::clone(shared);
    // Functions see the script's constants and the host's names, however deep they are called.
    #[allow(deprecated, reason = "it is only marked so because it may change")]
    engine.on_var(
        move |name, _, context| {
            if context.scope().contains(name) { Ok(None) } else { Ok(names.global(name)) }
        },
    );
    engine
}

/// What went wrong, and whether the script can go on.
pub(super) struct Failure {
    pub(super) text: String,
    /// It used up what one call may use, so that it is started anew.
    pub(super) is_fatal: bool,
}

/// An error in words, with file, line and column, without any secret.
pub(super) fn failure(shared: &Shared, error: &EvalAltResult, call_ms: u64) -> Failure {
    let position = deepest(error);
    let inner = error.unwrap_inner();
    let (words, is_fatal) = match inner {
        EvalAltResult::ErrorTerminated(words, _) if words.is_string() => (words.to_string(), true),
        EvalAltResult::ErrorTerminated(..) => {
            (format!("took longer than the {call_ms} ms that a call may take"), true)
        }
        EvalAltResult::ErrorTooManyOperations(..) => {
            (format!("took more than the {OPERATIONS} steps that a call may take"), true)
        }
        EvalAltResult::ErrorStackOverflow(..) => {
            (format!("functions call each other more than {CALL_LEVELS} deep"), false)
        }
        EvalAltResult::ErrorRuntime(thrown, _) => (thrown.to_string(), false),
        EvalAltResult::ErrorParsing(kind, _) => (kind.to_string(), false),
        other => {
            let mut words = other.to_string();
            words.truncate(words.rfind(" (line ").unwrap_or(words.len()));
            (words, false)
        }
    };
    Failure { text: shared.place(position, &shared.without_secrets(&words)), is_fatal }
}

/// Where it happened: in the innermost function that says so.
fn deepest(error: &EvalAltResult) -> Position {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, place) => match deepest(inner) {
            Position::NONE => *place,
            found => found,
        },
        other => other.position(),
    }
}
