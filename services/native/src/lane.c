/* Lane: the usual message of a stream service, from Kafka's client to the changed cell, without a step in Python but the
 * handler. Usual: one handler with a state, nothing personal in it, nobody records its chain, not seen before, and all
 * that follows is a state.
 *
 * The answer is False for everything else, errors too: nothing has then been changed, and Python does it all from the
 * start. So what is right is said in Python alone (liandong.stream), and this is only faster. */
#include "program.h"
#include <stddef.h>
#include <string.h>
#include <time.h>

#define FRAME 5
#define ROUTE 5 /* members of a route */
#define CLOCK_AGE_NS 1000000 /* how old the time may be that a handler is told */

enum { STATE, RAW, TIMERS, SEQUENCES, FENCES, RECENT, CELL_FIELDS };
static const char *const CELL[] = {"state", "raw", "timers", "sequences", "fences", "recent"};
enum { O_STATE, O_EMIT, O_TIMERS, O_LATE, OUTCOME_FIELDS };
static const char *const OUTCOME[] = {"state", "emit", "timers", "late"};
enum { C_NOW, C_REFS, C_CAUSE, C_AT, C_RECORD, CONTEXT_FIELDS };
static const char *const CONTEXT[] = {"now", "refs", "_cause", "_at", "_record"};
enum { E_ID, E_KEY, E_TIME, E_SEQUENCE, E_TRACEPARENT, EVENT_FIELDS };
static const char *const EVENT[] = {"id", "key", "time", "sequence", "traceparent"};
enum { VALUE, KEY, HEADERS, PARTITION, OFFSET, TIMESTAMP, DIRTY, CACHE, GET, ENCODE, NAMES };
static const char *const NAME[] = {"value",     "key",    "headers", "partition", "offset",
                                   "timestamp", "_dirty", "_cache",  "get",       "encode"};

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *routes; /* topic -> frame -> (place of the table, handler, topic's name, changelog, class of the state) */
    PyObject *events, *decode, *codec, *now, *refs, *keep;
    PyTypeObject *cell, *outcome, *context;
    Py_ssize_t most_bytes, most_recent;
    Py_ssize_t cell_at[CELL_FIELDS], outcome_at[OUTCOME_FIELDS], context_at[CONTEXT_FIELDS], event_at[EVENT_FIELDS];
    PyObject *names[NAMES];
    PyTypeObject *event;
    PyObject *time; /* the last answer of `now` */
    int64_t asked_ns;
} Lane;

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

static PyObject *ask(const Lane *self, PyObject *object, int name) {
    return PyObject_VectorcallMethod(self->names[name], &object, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* The time, borrowed, at most a millisecond old: asking a world's clock costs more than the rest of a context. */
static PyObject *time_now(Lane *self) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
    if (self->time == NULL || ns - self->asked_ns > CLOCK_AGE_NS) {
        PyObject *time = PyObject_CallNoArgs(self->now);
        if (time == NULL) {
            return NULL;
        }
        Py_XSETREF(self->time, time);
        self->asked_ns = ns;
    }
    return self->time;
}

static PyObject *context_of(Lane *self, PyObject *event) {
    PyObject *now = time_now(self), *context = now == NULL ? NULL : self->context->tp_alloc(self->context, 0);
    if (context != NULL) {
        SLOT(context, self->context_at[C_NOW]) = Py_NewRef(now);
        SLOT(context, self->context_at[C_REFS]) = Py_NewRef(self->refs);
        SLOT(context, self->context_at[C_CAUSE]) = Py_NewRef(SLOT(event, self->event_at[E_ID]));
        SLOT(context, self->context_at[C_AT]) = Py_NewRef(SLOT(event, self->event_at[E_TIME]));
        SLOT(context, self->context_at[C_RECORD]) = Py_NewRef(Py_False);
    }
    return context;
}

/* What to do with a message, borrowed; NULL without an error when it is not for this lane. */
static PyObject *route_of(const Lane *self, PyObject *topic, PyObject *value) {
    PyObject *frames = PyDict_GetItemWithError(self->routes, topic);
    if (frames == NULL || !PyBytes_CheckExact(value) || PyBytes_GET_SIZE(value) < FRAME) {
        return NULL;
    }
    PyObject *frame = PyBytes_FromStringAndSize(PyBytes_AS_STRING(value), FRAME);
    PyObject *route = frame == NULL ? NULL : PyDict_GetItemWithError(frames, frame);
    Py_XDECREF(frame);
    return route != NULL && PyTuple_CheckExact(route) && PyTuple_GET_SIZE(route) == ROUTE ? route : NULL;
}

static PyObject *key_of(const Lane *self, PyObject *message) {
    PyObject *raw = ask(self, message, KEY), *key = NULL;
    if (raw != NULL && PyBytes_CheckExact(raw)) {
        key = PyUnicode_DecodeUTF8(PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), NULL);
    }
    Py_XDECREF(raw);
    return key;
}

/* The event of a message; NULL also where Python has to look. */
static PyObject *event_of(const Lane *self, PyObject *message, PyObject *topic, PyObject *value, PyObject *key) {
    PyObject *event = NULL, *said[7] = {NULL, NULL, topic, NULL, NULL, NULL, key};
    PyObject *stamp = ask(self, message, TIMESTAMP);
    if (stamp != NULL && PyTuple_CheckExact(stamp) && PyTuple_GET_SIZE(stamp) == 2 &&
        (said[0] = PyObject_CallOneArg(self->decode, value)) != NULL &&
        (said[1] = ask(self, message, HEADERS)) != NULL && (said[3] = ask(self, message, PARTITION)) != NULL &&
        (said[4] = ask(self, message, OFFSET)) != NULL) {
        said[5] = PyTuple_GET_ITEM(stamp, 1);
        event = PyObject_Vectorcall(self->events, said, 7, NULL);
    }
    Py_XDECREF(stamp);
    Py_XDECREF(said[0]);
    Py_XDECREF(said[1]);
    Py_XDECREF(said[3]);
    Py_XDECREF(said[4]);
    if (event != NULL && Py_IS_TYPE(event, self->event) &&
        PyUnicode_Compare(SLOT(event, self->event_at[E_KEY]), key) == 0) {
        return event;
    }
    Py_XDECREF(event);
    return NULL;
}

static int is_recorded(const Lane *self, PyObject *event) {
    PyObject *chain = SLOT(event, self->event_at[E_TRACEPARENT]);
    if (chain == Py_None || PyUnicode_GET_LENGTH(chain) == 0) {
        return 0;
    }
    Py_UCS4 last = PyUnicode_READ_CHAR(chain, PyUnicode_GET_LENGTH(chain) - 1);
    return last > 127 || strchr("13579bdf", (int)last) != NULL;
}

/* The cell of a key as this transaction sees it. */
static PyObject *cell_of(const Lane *self, PyObject *table, PyObject *dirty, PyObject *key) {
    PyObject *cell = PyDict_GetItemWithError(dirty, key);
    if (cell != NULL || PyErr_Occurred()) {
        return Py_XNewRef(cell);
    }
    PyObject *cache = PyObject_GetAttr(table, self->names[CACHE]);
    if (cache != NULL && PyDict_CheckExact(cache)) {
        cell = Py_XNewRef(PyDict_GetItemWithError(cache, key));
    }
    Py_XDECREF(cache);
    if (cell == NULL && !PyErr_Occurred()) {
        cell = PyObject_CallMethodOneArg(table, self->names[GET], key);
    }
    return cell;
}

/* What the cell remembers with this event; NULL also when it has seen it. */
static PyObject *fence(const Lane *self, PyObject *cell, PyObject *event, PyObject *topic, int *field) {
    PyObject *sequence = SLOT(event, self->event_at[E_SEQUENCE]), *memory = NULL;
    *field = sequence == Py_None ? RECENT : FENCES;
    PyObject *known = SLOT(cell, self->cell_at[*field]);
    if (*field == RECENT) {
        memory = PyBytes_CheckExact(known)
                     ? mark_add(known, SLOT(event, self->event_at[E_ID]), self->most_recent)
                     : NULL;
        if (memory == Py_None) {
            Py_CLEAR(memory);
        }
        return memory;
    }
    PyObject *last = PyDict_CheckExact(known) ? PyDict_GetItemWithError(known, topic) : Py_None;
    if (last == Py_None || PyErr_Occurred() ||
        (last != NULL && PyObject_RichCompareBool(sequence, last, Py_GT) != 1)) {
        return NULL;
    }
    memory = PyDict_Copy(known);
    if (memory != NULL && PyDict_SetItem(memory, topic, sequence) < 0) {
        Py_CLEAR(memory);
    }
    return memory;
}

/* The new state of an outcome that is nothing but a state; NULL for any other. Borrowed. */
static PyObject *state_of(const Lane *self, PyObject *outcome) {
    if (!Py_IS_TYPE(outcome, self->outcome)) {
        return NULL;
    }
    PyObject *late = SLOT(outcome, self->outcome_at[O_LATE]);
    int emits = PyObject_IsTrue(SLOT(outcome, self->outcome_at[O_EMIT]));
    int arms = PyObject_IsTrue(SLOT(outcome, self->outcome_at[O_TIMERS]));
    return emits || arms || PyObject_IsTrue(late) ? NULL : SLOT(outcome, self->outcome_at[O_STATE]);
}

static PyObject *draft_of(const Lane *self, PyObject *cell, PyObject *state, PyObject *route, int field,
                          PyObject *memory) {
    PyObject *raw = SLOT(cell, self->cell_at[RAW]);
    if (state == SLOT(cell, self->cell_at[STATE])) {
        Py_INCREF(raw);
    } else if (state == Py_None) {
        raw = Py_NewRef(Py_None);
    } else if ((PyObject *)Py_TYPE(state) != PyTuple_GET_ITEM(route, 4)) {
        return NULL;
    } else {
        PyObject *arguments[] = {self->codec, PyTuple_GET_ITEM(route, 3), state};
        raw = PyObject_VectorcallMethod(self->names[ENCODE], arguments, 3, NULL);
        if (raw == NULL || !PyBytes_CheckExact(raw) || PyBytes_GET_SIZE(raw) > self->most_bytes) {
            Py_XDECREF(raw);
            return NULL;
        }
    }
    PyObject *draft = self->cell->tp_alloc(self->cell, 0);
    if (draft == NULL) {
        Py_DECREF(raw);
        return NULL;
    }
    for (int i = TIMERS; i < CELL_FIELDS; i++) {
        SLOT(draft, self->cell_at[i]) = Py_NewRef(i == field ? memory : SLOT(cell, self->cell_at[i]));
    }
    SLOT(draft, self->cell_at[STATE]) = Py_NewRef(state);
    SLOT(draft, self->cell_at[RAW]) = raw;
    return draft;
}

/* Run the handler on one event; 1 when all that followed is in the table. */
static int handle(Lane *self, PyObject *route, PyObject *tables, PyObject *event) {
    PyObject *handler = PyTuple_GET_ITEM(route, 1), *key = SLOT(event, self->event_at[E_KEY]);
    PyObject *table = PyList_GetItem(tables, PyLong_AsSsize_t(PyTuple_GET_ITEM(route, 0)));
    PyObject *dirty = table == NULL ? NULL : PyObject_GetAttr(table, self->names[DIRTY]);
    PyObject *cell = NULL, *memory = NULL, *context = NULL, *outcome = NULL, *draft = NULL, *state;
    int field, done = 0;
    if (dirty != NULL && PyDict_CheckExact(dirty) && (cell = cell_of(self, table, dirty, key)) != NULL &&
        Py_IS_TYPE(cell, self->cell) &&
        (memory = fence(self, cell, event, PyTuple_GET_ITEM(route, 2), &field)) != NULL &&
        (context = context_of(self, event)) != NULL) {
        PyObject *arguments[] = {event, SLOT(cell, self->cell_at[STATE]), context};
        outcome = PyObject_Vectorcall(handler, arguments, 3, NULL);
        if (outcome != NULL && (state = state_of(self, outcome)) != NULL &&
            SLOT(context, self->context_at[C_RECORD]) == Py_False) {
            if (state == self->keep) {
                done = 1; /* handled again it would change nothing again: no need to remember it */
            } else {
                draft = draft_of(self, cell, state, route, field, memory);
                done = draft != NULL && PyDict_SetItem(dirty, key, draft) == 0;
            }
        }
    }
    Py_XDECREF(dirty);
    Py_XDECREF(cell);
    Py_XDECREF(memory);
    Py_XDECREF(context);
    Py_XDECREF(outcome);
    Py_XDECREF(draft);
    return done;
}

/* (message, topic, tables) */
static PyObject *lane_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names) {
    Lane *self = (Lane *)callable;
    if (PyVectorcall_NARGS(flags) != 3 || names != NULL || !PyList_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "a message, its topic and a list of tables expected");
        return NULL;
    }
    PyObject *value = ask(self, args[0], VALUE), *key = NULL, *event = NULL;
    PyObject *route = value == NULL ? NULL : route_of(self, args[1], value);
    int done = 0;
    if (route != NULL) {
        Py_INCREF(route);
        if ((key = key_of(self, args[0])) != NULL &&
            (event = event_of(self, args[0], args[1], value, key)) != NULL && !is_recorded(self, event)) {
            done = handle(self, route, args[2], event);
        }
        Py_DECREF(route);
    }
    Py_XDECREF(value);
    Py_XDECREF(key);
    Py_XDECREF(event);
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_Exception)) {
            return NULL;
        }
        PyErr_Clear();
        done = 0;
    }
    return PyBool_FromLong(done);
}

/* -- made from the classes that it works on */

static int find(PyTypeObject *type, const char *const *fields, int count, Py_ssize_t *places) {
    for (int i = 0; i < count; i++) {
        PyObject *name = PyUnicode_InternFromString(fields[i]);
        int found = name == NULL ? -1 : program_slot(type, name, &places[i]);
        Py_XDECREF(name);
        if (found < 0) {
            return -1;
        }
    }
    return 0;
}

static int prepare(Lane *self) {
    for (int i = 0; i < NAMES; i++) {
        if ((self->names[i] = PyUnicode_InternFromString(NAME[i])) == NULL) {
            return -1;
        }
    }
    return find(self->cell, CELL, CELL_FIELDS, self->cell_at) < 0 ||
                   find(self->outcome, OUTCOME, OUTCOME_FIELDS, self->outcome_at) < 0 ||
                   find(self->context, CONTEXT, CONTEXT_FIELDS, self->context_at) < 0 ||
                   find(self->event, EVENT, EVENT_FIELDS, self->event_at) < 0
               ? -1
               : 0;
}

static PyObject *lane_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"routes", "events", "codec",   "now",        "refs",        "keep", "event",
                            "cell",   "outcome", "context", "most_bytes", "most_recent", NULL};
    PyObject *routes, *events, *codec, *now, *refs, *keep, *event, *cell, *outcome, *context;
    Py_ssize_t most_bytes, most_recent;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOOOOO!O!O!O!nn", names, &PyDict_Type, &routes, &events, &codec,
                                     &now, &refs, &keep, &PyType_Type, &event, &PyType_Type, &cell, &PyType_Type,
                                     &outcome, &PyType_Type, &context, &most_bytes, &most_recent)) {
        return NULL;
    }
    Lane *self = (Lane *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = lane_call;
    self->routes = Py_NewRef(routes);
    self->events = Py_NewRef(events);
    self->codec = Py_NewRef(codec);
    self->now = Py_NewRef(now);
    self->refs = Py_NewRef(refs);
    self->keep = Py_NewRef(keep);
    self->event = (PyTypeObject *)Py_NewRef(event);
    self->cell = (PyTypeObject *)Py_NewRef(cell);
    self->outcome = (PyTypeObject *)Py_NewRef(outcome);
    self->context = (PyTypeObject *)Py_NewRef(context);
    self->most_bytes = most_bytes;
    self->most_recent = most_recent;
    self->decode = PyObject_GetAttrString(codec, "decode");
    if (self->decode == NULL || prepare(self) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static int lane_traverse(Lane *self, visitproc visit, void *arg) {
    Py_VISIT(self->routes);
    Py_VISIT(self->events);
    Py_VISIT(self->decode);
    Py_VISIT(self->codec);
    Py_VISIT(self->now);
    Py_VISIT(self->refs);
    Py_VISIT(self->event);
    Py_VISIT(self->cell);
    Py_VISIT(self->outcome);
    Py_VISIT(self->context);
    return 0;
}

static int lane_clear(Lane *self) {
    Py_CLEAR(self->routes);
    Py_CLEAR(self->events);
    Py_CLEAR(self->decode);
    Py_CLEAR(self->codec);
    Py_CLEAR(self->now);
    Py_CLEAR(self->refs);
    Py_CLEAR(self->keep);
    Py_CLEAR(self->time);
    Py_CLEAR(self->event);
    Py_CLEAR(self->cell);
    Py_CLEAR(self->outcome);
    Py_CLEAR(self->context);
    for (int i = 0; i < NAMES; i++) {
        Py_CLEAR(self->names[i]);
    }
    return 0;
}

static void lane_dealloc(Lane *self) {
    PyObject_GC_UnTrack(self);
    lane_clear(self);
    Py_TYPE(self)->tp_free(self);
}

PyTypeObject LaneType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "liandong_native.Lane",
    .tp_basicsize = sizeof(Lane),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Lane(routes, events, codec, now, refs, keep, event, cell, outcome, context, most_bytes, most_recent)\n"
              "--\n\nThe usual message of a stream service; False: Python has to take it.",
    .tp_new = lane_new,
    .tp_dealloc = (destructor)lane_dealloc,
    .tp_traverse = (traverseproc)lane_traverse,
    .tp_clear = (inquiry)lane_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Lane, call),
};
