/*
 * Native drivers for OpenNMC: a shared library that speaks with a kind of UPS that the host does not know.
 *
 * The host opens the port, moves the bytes, keeps the time, and judges what it is told; the driver knows the protocol.
 * A library exports one function:
 *
 *     const opennmc_driver *opennmc_driver_entry(void);
 *
 * and is named in the host's configuration:
 *
 *     [driver.megatec]
 *     library = "/usr/lib/opennmc/drivers/megatec.so"
 *     sha256 = "..."
 *
 *     [ups.main]
 *     port = "/dev/ttyS0"
 *     driver = "megatec"
 *
 * A native driver is not sandboxed: it can do whatever the host can, and whatever it breaks is broken for all. Write a
 * plugin for everything that is not a UPS protocol. bindings/c/driver_megatec.c is a whole example.
 *
 * All text is UTF-8 and ends with NUL. Pointers that a function is given are good until it returns.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef OPENNMC_DRIVER_H
#define OPENNMC_DRIVER_H

/* Made by `cargo xtask headers` from opennmc-host/src/driver/native/abi.rs. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this interface. A driver built for another one is refused.
 */
#define OPENNMC_DRIVER_ABI 1

/**
 * "No deadline", in milliseconds.
 */
#define OPENNMC_NEVER UINT64_MAX

/**
 * How an order ended, or that it has not yet.
 */
enum opennmc_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It was begun; its end will be told with opennmc_host.done.
   */
  OPENNMC_RESULT_PENDING = 0,
  /**
   * A setting was written and reads back as ordered.
   */
  OPENNMC_RESULT_VERIFIED = 1,
  /**
   * The UPS accepted it and its effect was seen.
   */
  OPENNMC_RESULT_EXECUTED = 2,
  /**
   * The UPS accepted it; its effect can't be seen, or not yet.
   */
  OPENNMC_RESULT_ACCEPTED = 3,
  /**
   * The setting had this value already.
   */
  OPENNMC_RESULT_UNCHANGED = 4,
  /**
   * The UPS, or its state, forbids it.
   */
  OPENNMC_RESULT_REFUSED = 5,
  /**
   * This UPS has no such command or variable.
   */
  OPENNMC_RESULT_UNSUPPORTED = 6,
  /**
   * The value or the argument does not fit.
   */
  OPENNMC_RESULT_INVALID = 7,
  /**
   * It interrupts the load and was not confirmed.
   */
  OPENNMC_RESULT_UNCONFIRMED = 8,
  /**
   * The UPS accepted it and no effect was seen in the time it should have taken.
   */
  OPENNMC_RESULT_NO_EFFECT = 9,
  /**
   * No answer came: whether it was done is not known.
   */
  OPENNMC_RESULT_TIMED_OUT = 10,
  /**
   * There is no contact with the UPS; nothing was sent.
   */
  OPENNMC_RESULT_STALE = 11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum opennmc_result opennmc_result;
#else
typedef uint32_t opennmc_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which values a variable takes.
 */
enum opennmc_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Text; opennmc_reading.max_length bytes at most when it is set.
   */
  OPENNMC_KIND_TEXT = 0,
  /**
   * A decimal number.
   */
  OPENNMC_KIND_NUMBER = 1,
  /**
   * One of opennmc_reading.choices.
   */
  OPENNMC_KIND_CHOICE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum opennmc_kind opennmc_kind;
#else
typedef uint32_t opennmc_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How important a line of the log is.
 */
enum opennmc_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Something failed.
   */
  OPENNMC_LEVEL_ERROR = 0,
  /**
   * Something is odd.
   */
  OPENNMC_LEVEL_WARN = 1,
  /**
   * For the record.
   */
  OPENNMC_LEVEL_INFO = 2,
  /**
   * For whoever looks for a fault.
   */
  OPENNMC_LEVEL_DEBUG = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum opennmc_level opennmc_level;
#else
typedef uint32_t opennmc_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A variable and its value.
 */
typedef struct opennmc_reading {
  /**
   * sizeof(opennmc_reading).
   */
  size_t size;
  /**
   * NUT's name, such as "battery.charge". Not NULL.
   */
  const char *name;
  /**
   * As NUT clients read it, such as "87.5". UTF-8. Not NULL.
   */
  const char *value;
  /**
   * An opennmc_kind.
   */
  uint32_t kind;
  /**
   * Whether opennmc_driver.set takes it: 0 or 1.
   */
  uint32_t settable;
  /**
   * The longest text that can be set, in bytes; 0 when it can't be set or is no text.
   */
  uint32_t max_length;
  /**
   * How many choices there are; 0 unless kind is OPENNMC_KIND_CHOICE.
   */
  uint32_t choice_count;
  /**
   * The choices, in the UPS's own order. May be NULL when there are none.
   */
  const char *const *choices;
} opennmc_reading;

/**
 * What the host does for a driver. It is valid from opennmc_driver.create until opennmc_driver.destroy returned.
 *
 * Its functions may be called only from within a call of the driver, on the thread of that call: the host does what they
 * ask for when the driver has returned. They copy what they are given and never fail.
 */
typedef struct opennmc_host {
  /**
   * sizeof(opennmc_host) of the host, at least that of this header.
   */
  size_t size;
  /**
   * The first argument of every function below.
   */
  void *context;
  /**
   * Sends bytes to the UPS, all of them, in order.
   */
  void (*transmit)(void *context, const uint8_t *bytes, size_t length);
  /**
   * The UPS gave a valid answer. Call it before the readings that came with the answer; without it the data becomes
   * stale.
   */
  void (*heard)(void *context);
  /**
   * A variable has this value now. "ups.status", with NUT's tokens such as "OL CHRG", is the one that counts: nothing is
   * shown before it is known.
   */
  void (*reading)(void *context, const struct opennmc_reading *reading);
  /**
   * A variable is no longer known.
   */
  void (*withdrawn)(void *context, const char *name);
  /**
   * These are the commands that opennmc_driver.run takes, by NUT's names.
   */
  void (*commands)(void *context, const char *const *names, size_t count);
  /**
   * Every variable was read since opennmc_driver.handle_open: what was not is forgotten.
   */
  void (*complete)(void *context);
  /**
   * What seems to be on the line instead of a UPS: a sentence for a person.
   */
  void (*diagnosis)(void *context, const char *text);
  /**
   * An order that opennmc_driver.run or .set left pending has ended with this opennmc_result. The text says more,
   * or is NULL.
   */
  void (*done)(void *context, uint64_t ticket, uint32_t result, const char *text);
  /**
   * A line for the host's log, with an opennmc_level.
   */
  void (*log)(void *context, uint32_t level, const char *text);
} opennmc_host;

/**
 * A driver: what opennmc_driver_entry gives a pointer to. It must be there, unchanged, for as long as the process lives:
 * a library is never unloaded.
 *
 * All functions are called on the host's main thread, one at a time, and none may be NULL. None may wait for anything: every
 * UPS of the host waits with it. Times are milliseconds of a clock that never goes back. A driver in C++ or Rust must let no
 * exception and no panic out of its functions.
 */
typedef struct opennmc_driver {
  /**
   * OPENNMC_DRIVER_ABI.
   */
  uint32_t abi;
  /**
   * sizeof(opennmc_driver), of the header that the driver was built with.
   */
  uint32_t size;
  /**
   * What NUT clients read as driver.name: letters, digits and "-". Not NULL.
   */
  const char *(*name)(void);
  /**
   * Makes the state of one UPS. `options` is a JSON object: `driver-options` of the UPS in the configuration. Gives NULL when
   * an option is wrong, after saying in the log which.
   */
  void *(*create)(const struct opennmc_host *host, const char *options);
  /**
   * Frees what create made.
   */
  void (*destroy)(void *driver);
  /**
   * The port has just been opened: 2400 baud, 8 bits, no parity, raw.
   */
  void (*handle_open)(void *driver, uint64_t now_ms);
  /**
   * The port is gone. Orders that are pending end as OPENNMC_RESULT_TIMED_OUT; do not report them.
   */
  void (*handle_close)(void *driver, uint64_t now_ms);
  /**
   * These bytes came in: any number of them, not lines.
   */
  void (*handle_input)(void *driver, uint64_t now_ms, const uint8_t *bytes, size_t length);
  /**
   * The deadline was reached. It may also be called earlier or later.
   */
  void (*handle_timeout)(void *driver, uint64_t now_ms);
  /**
   * When handle_timeout has to be called, or OPENNMC_NEVER. Asked for after each of the calls above and below.
   */
  uint64_t (*deadline)(const void *driver);
  /**
   * Begins a command. `argument` may be NULL. `danger_confirmed` is 1 when a person wants the load to be interrupted. Gives
   * an opennmc_result; with OPENNMC_RESULT_PENDING the end is told with the ticket.
   */
  uint32_t (*run)(void *driver,
                  uint64_t now_ms,
                  uint64_t ticket,
                  const char *command,
                  const char *argument,
                  uint32_t danger_confirmed);
  /**
   * Begins to set a variable, as run does a command.
   */
  uint32_t (*set)(void *driver,
                  uint64_t now_ms,
                  uint64_t ticket,
                  const char *variable,
                  const char *value);
} opennmc_driver;

#endif  /* OPENNMC_DRIVER_H */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a driver's library exports: gives the driver, always the same one, or NULL.
 */
const opennmc_driver *opennmc_driver_entry(void);

#ifdef __cplusplus
}
#endif
