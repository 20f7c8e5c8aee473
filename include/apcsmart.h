/*
 * libapcsmart: talks to APC UPSes over their serial port.
 *
 * Two ways to use it. A program that may wait opens a port:
 *
 *     apcsmart_port *port;
 *     double charge;
 *     if (apcsmart_port_open("/dev/ttyS0", NULL, 30000, &port) == APCSMART_RESULT_OK
 *         && apcsmart_port_number(port, "battery.charge", &charge) == APCSMART_RESULT_OK)
 *         printf("%.0f %%\n", charge);
 *     apcsmart_port_close(port);
 *
 * A program with an event loop of its own makes an apcsmart_session, carries its bytes and tells it the time.
 *
 * Every function that can fail gives an apcsmart_result; the ones named under "Errors" come without their
 * APCSMART_RESULT_ there. What a function could not give is left as it was, unless it says otherwise.
 * All text is UTF-8 and ends with NUL. No function touches anything global: no locale, no signal handler, no
 * standard output; standard error only in the case of APCSMART_RESULT_PANIC.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef APCSMART_H
#define APCSMART_H

/* Made by `cargo xtask headers` from libapcsmart/src/capi. Do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A moment that never comes: the deadline of a session that waits for nothing, and a time to wait without end.
 */
#define APCSMART_NEVER UINT64_MAX

/**
 * No transmission is longer, in bytes.
 */
#define APCSMART_TRANSMIT_MAX 64

/**
 * A runtime calibration runs. NUT: CAL
 */
#define APCSMART_STATUS_CALIBRATING 1

/**
 * The UPS lowers the voltage of mains. NUT: TRIM
 */
#define APCSMART_STATUS_TRIM 2

/**
 * The UPS raises the voltage of mains. NUT: BOOST
 */
#define APCSMART_STATUS_BOOST 4

/**
 * Mains powers the load. NUT: OL
 */
#define APCSMART_STATUS_ON_LINE 8

/**
 * The battery powers the load. NUT: OB
 */
#define APCSMART_STATUS_ON_BATTERY 16

/**
 * The load is too high. NUT: OVER
 */
#define APCSMART_STATUS_OVERLOAD 32

/**
 * The battery is low. NUT: LB
 */
#define APCSMART_STATUS_LOW_BATTERY 64

/**
 * The battery should be replaced. NUT: RB
 */
#define APCSMART_STATUS_REPLACE_BATTERY 128

/**
 * The load runs from mains around the inverter. NUT: BYPASS
 */
#define APCSMART_STATUS_BYPASS 256

/**
 * The load has no power from this UPS. NUT: OFF
 */
#define APCSMART_STATUS_OFF 512

/**
 * The output is off and comes back by itself. Only of UPSes that tell it; no token of its own.
 */
#define APCSMART_STATUS_SLEEPING 1024

/**
 * The UPS complains of a fault: the reading ups.alarm tells which. No token of its own.
 */
#define APCSMART_STATUS_FAULT 2048

/**
 * Room for every text that `apcsmart_status_text` can give, in bytes, the closing NUL included.
 */
#define APCSMART_STATUS_TEXT_SIZE 64

/**
 * The library's version that this header is of, first part. `apcsmart_version` tells that of the library in use.
 */
#define APCSMART_VERSION_MAJOR 0

/**
 * Second part.
 */
#define APCSMART_VERSION_MINOR 1

/**
 * Third part.
 */
#define APCSMART_VERSION_PATCH 0

/**
 * Counts the changes of this interface that make a program compiled before misbehave. It is the number of the shared
 * library's name, `libapcsmart.so.0`. New functions, constants and results do not change it.
 */
#define APCSMART_ABI_VERSION 0

/**
 * What became of a call. `APCSMART_RESULT_OK` is zero; everything else means that the call did nothing, or not all.
 *
 * Numbers never change their meaning and new ones may be added: treat a number that you do not know as a failure and
 * show `apcsmart_result_text`.
 */
enum apcsmart_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  APCSMART_RESULT_OK = 0,
  /**
   * A pointer is NULL where it must not be.
   */
  APCSMART_RESULT_NULL_POINTER = 1,
  /**
   * A handle is none of this type, or was freed. Found out where it can be; do not rely on it.
   */
  APCSMART_RESULT_WRONG_HANDLE = 2,
  /**
   * Another thread is inside a call with this handle.
   */
  APCSMART_RESULT_HANDLE_IN_USE = 3,
  /**
   * The library failed on this handle, by a bug: it can only be freed. The reason was written to standard error.
   */
  APCSMART_RESULT_PANIC = 4,
  /**
   * A text is not UTF-8.
   */
  APCSMART_RESULT_INVALID_UTF8 = 5,
  /**
   * A text is longer than 4096 bytes, or a piece of input longer than 1 MiB.
   */
  APCSMART_RESULT_TOO_LONG = 6,
  /**
   * A buffer has not enough room.
   */
  APCSMART_RESULT_BUFFER_TOO_SMALL = 7,
  /**
   * A number is out of its range.
   */
  APCSMART_RESULT_INVALID_ARGUMENT = 8,
  /**
   * There is no such thing, or it is not known yet.
   */
  APCSMART_RESULT_NOT_FOUND = 9,
  /**
   * The reading is text.
   */
  APCSMART_RESULT_NOT_A_NUMBER = 10,
  /**
   * No such command exists.
   */
  APCSMART_RESULT_UNKNOWN_COMMAND = 100,
  /**
   * The command exists, but not on this UPS, or the UPS is not discovered yet.
   */
  APCSMART_RESULT_NOT_ON_THIS_UPS = 101,
  /**
   * The command can take power from the load: repeat it with `APCSMART_DANGER_CONFIRMED` if that is wanted.
   */
  APCSMART_RESULT_NEEDS_CONFIRMATION = 102,
  /**
   * The command does not take this argument.
   */
  APCSMART_RESULT_INVALID_COMMAND_ARGUMENT = 103,
  /**
   * This UPS has no such setting.
   */
  APCSMART_RESULT_UNKNOWN_SETTING = 104,
  /**
   * It can not be set.
   */
  APCSMART_RESULT_READ_ONLY = 105,
  /**
   * The setting does not take this value.
   */
  APCSMART_RESULT_INVALID_VALUE = 106,
  /**
   * Another order is under way: wait for its `APCSMART_EVENT_DONE`.
   */
  APCSMART_RESULT_BUSY = 107,
  /**
   * No UPS answers.
   */
  APCSMART_RESULT_NOT_CONNECTED = 108,
  /**
   * The UPS answers, and what it can do is not known yet: wait for `APCSMART_EVENT_DISCOVERED`.
   */
  APCSMART_RESULT_NOT_DISCOVERED = 109,
  /**
   * The address of a port is malformed.
   */
  APCSMART_RESULT_INVALID_ADDRESS = 200,
  /**
   * There is no such port.
   */
  APCSMART_RESULT_NO_SUCH_PORT = 201,
  /**
   * This user may not open the port.
   */
  APCSMART_RESULT_NO_PERMISSION = 202,
  /**
   * Another program uses the port.
   */
  APCSMART_RESULT_PORT_IN_USE = 203,
  /**
   * That is no serial port.
   */
  APCSMART_RESULT_NOT_A_PORT = 204,
  /**
   * The port can not be opened, or its server not be reached, for another reason.
   */
  APCSMART_RESULT_CANNOT_OPEN = 205,
  /**
   * The port was open and is gone. Close it and open it again.
   */
  APCSMART_RESULT_HUNG_UP = 206,
  /**
   * The port is open, and no UPS answered in time.
   */
  APCSMART_RESULT_NO_ANSWER = 207,
  /**
   * The UPS answers, and not everything that was waited for came in time.
   */
  APCSMART_RESULT_TIMED_OUT = 208,
  /**
   * The order ended, and not well: see its outcome.
   */
  APCSMART_RESULT_ORDER_FAILED = 209,
  /**
   * The port was never opened.
   */
  APCSMART_RESULT_NOT_OPEN = 210,
  /**
   * `apcsmart_port_interrupt` ended the wait. Nothing is lost.
   */
  APCSMART_RESULT_INTERRUPTED = 211,
  /**
   * The port was opened in another process, before a fork, and is used there.
   */
  APCSMART_RESULT_OTHER_PROCESS = 212,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_result apcsmart_result;
#else
typedef uint32_t apcsmart_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a command can do to the load.
 */
enum apcsmart_danger
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Nothing.
   */
  APCSMART_DANGER_NONE = 0,
  /**
   * It may take power from the load or run the battery down. Passing it says that this is wanted.
   */
  APCSMART_DANGER_CONFIRMED = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_danger apcsmart_danger;
#else
typedef uint32_t apcsmart_danger;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the link to the UPS is.
 */
enum apcsmart_link
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The port is not open.
   */
  APCSMART_LINK_CLOSED = 0,
  /**
   * The port is open; no UPS has answered yet.
   */
  APCSMART_LINK_CONNECTING = 1,
  /**
   * The UPS answers.
   */
  APCSMART_LINK_UP = 2,
  /**
   * The UPS answered and does no more. It is asked again and again; readings are as old as the time it was last heard.
   */
  APCSMART_LINK_LOST = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_link apcsmart_link;
#else
typedef uint32_t apcsmart_link;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How an order ended. It says what was seen, no more.
 */
enum apcsmart_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * No order ended.
   */
  APCSMART_OUTCOME_NONE = 0,
  /**
   * The UPS accepted it. Its effect can not be seen from here, or not yet.
   */
  APCSMART_OUTCOME_ACCEPTED = 1,
  /**
   * The UPS accepted it and its effect was seen.
   */
  APCSMART_OUTCOME_EXECUTED = 2,
  /**
   * The setting was written and reads back as ordered.
   */
  APCSMART_OUTCOME_VERIFIED = 3,
  /**
   * The setting had this value already; nothing was written.
   */
  APCSMART_OUTCOME_UNCHANGED = 4,
  /**
   * The UPS refused, or its state forbids it; the event's text says which.
   */
  APCSMART_OUTCOME_REFUSED = 5,
  /**
   * This UPS does not know the command.
   */
  APCSMART_OUTCOME_UNSUPPORTED = 6,
  /**
   * The UPS accepted it, and no effect was seen in the time it should have taken.
   */
  APCSMART_OUTCOME_NO_EFFECT = 7,
  /**
   * No answer came. Whether the UPS did it is not known.
   */
  APCSMART_OUTCOME_TIMED_OUT = 8,
  /**
   * The link was lost on the way. Whether the UPS did it is not known.
   */
  APCSMART_OUTCOME_INTERRUPTED = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_outcome apcsmart_outcome;
#else
typedef uint32_t apcsmart_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a setting is set.
 */
enum apcsmart_writable
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Not at all.
   */
  APCSMART_WRITABLE_NO = 0,
  /**
   * To one of its choices.
   */
  APCSMART_WRITABLE_CHOICE = 1,
  /**
   * To a text of at most `text_max` printable ASCII characters.
   */
  APCSMART_WRITABLE_TEXT = 2,
  /**
   * To a whole number; of limits also to "off".
   */
  APCSMART_WRITABLE_NUMBER = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_writable apcsmart_writable;
#else
typedef uint32_t apcsmart_writable;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What was learnt.
 *
 */
enum apcsmart_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * No event.
   */
  APCSMART_EVENT_NONE = 0,
  /**
   * The link changed its state: `link`, `text`.
   */
  APCSMART_EVENT_LINK = 1,
  /**
   * The UPS announced something: `alert`, `text`.
   */
  APCSMART_EVENT_ALERT = 2,
  /**
   * The status changed, or is known for the first time: `status`, `text` with NUT's tokens.
   */
  APCSMART_EVENT_STATUS = 3,
  /**
   * A reading changed, or is known for the first time: `name`, `text`, `number`, `unit`.
   */
  APCSMART_EVENT_READING = 4,
  /**
   * A reading is no longer known: `name`.
   */
  APCSMART_EVENT_WITHDRAWN = 5,
  /**
   * What the UPS can do is known: its settings and commands can be listed.
   */
  APCSMART_EVENT_DISCOVERED = 6,
  /**
   * Everything was read once since the link came up.
   */
  APCSMART_EVENT_SCAN_COMPLETE = 7,
  /**
   * No UPS answers: `diagnosis`, and `text` for a person.
   */
  APCSMART_EVENT_DIAGNOSIS = 8,
  /**
   * The UPS accepted an order and its effect is watched for: `ticket`.
   */
  APCSMART_EVENT_ACCEPTED = 9,
  /**
   * An order ended; comes exactly once for every ticket: `ticket`, `outcome`, `text`.
   */
  APCSMART_EVENT_DONE = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_event_kind apcsmart_event_kind;
#else
typedef uint32_t apcsmart_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a UPS announces unasked. For logs: what it means for the status comes as a status.
 */
enum apcsmart_alert
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The event is no alert.
   */
  APCSMART_ALERT_NONE = 0,
  /**
   * The UPS goes on battery.
   */
  APCSMART_ALERT_LINE_FAIL = 1,
  /**
   * Mains is back.
   */
  APCSMART_ALERT_LINE_RETURNED = 2,
  /**
   * The battery is low.
   */
  APCSMART_ALERT_LOW_BATTERY = 3,
  /**
   * The battery is no longer low.
   */
  APCSMART_ALERT_BATTERY_RECOVERED = 4,
  /**
   * Something is abnormal: the status tells what.
   */
  APCSMART_ALERT_ABNORMAL = 5,
  /**
   * What was abnormal has ended.
   */
  APCSMART_ALERT_ABNORMAL_ENDED = 6,
  /**
   * The load goes off now.
   */
  APCSMART_ALERT_LOAD_OFF = 7,
  /**
   * The battery should be replaced.
   */
  APCSMART_ALERT_REPLACE_BATTERY = 8,
  /**
   * An environment probe's limit is exceeded, or a contact changed.
   */
  APCSMART_ALERT_ENVIRONMENT = 9,
  /**
   * A setting was changed in the UPS.
   */
  APCSMART_ALERT_SETTING_CHANGED = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_alert apcsmart_alert;
#else
typedef uint32_t apcsmart_alert;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is on the line when no UPS answers.
 */
enum apcsmart_diagnosis
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The event is no diagnosis.
   */
  APCSMART_DIAGNOSIS_NONE = 0,
  /**
   * No byte came back.
   */
  APCSMART_DIAGNOSIS_SILENT = 1,
  /**
   * What was sent came back.
   */
  APCSMART_DIAGNOSIS_ECHO = 2,
  /**
   * A stream of binary data: newer Smart-UPS speak Microlink.
   */
  APCSMART_DIAGNOSIS_MICROLINK = 3,
  /**
   * Bytes that are no answers.
   */
  APCSMART_DIAGNOSIS_GARBAGE = 4,
  /**
   * A binary frame: the port is set to Modbus.
   */
  APCSMART_DIAGNOSIS_MODBUS = 5,
  /**
   * The UPS speaks by levels of its wires, not by bytes.
   */
  APCSMART_DIAGNOSIS_SIMPLE_SIGNALLING = 6,
  /**
   * Text that is no answer: another device.
   */
  APCSMART_DIAGNOSIS_OTHER_DEVICE = 7,
  /**
   * A UPS answers and does not tell its status.
   */
  APCSMART_DIAGNOSIS_NO_STATUS = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_diagnosis apcsmart_diagnosis;
#else
typedef uint32_t apcsmart_diagnosis;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What to do next.
 *
 */
enum apcsmart_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Write the first `length` bytes of your buffer to the port, all of them, now.
   */
  APCSMART_OUTPUT_TRANSMIT = 1,
  /**
   * Something was learnt: `event`.
   */
  APCSMART_OUTPUT_EVENT = 2,
  /**
   * Nothing more for now: call `apcsmart_session_handle_timeout` at `deadline_ms` at the latest.
   */
  APCSMART_OUTPUT_TIMEOUT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum apcsmart_output_kind apcsmart_output_kind;
#else
typedef uint32_t apcsmart_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a session or a port behaves. The defaults fit every known UPS on its serial cable; pass NULL for them where a
 * configuration is asked for. It is copied: free it as soon as you like. One thread at a time.
 */
typedef struct apcsmart_config apcsmart_config;

/**
 * A UPS on a serial port, or on a serial server in the network, for programs that wait.
 *
 * The line is served only while a call waits (`apcsmart_port_wait_event`, `_serve`, `_run`, `_set`, `_wait_ready`); between
 * calls readings get old, and `apcsmart_port_silence` tells how old.
 *
 * Threads: one at a time for each port, `const` or not; a second one gets `APCSMART_RESULT_HANDLE_IN_USE`. Only
 * `apcsmart_port_interrupt` is for other threads, and for signal handlers. Different ports are independent; nothing is shared.
 *
 * Lent texts live until the next call that takes the port without `const`. After every failure `apcsmart_port_error` has
 * a sentence for a person.
 *
 * A port is of the process that opened it. After a fork the child gets OTHER_PROCESS from what uses the line; it may close its
 * copy, which does the parent no harm.
 *
 * Errors of every handle: NULL_POINTER, WRONG_HANDLE, HANDLE_IN_USE, PANIC; of a port that was never opened also NOT_OPEN.
 * Of every call that waits: INTERRUPTED, after `apcsmart_port_interrupt`; OTHER_PROCESS.
 */
typedef struct apcsmart_port apcsmart_port;

/**
 * The conversation with one UPS. It opens nothing, reads no clock and never waits: you carry its bytes and tell it the time.
 *
 * After every call that takes it without `const`, call `apcsmart_session_poll_output` until it gives
 * `APCSMART_OUTPUT_TIMEOUT`; then wait for bytes from the port or for that moment, whichever comes first.
 *
 * Times are milliseconds since any origin of yours. They must not go back, and should go on while the machine sleeps
 * (`CLOCK_BOOTTIME` on Linux).
 *
 * Threads: one at a time for each session, `const` or not; a second one gets `APCSMART_RESULT_HANDLE_IN_USE`. Different
 * sessions are independent; nothing is shared.
 *
 * Lent texts live until the next call that takes the session without `const`.
 *
 * Errors of every handle: NULL_POINTER, WRONG_HANDLE, HANDLE_IN_USE, PANIC.
 */
typedef struct apcsmart_session apcsmart_session;

/**
 * A command of this UPS. The texts are UTF-8, never NULL, and live as long as the handle.
 */
typedef struct apcsmart_command {
  /**
   * Its name, by NUT's naming, such as "test.battery.start".
   */
  const char *name;
  /**
   * What it does, in a sentence.
   */
  const char *meaning;
  /**
   * What it can do to the load.
   */
  apcsmart_danger danger;
} apcsmart_command;

/**
 * What was counted since the handle was made. Never reset; take differences.
 */
typedef struct apcsmart_quality {
  /**
   * Questions and instructions sent.
   */
  uint64_t sent;
  /**
   * Answers with the right shape, refusals included.
   */
  uint64_t answered;
  /**
   * Answers that did not come in time.
   */
  uint64_t timeouts;
  /**
   * Answers of the wrong shape.
   */
  uint64_t mismatches;
  /**
   * Answers that came sooner than the line can carry them.
   */
  uint64_t early;
  /**
   * Bytes and lines that nothing had asked for.
   */
  uint64_t unsolicited;
  /**
   * Times that the conversation was begun anew to find the place.
   */
  uint64_t resyncs;
  /**
   * Second reads that agreed with the first.
   */
  uint64_t confirmed;
  /**
   * Second reads that did not.
   */
  uint64_t contradicted;
  /**
   * Alerts.
   */
  uint64_t alerts;
  /**
   * Writes to the UPS's EEPROM, which stands about a hundred thousand: steps, texts and saved switches that orders of this
   * handle sent. Those that the UPS refused are not counted, those of which nothing is known are.
   */
  uint64_t eeprom_writes;
  /**
   * Zero. Room for later.
   */
  uint64_t reserved[5];
} apcsmart_quality;

/**
 * A reading. The texts are UTF-8, never NULL, and lent: they live until the next call that takes the handle without
 * `const`.
 */
typedef struct apcsmart_reading {
  /**
   * Its name, by NUT's naming, such as "battery.charge".
   */
  const char *name;
  /**
   * Its value as text, as NUT's clients read it.
   */
  const char *text;
  /**
   * The unit of a number: "%", "V", "A", "s", "Hz", "°C", "VA", "Ah"; empty for none and for text.
   */
  const char *unit;
  /**
   * Its value when it is a number; else NaN.
   */
  double number;
  /**
   * Whether it is a number.
   */
  bool is_number;
} apcsmart_reading;

/**
 * A setting of this UPS. Its value is the reading of the same name. The texts are UTF-8, never NULL, and live as long as
 * the handle.
 */
typedef struct apcsmart_setting {
  /**
   * Its name, by NUT's naming, such as "input.transfer.low".
   */
  const char *name;
  /**
   * The unit of its value; empty for text.
   */
  const char *unit;
  /**
   * How it is set.
   */
  apcsmart_writable writable;
  /**
   * How many choices it has; zero unless it is set to one of them.
   */
  size_t choice_count;
  /**
   * How many characters a text may have; zero unless it is text.
   */
  size_t text_max;
} apcsmart_setting;

/**
 * What was learnt, with what belongs to its kind; the rest is zero, NaN or an empty text. Kinds may be added: pass over
 * those that you do not know.
 *
 * The texts are UTF-8, never NULL, and lent: they live until the next call that takes the handle without `const`.
 */
typedef struct apcsmart_event {
  /**
   * What kind of event this is.
   */
  apcsmart_event_kind kind;
  /**
   * The state of the link.
   */
  apcsmart_link link;
  /**
   * What the UPS announced.
   */
  apcsmart_alert alert;
  /**
   * `APCSMART_STATUS_...` bits.
   */
  uint32_t status;
  /**
   * What is on the line instead of a UPS.
   */
  apcsmart_diagnosis diagnosis;
  /**
   * How the order ended.
   */
  apcsmart_outcome outcome;
  /**
   * The order; never zero for one.
   */
  uint64_t ticket;
  /**
   * The value of a reading when it is a number; else NaN.
   */
  double number;
  /**
   * The name of a reading.
   */
  const char *name;
  /**
   * The event for a log, or the value of a reading.
   */
  const char *text;
  /**
   * The unit of a reading, such as "V"; empty for none.
   */
  const char *unit;
  /**
   * Zero. Room for later.
   */
  uint64_t reserved[4];
} apcsmart_event;

/**
 * What a session wants of you.
 */
typedef struct apcsmart_output {
  /**
   * What to do next.
   */
  apcsmart_output_kind kind;
  /**
   * How many bytes to write; zero for the other kinds.
   */
  size_t length;
  /**
   * On your clock; `APCSMART_NEVER` when the session waits for nothing, and for the other kinds.
   */
  uint64_t deadline_ms;
  /**
   * What was learnt; empty for the other kinds.
   */
  struct apcsmart_event event;
} apcsmart_output;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The interface of the library in use. A program that loads the library by hand compares it with `APCSMART_ABI_VERSION`
 * and goes on only when they are equal. Any thread.
 */
uint32_t apcsmart_abi_version(void);

/**
 * Frees a configuration. NULL is right.
 */
void apcsmart_config_free(struct apcsmart_config *config);

/**
 * Makes a configuration with the defaults. Free it with `apcsmart_config_free`.
 *
 * Errors: NULL_POINTER.
 */
apcsmart_result apcsmart_config_new(struct apcsmart_config **config);

/**
 * Sets the cable by its part number, such as "940-0024C" (the default) or "940-0095B"; it decides how DTR and RTS are
 * held. For ports on a tty only.
 *
 * Errors: INVALID_ARGUMENT for a cable that does not carry the smart protocol; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_config_set_cable(struct apcsmart_config *config,
                                          const char *name);

/**
 * Sets whether a port that hung up is opened again by itself, with pauses of half a second to ten. Off by default:
 * `APCSMART_RESULT_HUNG_UP` tells then. For ports only.
 *
 * Errors: those of every handle.
 */
apcsmart_result apcsmart_config_set_reconnect(struct apcsmart_config *config,
                                              bool reconnect);

/**
 * Sets the silence between an answer and the next question: 0 to 10000 milliseconds, 0 by default. Some UPSes stop
 * talking when they are asked without a pause.
 *
 * Errors: INVALID_ARGUMENT; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_config_set_spacing(struct apcsmart_config *config,
                                            uint32_t milliseconds);

/**
 * The name of an `apcsmart_link` in one word, such as "up". Never NULL; lives for ever. Any thread.
 */
const char *apcsmart_link_text(uint32_t link);

/**
 * Whether an `apcsmart_outcome` means that the order was carried out, as far as can be known. Any thread.
 */
bool apcsmart_outcome_is_success(uint32_t outcome);

/**
 * What an `apcsmart_outcome` means, as a sentence in English; an order's own `APCSMART_EVENT_DONE` also says why the UPS
 * refused. Never NULL; lives for ever. Any thread.
 */
const char *apcsmart_outcome_text(uint32_t outcome);

/**
 * As `apcsmart_session_choice_at`; it lives until the next call that takes the port without `const`.
 */
apcsmart_result apcsmart_port_choice_at(const struct apcsmart_port *port,
                                        const char *name,
                                        size_t index,
                                        const char **choice);

/**
 * Closes a port and frees its handle and every text that it lent. NULL is right. Closing twice is undefined.
 *
 * A port that another thread is using is left alone, open: call `apcsmart_port_interrupt`, join the thread, close then.
 */
void apcsmart_port_close(struct apcsmart_port *port);

/**
 * As `apcsmart_session_command`.
 */
apcsmart_result apcsmart_port_command(const struct apcsmart_port *port,
                                      const char *name,
                                      struct apcsmart_command *command);

/**
 * As `apcsmart_session_command_at`.
 */
apcsmart_result apcsmart_port_command_at(const struct apcsmart_port *port,
                                         size_t index,
                                         struct apcsmart_command *command);

/**
 * As `apcsmart_session_command_count`.
 */
apcsmart_result apcsmart_port_command_count(const struct apcsmart_port *port, size_t *count);

/**
 * What went wrong in the last call that could fail with this port, as a sentence in English that says what to do; empty
 * when nothing did. Never NULL, also for NULL. It is lent: it lives until the next call that takes the port without
 * `const`.
 */
const char *apcsmart_port_error(const struct apcsmart_port *port);

/**
 * Makes the call that waits with this port, in any thread, end with INTERRUPTED; when none waits, the next one that would.
 * Asking twice before that is asking once. Nothing is lost by it: wait again, or close the port. An order that was waited for
 * goes on, and its `APCSMART_EVENT_DONE` comes out of `apcsmart_port_wait_event`.
 *
 * Any thread, while another one is inside a call with this port, and any signal handler: signals alone end no wait, a handler
 * that calls this does. It takes no lock and asks for no memory. The port must not be closed meanwhile.
 *
 * Opening is not interrupted, `apcsmart_port_open` with `timeout_ms` 0 and `apcsmart_port_reopen` included: a serial port
 * opens at once, a serial server in five seconds for each of its addresses, after the system looked its name up.
 *
 * Errors: NULL_POINTER, WRONG_HANDLE, PANIC, NOT_OPEN.
 */
apcsmart_result apcsmart_port_interrupt(const struct apcsmart_port *port);

/**
 * How the link is, as it was when the line was last served.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_port_link(const struct apcsmart_port *port, apcsmart_link *link);

/**
 * As `apcsmart_session_number`. Readings are as old as `apcsmart_port_silence` says.
 */
apcsmart_result apcsmart_port_number(const struct apcsmart_port *port,
                                     const char *name,
                                     double *number);

/**
 * Opens a port and waits until the UPS was recognised and everything was read once. `address` is a path such as
 * "/dev/ttyS0", or "tcp://host:port" for a serial server. `config` may be NULL. 30000 milliseconds fit every known UPS; with
 * `timeout_ms` 0 it only opens, and `apcsmart_port_wait_ready` waits.
 *
 * `*port` is set on failure too, so that `apcsmart_port_error` can tell the reason: close it in every case. It is NULL only
 * after PANIC. After NO_ANSWER and TIMED_OUT the port is open and can be waited for on.
 *
 * Errors: INVALID_ADDRESS, NO_SUCH_PORT, NO_PERMISSION, PORT_IN_USE, NOT_A_PORT, CANNOT_OPEN, HUNG_UP, NO_ANSWER,
 * TIMED_OUT; NULL_POINTER, TOO_LONG, INVALID_UTF8; those of the configuration's handle.
 */
apcsmart_result apcsmart_port_open(const char *address,
                                   const struct apcsmart_config *config,
                                   uint64_t timeout_ms,
                                   struct apcsmart_port **port);

/**
 * As `apcsmart_session_quality`.
 */
apcsmart_result apcsmart_port_quality(const struct apcsmart_port *port,
                                      struct apcsmart_quality *quality);

/**
 * As `apcsmart_session_reading`. Readings are as old as `apcsmart_port_silence` says.
 */
apcsmart_result apcsmart_port_reading(const struct apcsmart_port *port,
                                      const char *name,
                                      struct apcsmart_reading *reading);

/**
 * As `apcsmart_session_reading_at`. Readings are as old as `apcsmart_port_silence` says.
 */
apcsmart_result apcsmart_port_reading_at(const struct apcsmart_port *port,
                                         size_t index,
                                         struct apcsmart_reading *reading);

/**
 * As `apcsmart_session_reading_count`.
 */
apcsmart_result apcsmart_port_reading_count(const struct apcsmart_port *port, size_t *count);

/**
 * Opens the port again, whether it hung up or not. The UPS is recognised anew: `apcsmart_port_wait_ready` waits for it.
 *
 * Errors: those of `apcsmart_port_open` that tell of opening; those of every handle.
 */
apcsmart_result apcsmart_port_reopen(struct apcsmart_port *port);

/**
 * Runs a command by its name and waits for its outcome: seconds for most, and up to the UPS's shutdown delay for those
 * that switch the load. `argument` and `danger` are those of `apcsmart_session_run`.
 *
 * `*outcome` tells what was seen, `APCSMART_OUTCOME_NONE` when nothing was sent.
 *
 * Errors: ORDER_FAILED when the outcome is no success; those of `apcsmart_session_run`; HUNG_UP; NULL_POINTER and those
 * of every handle.
 */
apcsmart_result apcsmart_port_run(struct apcsmart_port *port,
                                  const char *name,
                                  const char *argument,
                                  uint32_t danger,
                                  apcsmart_outcome *outcome);

/**
 * Serves the line for `duration_ms`, so that readings are read anew. Events are kept for `apcsmart_port_wait_event`, the
 * newest 4096.
 *
 * Errors: HUNG_UP; those of every handle.
 */
apcsmart_result apcsmart_port_serve(struct apcsmart_port *port,
                                    uint64_t duration_ms);

/**
 * Sets a setting to a value as its reading shows it, and waits for the outcome, some seconds at most.
 *
 * `*outcome` tells what was seen, `APCSMART_OUTCOME_NONE` when nothing was sent.
 *
 * Errors: ORDER_FAILED when the outcome is no success; those of `apcsmart_session_set`; HUNG_UP; NULL_POINTER and those
 * of every handle.
 */
apcsmart_result apcsmart_port_set(struct apcsmart_port *port,
                                  const char *name,
                                  const char *value,
                                  apcsmart_outcome *outcome);

/**
 * As `apcsmart_session_setting`.
 */
apcsmart_result apcsmart_port_setting(const struct apcsmart_port *port,
                                      const char *name,
                                      struct apcsmart_setting *setting);

/**
 * As `apcsmart_session_setting_at`.
 */
apcsmart_result apcsmart_port_setting_at(const struct apcsmart_port *port,
                                         size_t index,
                                         struct apcsmart_setting *setting);

/**
 * As `apcsmart_session_setting_count`.
 */
apcsmart_result apcsmart_port_setting_count(const struct apcsmart_port *port, size_t *count);

/**
 * How many milliseconds ago the UPS gave its last valid answer. No reading is newer.
 *
 * Errors: NOT_FOUND when it never did; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_port_silence(const struct apcsmart_port *port, uint64_t *silence_ms);

/**
 * Starts a command and returns at once: its outcome comes as `APCSMART_EVENT_DONE` with `*ticket`, while the line is
 * served.
 *
 * Errors: those of `apcsmart_port_run` without ORDER_FAILED and INTERRUPTED.
 */
apcsmart_result apcsmart_port_start(struct apcsmart_port *port,
                                    const char *name,
                                    const char *argument,
                                    uint32_t danger,
                                    uint64_t *ticket);

/**
 * Starts a setting and returns at once: its outcome comes as `APCSMART_EVENT_DONE` with `*ticket`, while the line is
 * served.
 *
 * Errors: those of `apcsmart_port_set` without ORDER_FAILED and INTERRUPTED.
 */
apcsmart_result apcsmart_port_start_set(struct apcsmart_port *port,
                                        const char *name,
                                        const char *value,
                                        uint64_t *ticket);

/**
 * As `apcsmart_session_status`. It is as old as `apcsmart_port_silence` says.
 */
apcsmart_result apcsmart_port_status(const struct apcsmart_port *port, uint32_t *status);

/**
 * As `apcsmart_session_text`. Readings are as old as `apcsmart_port_silence` says.
 */
apcsmart_result apcsmart_port_text(const struct apcsmart_port *port,
                                   const char *name,
                                   const char **text);

/**
 * As `apcsmart_session_unknown_command_at`; it lives until the next call that takes the port without `const`.
 */
apcsmart_result apcsmart_port_unknown_command_at(const struct apcsmart_port *port,
                                                 size_t index,
                                                 const char **command);

/**
 * As `apcsmart_session_unknown_command_count`.
 */
apcsmart_result apcsmart_port_unknown_command_count(const struct apcsmart_port *port,
                                                    size_t *count);

/**
 * The next event, the oldest first; waits for one for `timeout_ms` at most, `APCSMART_NEVER` for as long as it takes.
 *
 * Errors: TIMED_OUT when none came, and then `event` is empty; HUNG_UP, after the events that came before it;
 * NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_port_wait_event(struct apcsmart_port *port,
                                         uint64_t timeout_ms,
                                         struct apcsmart_event *event);

/**
 * Waits until the UPS was recognised and everything was read once, `timeout_ms` at most.
 *
 * Errors: NO_ANSWER, TIMED_OUT, HUNG_UP; those of every handle.
 */
apcsmart_result apcsmart_port_wait_ready(struct apcsmart_port *port, uint64_t timeout_ms);

/**
 * What a result means, as a sentence in English. Never NULL; lives for ever. Any thread.
 */
const char *apcsmart_result_text(uint32_t result);

/**
 * The permitted value at `index` of the setting `name`, counted from zero and in the UPS's own order, as its reading would
 * show it. It is lent: it lives until the next call that takes the session without `const`.
 *
 * Errors: NOT_FOUND when this UPS has no such variable, and behind the last choice; NULL_POINTER, TOO_LONG, INVALID_UTF8
 * and those of every handle.
 */
apcsmart_result apcsmart_session_choice_at(const struct apcsmart_session *session,
                                           const char *name,
                                           size_t index,
                                           const char **choice);

/**
 * The command `name`; letter case does not matter.
 *
 * Errors: NOT_FOUND when this UPS has none; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
 */
apcsmart_result apcsmart_session_command(const struct apcsmart_session *session,
                                         const char *name,
                                         struct apcsmart_command *command);

/**
 * The command at `index`, counted from zero.
 *
 * Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_command_at(const struct apcsmart_session *session,
                                            size_t index,
                                            struct apcsmart_command *command);

/**
 * How many commands this UPS has; zero until it was discovered. They are sorted by name.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_command_count(const struct apcsmart_session *session,
                                               size_t *count);

/**
 * Frees a session and every text that it lent. NULL is right. Freeing twice is undefined.
 */
void apcsmart_session_free(struct apcsmart_session *session);

/**
 * The port is gone. Readings and status keep their last values; orders end as interrupted.
 *
 * Errors: INVALID_ARGUMENT; those of every handle.
 */
apcsmart_result apcsmart_session_handle_close(struct apcsmart_session *session, uint64_t now_ms);

/**
 * `length` bytes arrived from the port, in one piece or in many. They are copied.
 *
 * Errors: NULL_POINTER when `length` is not zero; TOO_LONG beyond 1 MiB; INVALID_ARGUMENT; those of every handle.
 */
apcsmart_result apcsmart_session_handle_input(struct apcsmart_session *session,
                                              uint64_t now_ms,
                                              const uint8_t *bytes,
                                              size_t length);

/**
 * The port was opened, or opened again: 2400 baud, 8 bits, no parity, one stop bit, no flow control.
 *
 * Errors: INVALID_ARGUMENT when `now_ms` is `APCSMART_NEVER`, here and in all that take it; those of every handle.
 */
apcsmart_result apcsmart_session_handle_open(struct apcsmart_session *session,
                                             uint64_t now_ms);

/**
 * The deadline was reached. Calling it early or late is harmless.
 *
 * Errors: INVALID_ARGUMENT; those of every handle.
 */
apcsmart_result apcsmart_session_handle_timeout(struct apcsmart_session *session, uint64_t now_ms);

/**
 * When the UPS last gave a valid answer, on your clock. No reading is newer.
 *
 * Errors: NOT_FOUND when it never did; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_last_heard(const struct apcsmart_session *session,
                                            uint64_t *heard_ms);

/**
 * Why the last order was not taken, as a sentence in English; NULL when the last order was taken or there was none, and
 * for a handle that can not be used. It is lent: it lives until the next call that takes the session without `const`.
 */
const char *apcsmart_session_last_refusal(const struct apcsmart_session *session);

/**
 * How the link is.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_link(const struct apcsmart_session *session, apcsmart_link *link);

/**
 * Makes a session without a port. `config` may be NULL. Free it with `apcsmart_session_free`.
 *
 * Errors: NULL_POINTER; those of the configuration's handle. `*session` is NULL then.
 */
apcsmart_result apcsmart_session_new(const struct apcsmart_config *config,
                                     struct apcsmart_session **session);

/**
 * The reading `name` as a number.
 *
 * Errors: NOT_A_NUMBER when it is text; else as `apcsmart_session_reading`.
 */
apcsmart_result apcsmart_session_number(const struct apcsmart_session *session,
                                        const char *name,
                                        double *number);

/**
 * The next thing to do. `buffer` of `capacity` bytes takes what is to be written; `APCSMART_TRANSMIT_MAX` bytes are always
 * enough. Call it until it gives `APCSMART_OUTPUT_TIMEOUT`.
 *
 * Errors: BUFFER_TOO_SMALL, with the missing room in `output->length`: the bytes wait for the next call; NULL_POINTER
 * and those of every handle.
 */
apcsmart_result apcsmart_session_poll_output(struct apcsmart_session *session,
                                             uint8_t *buffer,
                                             size_t capacity,
                                             struct apcsmart_output *output);

/**
 * How good the line is.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_quality(const struct apcsmart_session *session,
                                         struct apcsmart_quality *quality);

/**
 * The reading `name`.
 *
 * Errors: NOT_FOUND when this UPS has none, or it was not read yet; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every
 * handle.
 */
apcsmart_result apcsmart_session_reading(const struct apcsmart_session *session,
                                         const char *name,
                                         struct apcsmart_reading *reading);

/**
 * The reading at `index`, counted from zero.
 *
 * Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_reading_at(const struct apcsmart_session *session,
                                            size_t index,
                                            struct apcsmart_reading *reading);

/**
 * How many readings there are. They are sorted by name; the count changes with calls that take the session without `const`.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_reading_count(const struct apcsmart_session *session,
                                               size_t *count);

/**
 * Orders a command by its name, such as "test.battery.start"; letter case does not matter. `*ticket` names the order in
 * its `APCSMART_EVENT_DONE`. One order at a time.
 *
 * `argument` is NULL, but for "shutdown.return": how many times six minutes to stay off in addition, "0" to "999".
 * `danger` is `APCSMART_DANGER_NONE`, or `APCSMART_DANGER_CONFIRMED` for commands that can take power from the load.
 *
 * Errors, after which nothing was sent and `apcsmart_session_last_refusal` has a sentence for a person: UNKNOWN_COMMAND,
 * NOT_ON_THIS_UPS, NEEDS_CONFIRMATION, INVALID_COMMAND_ARGUMENT, BUSY, NOT_CONNECTED, NOT_DISCOVERED. Also INVALID_ARGUMENT,
 * NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
 */
apcsmart_result apcsmart_session_run(struct apcsmart_session *session,
                                     uint64_t now_ms,
                                     const char *name,
                                     const char *argument,
                                     uint32_t danger,
                                     uint64_t *ticket);

/**
 * Orders a setting by its name, with a value as its reading shows it. `*ticket` names the order in its
 * `APCSMART_EVENT_DONE`. One order at a time.
 *
 * Errors, after which nothing was sent and `apcsmart_session_last_refusal` has a sentence for a person: UNKNOWN_SETTING,
 * READ_ONLY, INVALID_VALUE, BUSY, NOT_CONNECTED, NOT_DISCOVERED. Also INVALID_ARGUMENT, NULL_POINTER, TOO_LONG, INVALID_UTF8 and those
 * of every handle.
 */
apcsmart_result apcsmart_session_set(struct apcsmart_session *session,
                                     uint64_t now_ms,
                                     const char *name,
                                     const char *value,
                                     uint64_t *ticket);

/**
 * How the variable `name` may be set, which may be not at all.
 *
 * Errors: NOT_FOUND when this UPS has no such variable; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
 */
apcsmart_result apcsmart_session_setting(const struct apcsmart_session *session,
                                         const char *name,
                                         struct apcsmart_setting *setting);

/**
 * The setting at `index`, counted from zero.
 *
 * Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_setting_at(const struct apcsmart_session *session,
                                            size_t index,
                                            struct apcsmart_setting *setting);

/**
 * How many settings this UPS has; zero until it was discovered. They are sorted by name.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_setting_count(const struct apcsmart_session *session,
                                               size_t *count);

/**
 * The last believed status as `APCSMART_STATUS_...` bits.
 *
 * Errors: NOT_FOUND before the first status; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_status(const struct apcsmart_session *session, uint32_t *status);

/**
 * The reading `name` as text. It is lent: it lives until the next call that takes the session without `const`.
 *
 * Errors: as `apcsmart_session_reading`.
 */
apcsmart_result apcsmart_session_text(const struct apcsmart_session *session,
                                      const char *name,
                                      const char **text);

/**
 * The unknown command at `index`, counted from zero and in the order of their bytes, as manuals write it: "Q", "^A", "DEL",
 * "9F D1". It is lent: it lives until the next call that takes the session without `const`.
 *
 * Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_unknown_command_at(const struct apcsmart_session *session,
                                                    size_t index,
                                                    const char **command);

/**
 * How many commands the UPS lists of which nobody knows what they do. They are never sent; a report about a model that
 * lists some is welcome. Zero until the UPS was discovered, and on those that list nothing.
 *
 * Errors: NULL_POINTER and those of every handle.
 */
apcsmart_result apcsmart_session_unknown_command_count(const struct apcsmart_session *session,
                                                       size_t *count);

/**
 * Writes status bits as NUT's tokens, such as "OB LB", into `buffer` of `capacity` bytes, with a closing NUL.
 * `APCSMART_STATUS_TEXT_SIZE` bytes are always enough. Bits without a token are passed over. Any thread.
 *
 * Errors: NULL_POINTER; BUFFER_TOO_SMALL, and nothing is written.
 */
apcsmart_result apcsmart_status_text(uint32_t status,
                                     char *buffer,
                                     size_t capacity);

/**
 * The version of the library in use, such as "0.1.0". Lives for ever. Any thread.
 */
const char *apcsmart_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* APCSMART_H */
