/* OpenNMC's plugin interface 0.1 for C, without any library: `clang --target=wasm32 -nostdlib`.
 *
 * Include it in one C file. It holds the functions that the host offers (log, clock, timers, store, bus, udp, delivery)
 * and the calls that the host makes; you write opennmc_start, opennmc_stop and opennmc_on_event, and by what you define
 * before you include it:
 *
 *   OPENNMC_TIMERS     opennmc_on_timer
 *   OPENNMC_UDP        opennmc_on_datagram: needed by whoever sends datagrams, too
 *   OPENNMC_NOTIFIER   opennmc_deliver: the plugin delivers notices
 *   OPENNMC_NO_EVENTS  no opennmc_on_event: the plugin hears of nothing
 *
 * What you do not call is not among the plugin's imports.
 *
 * Memory: what the host hands in lies in an arena that is emptied after each call. Copy what has to last.
 * Another interface of docs/plugin-interface.md is named in the same way: its name and version are the import's module,
 * and texts are a pointer and a length.
 */
#ifndef OPENNMC_H
#define OPENNMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes for what the host hands in during one call: an event, a value of the store. */
#ifndef OPENNMC_ARENA
#define OPENNMC_ARENA 32768
#endif

typedef struct { const char *ptr; size_t len; } opennmc_string;
typedef struct { const uint8_t *ptr; size_t len; } opennmc_bytes;
typedef struct { opennmc_string name, value; } opennmc_field;
typedef struct { const opennmc_field *ptr; size_t len; } opennmc_fields;

enum { OPENNMC_ERROR, OPENNMC_WARN, OPENNMC_INFO, OPENNMC_DEBUG };
typedef enum { OPENNMC_SEVERITY_INFO, OPENNMC_SEVERITY_WARNING, OPENNMC_SEVERITY_CRITICAL } opennmc_severity;

typedef struct { uint8_t what; opennmc_string why; } opennmc_error;
typedef struct { uint8_t is_error; opennmc_error error; } opennmc_result;

typedef struct {
    opennmc_severity severity;
    opennmc_string device; /* empty when none */
    opennmc_string title;  /* one line */
    opennmc_string body;
    opennmc_fields fields;
} opennmc_notice;

typedef struct {
    opennmc_string socket; /* empty for an answer to what was sent */
    opennmc_string peer;
    opennmc_bytes bytes;
} opennmc_datagram;

typedef struct {
    opennmc_string kind;
    opennmc_severity severity;
    opennmc_string device; /* empty when none */
    uint64_t at_ms;        /* since 1970-01-01 UTC */
    opennmc_fields fields;
} opennmc_event;

/* --- what you write ------------------------------------------------------------------------------------------- */

/* `config` is JSON. False: the start failed, and `error` says why (a text that lasts). */
bool opennmc_start(opennmc_string config, opennmc_string *error);
void opennmc_stop(void);
#ifndef OPENNMC_NO_EVENTS
void opennmc_on_event(const opennmc_event *event);
#endif
#ifdef OPENNMC_UDP
void opennmc_on_datagram(const opennmc_datagram *datagram);
#endif
#ifdef OPENNMC_NOTIFIER
/* Say within two minutes how it ended, once: opennmc_delivered or opennmc_not_delivered. `attempt` is 1 the first time. */
void opennmc_deliver(uint64_t id, const opennmc_notice *notice, uint64_t at_ms, uint32_t attempt);
#endif
#ifdef OPENNMC_TIMERS
void opennmc_on_timer(uint64_t timer);
#endif

/* --- what the host offers ------------------------------------------------------------------------------------- */

#define OPENNMC_IMPORT(interface, name) \
    __attribute__((import_module("opennmc:plugin/" interface "@0.1.0"), import_name(name))) extern

OPENNMC_IMPORT("log", "write") void opennmc_raw_log(int32_t level, const char *text, size_t len);
OPENNMC_IMPORT("clock", "wall-ms") uint64_t opennmc_wall_ms(void);
OPENNMC_IMPORT("clock", "uptime-ms") uint64_t opennmc_uptime_ms(void);
OPENNMC_IMPORT("timers", "after") void opennmc_raw_after(uint64_t ms, void *result);
OPENNMC_IMPORT("timers", "every") void opennmc_raw_every(uint64_t ms, void *result);
OPENNMC_IMPORT("timers", "cancel") void opennmc_timer_cancel(uint64_t timer);
OPENNMC_IMPORT("store", "get") void opennmc_raw_get(const char *key, size_t key_len, void *result);
OPENNMC_IMPORT("store", "set")
void opennmc_raw_set(const char *key, size_t key_len, const uint8_t *value, size_t len, void *result);
OPENNMC_IMPORT("bus", "publish")
void opennmc_raw_publish(const char *topic, size_t topic_len, int32_t severity, const char *device, size_t device_len,
                         const opennmc_field *fields, size_t count, void *result);
OPENNMC_IMPORT("udp", "send")
void opennmc_raw_send(const char *host, size_t host_len, int32_t port, const uint8_t *bytes, size_t len, void *result);
OPENNMC_IMPORT("delivery", "delivered") void opennmc_raw_delivered(uint64_t notice, void *result);
OPENNMC_IMPORT("delivery", "failed")
void opennmc_raw_failed(uint64_t notice, const char *reason, size_t len, int32_t again, void *result);
OPENNMC_IMPORT("store", "delete") void opennmc_raw_delete(const char *key, size_t key_len);

/* A text of the program. */
static inline opennmc_string opennmc_text(const char *text) {
    size_t len = 0;
    while (text[len]) len++;
    return (opennmc_string){text, len};
}

static inline bool opennmc_equal(opennmc_string a, opennmc_string b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.ptr[i] != b.ptr[i]) return false;
    return true;
}

static inline void opennmc_log(int level, opennmc_string text) { opennmc_raw_log(level, text.ptr, text.len); }

/* 0: it could not be set. Numbers of timers are never 0. */
static inline uint64_t opennmc_timer(uint64_t ms, bool again) {
    struct { uint8_t is_error; uint64_t timer; uint64_t rest; } result = {1, 0, 0};
    if (again) opennmc_raw_every(ms, &result); else opennmc_raw_after(ms, &result);
    return result.is_error ? 0 : result.timer;
}

/* False: there is no such key. The value lasts until the end of the call that the host makes. */
static inline bool opennmc_store_get(opennmc_string key, opennmc_bytes *value) {
    struct { uint8_t is_some; opennmc_bytes value; } result = {0, {NULL, 0}};
    opennmc_raw_get(key.ptr, key.len, &result);
    *value = result.value;
    return result.is_some;
}

/* False: the plugin's share is full, or the key is no key; nothing was changed. */
static inline bool opennmc_store_set(opennmc_string key, opennmc_bytes value) {
    opennmc_result result = {1, {0, {NULL, 0}}};
    opennmc_raw_set(key.ptr, key.len, value.ptr, value.len, &result);
    return !result.is_error;
}

static inline void opennmc_store_delete(opennmc_string key) { opennmc_raw_delete(key.ptr, key.len); }

/* False: the topic is not granted, or the plugin speaks too often. Everybody who listens hears `bus.PLUGIN.TOPIC`. */
static inline bool opennmc_publish(opennmc_string topic, opennmc_severity severity, opennmc_string device,
                                   opennmc_fields fields) {
    opennmc_result result = {1, {0, {NULL, 0}}};
    opennmc_raw_publish(topic.ptr, topic.len, severity, device.ptr, device.len, fields.ptr, fields.len, &result);
    return !result.is_error;
}

/* False: the host is not granted, or the plugin sends too often. True is no promise: datagrams may be lost. */
static inline bool opennmc_send_datagram(opennmc_string host, uint16_t port, opennmc_bytes bytes) {
    opennmc_result result = {1, {0, {NULL, 0}}};
    opennmc_raw_send(host.ptr, host.len, port, bytes.ptr, bytes.len, &result);
    return !result.is_error;
}

/* The peer has it. */
static inline void opennmc_delivered(uint64_t notice) {
    opennmc_result result;
    opennmc_raw_delivered(notice, &result);
}

/* `again`: trying later makes sense; the host decides when. */
static inline void opennmc_not_delivered(uint64_t notice, opennmc_string reason, bool again) {
    opennmc_result result;
    opennmc_raw_failed(notice, reason.ptr, reason.len, again, &result);
}

/* --- the configuration ------------------------------------------------------------------------------------------ */

/* The value of a key of [config]: a text without its quotes, or a number or word as it stands. A text with `\` in it is
 * given with that. Empty: there is no such key. It lasts until opennmc_start ends. */
static inline opennmc_string opennmc_config(opennmc_string json, const char *key) {
    opennmc_string wanted = opennmc_text(key);
    size_t depth = 0, i = 0;
    while (i < json.len) {
        char c = json.ptr[i++];
        if (c == '{' || c == '[') depth++;
        if (c == '}' || c == ']') depth--;
        if (c != '"') continue;
        size_t begin = i;
        while (i < json.len && json.ptr[i] != '"') i += json.ptr[i] == '\\' ? 2 : 1;
        if (i >= json.len) break;
        opennmc_string name = {json.ptr + begin, i - begin};
        i++;
        if (depth != 1 || i >= json.len || json.ptr[i] != ':' || !opennmc_equal(name, wanted)) continue;
        begin = ++i;
        if (i < json.len && json.ptr[i] == '"') {
            begin = ++i;
            while (i < json.len && json.ptr[i] != '"') i += json.ptr[i] == '\\' ? 2 : 1;
        } else {
            while (i < json.len && json.ptr[i] != ',' && json.ptr[i] != '}') i++;
        }
        return (opennmc_string){json.ptr + begin, (i < json.len ? i : json.len) - begin};
    }
    return (opennmc_string){NULL, 0};
}

/* The whole number that a text is; 0 when it is none. */
static inline uint64_t opennmc_number(opennmc_string text) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > (UINT64_MAX - 9) / 10) return 0;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return number;
}

/* --- a line of text, without a C library ------------------------------------------------------------------- */

/* What does not fit is left out. */
typedef struct { size_t len; char text[240]; } opennmc_line;

static inline void opennmc_line_text(opennmc_line *line, opennmc_string text) {
    for (size_t i = 0; i < text.len && line->len < sizeof line->text; i++) line->text[line->len++] = text.ptr[i];
}

static inline void opennmc_line_number(opennmc_line *line, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10); while (number /= 10);
    opennmc_line_text(line, (opennmc_string){digits + at, sizeof digits - at});
}

/* Cut inside a character of UTF-8, the rest of that character goes as well: the host takes whole texts only. */
static inline opennmc_string opennmc_line_end(opennmc_line *line) {
    if (line->len == sizeof line->text) {
        while (line->len && ((uint8_t)line->text[line->len - 1] & 0xC0) == 0x80) line->len--;
        if (line->len && (uint8_t)line->text[line->len - 1] >= 0xC0) line->len--;
    }
    return (opennmc_string){line->text, line->len};
}

/* --- what the host calls --------------------------------------------------------------------------------------- */

#define OPENNMC_EXPORT(interface, name) __attribute__((export_name("opennmc:plugin/" interface "@0.1.0#" name)))

static _Alignas(16) uint8_t opennmc_arena[OPENNMC_ARENA];
static size_t opennmc_arena_used;

/* The compiler makes calls of these out of loops and assignments, and there is no library that has them. */
void *memcpy(void *to, const void *from, size_t count) {
    for (size_t i = 0; i < count; i++) ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t count) {
    for (size_t i = 0; i < count; i++) ((volatile uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

/* The host takes memory for what it hands in. More than there is ends the plugin, which is then started again. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    size_t at = (opennmc_arena_used + align - 1) & ~(align - 1);
    if (size > OPENNMC_ARENA || at > OPENNMC_ARENA - size) __builtin_trap();
    opennmc_arena_used = at + size;
    if (old_size) memcpy(opennmc_arena + at, old, old_size < size ? old_size : size);
    return opennmc_arena + at;
}

OPENNMC_EXPORT("lifecycle", "start") void *opennmc_call_start(const char *config, size_t len) {
    static struct { uint8_t is_error; opennmc_string error; } result;
    opennmc_string error = {NULL, 0};
    result.is_error = !opennmc_start((opennmc_string){config, len}, &error);
    result.error = error;
    opennmc_arena_used = 0;
    return &result;
}

OPENNMC_EXPORT("lifecycle", "stop") void opennmc_call_stop(void) { opennmc_stop(); }

#ifndef OPENNMC_NO_EVENTS
OPENNMC_EXPORT("events", "on-event")
void opennmc_call_on_event(const char *kind, size_t kind_len, int32_t severity, const char *device, size_t device_len,
                           uint64_t at_ms, const opennmc_field *fields, size_t count) {
    opennmc_event event = {
        {kind, kind_len}, (opennmc_severity)severity, {device, device_len}, at_ms, {fields, count}};
    opennmc_on_event(&event);
    opennmc_arena_used = 0;
}
#endif

#ifdef OPENNMC_UDP
OPENNMC_EXPORT("udp-events", "on-datagrams")
void opennmc_call_on_datagrams(const opennmc_datagram *batch, size_t count) {
    for (size_t i = 0; i < count; i++) opennmc_on_datagram(&batch[i]);
    opennmc_arena_used = 0;
}
#endif

#ifdef OPENNMC_NOTIFIER
OPENNMC_EXPORT("notifier", "deliver")
void opennmc_call_deliver(uint64_t id, int32_t severity, const char *device, size_t device_len, const char *title,
                          size_t title_len, const char *body, size_t body_len, const opennmc_field *fields,
                          size_t count, uint64_t at_ms, uint32_t attempt) {
    opennmc_notice notice = {(opennmc_severity)severity, {device, device_len}, {title, title_len}, {body, body_len},
                             {fields, count}};
    opennmc_deliver(id, &notice, at_ms, attempt);
    opennmc_arena_used = 0;
}
#endif

#ifdef OPENNMC_TIMERS
OPENNMC_EXPORT("timer-events", "on-timer") void opennmc_call_on_timer(uint64_t timer) {
    opennmc_on_timer(timer);
    opennmc_arena_used = 0;
}
#endif

#endif
