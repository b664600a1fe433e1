/* Events: the CloudEvents attributes of a message, from its Kafka headers to a typed event. Only the usual forms are read here: for anything else the answer is None, and Python has to
 * look, which also knows the words for what is wrong. */
#include "program.h"
#include <datetime.h>
#include <stddef.h>
#include <string.h>

typedef enum { TEXT, NUMBER, TIME } Kind;

typedef struct {
    char name[32]; /* of the header */
    Py_ssize_t size;
    int slot;
    Kind kind;
} Known;

enum { DATA, TOPIC, PARTITION, OFFSET, RECORDED_AT, KEY, TIME_SLOT, FIXED_COUNT };
static const char *const FIXED[] = {"data", "topic", "partition", "offset", "recorded_at", "key", "time"};

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyTypeObject *type;  /* of the events */
    PyObject *defaults;  /* tuple, of the last fields; the ones before are required */
    Py_ssize_t *offsets; /* of the fields' slots */
    Py_ssize_t count, required;
    Known *known;
    Py_ssize_t known_count;
    int fixed[FIXED_COUNT];
} Events;

static int digits(const char *at, int count, int *out) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    *out = value;
    return 0;
}

/* 2026-07-08T12:00:00Z, also with three or six digits of a second; NULL without an error for every other form. */
static PyObject *time_of(const char *at, Py_ssize_t size) {
    int year, month, day, hour, minute, second, part = 0;
    if ((size != 20 && size != 24 && size != 27) || at[size - 1] != 'Z' || at[4] != '-' || at[7] != '-' ||
        at[10] != 'T' || at[13] != ':' || at[16] != ':' || (size > 20 && at[19] != '.') || digits(at, 4, &year) < 0 ||
        digits(at + 5, 2, &month) < 0 || digits(at + 8, 2, &day) < 0 || digits(at + 11, 2, &hour) < 0 ||
        digits(at + 14, 2, &minute) < 0 || digits(at + 17, 2, &second) < 0 ||
        (size > 20 && digits(at + 20, (int)size - 21, &part) < 0)) {
        return NULL;
    }
    PyObject *time = PyDateTimeAPI->DateTime_FromDateAndTime(year, month, day, hour, minute, second,
                                                             size == 24 ? part * 1000 : part, PyDateTime_TimeZone_UTC,
                                                             PyDateTimeAPI->DateTimeType);
    if (time == NULL) {
        PyErr_Clear(); /* no such day or hour */
    }
    return time;
}

static PyObject *number_of(const char *at, Py_ssize_t size) {
    long long value = 0;
    if (size < 1 || size > 18) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return NULL;
        }
        value = value * 10 + (at[i] - '0');
    }
    return PyLong_FromLongLong(value);
}

/* The value of a header, or NULL without an error when Python has to look. */
static PyObject *value_of(Kind kind, PyObject *raw) {
    if (!PyBytes_CheckExact(raw)) {
        return NULL;
    }
    const char *at = PyBytes_AS_STRING(raw);
    Py_ssize_t size = PyBytes_GET_SIZE(raw);
    if (kind != TEXT) {
        return kind == TIME ? time_of(at, size) : number_of(at, size);
    }
    PyObject *text = PyUnicode_DecodeUTF8(at, size, NULL);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
    }
    return text;
}

static inline PyObject **slot(const Events *self, PyObject *event, int index) {
    return (PyObject **)((char *)event + self->offsets[index]);
}

/* 0: taken or none of ours; -1: Python has to look, or an error is set */
static int take_header(const Events *self, PyObject *event, PyObject *header) {
    if (!PyTuple_CheckExact(header) || PyTuple_GET_SIZE(header) != 2 ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(header, 0))) {
        return -1;
    }
    Py_ssize_t size;
    const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GET_ITEM(header, 0), &size);
    if (name == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < self->known_count; i++) {
        const Known *known = &self->known[i];
        if (known->size == size && memcmp(known->name, name, (size_t)size) == 0) {
            PyObject *value = value_of(known->kind, PyTuple_GET_ITEM(header, 1));
            if (value == NULL) {
                return -1;
            }
            Py_XSETREF(*slot(self, event, known->slot), value);
            return 0;
        }
    }
    return 0;
}

static int take_headers(const Events *self, PyObject *event, PyObject *headers) {
    if (headers == Py_None) {
        return 0;
    }
    if (!PyList_CheckExact(headers)) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        if (take_header(self, event, PyList_GET_ITEM(headers, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What was not said: Kafka's time for the event's, the defaults; -1 where something required is missing. */
static int fill(const Events *self, PyObject *event) {
    PyObject **time = slot(self, event, self->fixed[TIME_SLOT]);
    PyObject *recorded_at = *slot(self, event, self->fixed[RECORDED_AT]);
    if (*time == NULL && recorded_at != Py_None) {
        *time = Py_NewRef(recorded_at);
    }
    for (int i = 0; i < self->count; i++) {
        PyObject **at = slot(self, event, i);
        if (*at == NULL) {
            if (i < self->required) {
                return -1;
            }
            *at = Py_NewRef(PyTuple_GET_ITEM(self->defaults, i - self->required));
        }
    }
    return 0;
}

/* (data, headers, topic, partition, offset, recorded ms or 0, key) */
static PyObject *events_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *names) {
    const Events *self = (const Events *)callable;
    if (PyVectorcall_NARGS(flags) != 7 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "data, headers, topic, partition, offset, milliseconds and key expected");
        return NULL;
    }
    long long ms = PyLong_AsLongLong(args[5]);
    if (ms == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *recorded_at = ms != 0 ? program_time(ms) : Py_NewRef(Py_None);
    PyObject *event = recorded_at == NULL ? NULL : self->type->tp_alloc(self->type, 0);
    if (event == NULL) {
        Py_XDECREF(recorded_at);
        return NULL;
    }
    *slot(self, event, self->fixed[RECORDED_AT]) = recorded_at;
    *slot(self, event, self->fixed[DATA]) = Py_NewRef(args[0]);
    *slot(self, event, self->fixed[TOPIC]) = Py_NewRef(args[2]);
    *slot(self, event, self->fixed[PARTITION]) = Py_NewRef(args[3]);
    *slot(self, event, self->fixed[OFFSET]) = Py_NewRef(args[4]);
    *slot(self, event, self->fixed[KEY]) = Py_NewRef(args[6]);
    if (take_headers(self, event, args[1]) < 0 || fill(self, event) < 0) {
        Py_DECREF(event);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    return event;
}

/* -- made from the class of the events and the names of the headers */

static int place_of(PyObject *fields, PyObject *name) {
    Py_ssize_t place = PySequence_Index(fields, name);
    if (place < 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "events have no field %R", name);
    }
    return (int)place;
}

static int know(Events *self, PyObject *fields, PyObject *headers, int is_number) {
    PyObject *header, *field;
    Py_ssize_t at = 0;
    while (PyDict_Next(headers, &at, &header, &field)) {
        Known *known = &self->known[self->known_count];
        const char *name = PyUnicode_AsUTF8AndSize(header, &known->size);
        if (name == NULL || (known->slot = place_of(fields, field)) < 0) {
            return -1;
        }
        if (known->size >= (Py_ssize_t)sizeof known->name) {
            PyErr_Format(PyExc_ValueError, "header %R: its name is too long", header);
            return -1;
        }
        memcpy(known->name, name, (size_t)known->size);
        known->kind = is_number ? NUMBER : known->slot == self->fixed[TIME_SLOT] ? TIME : TEXT;
        self->known_count++;
    }
    return 0;
}

static int learn(Events *self, PyObject *fields, PyObject *texts, PyObject *numbers) {
    self->count = PyTuple_GET_SIZE(fields);
    self->offsets = PyMem_Calloc((size_t)self->count + 1, sizeof(Py_ssize_t));
    self->known = PyMem_Calloc((size_t)(PyDict_GET_SIZE(texts) + PyDict_GET_SIZE(numbers)) + 1, sizeof(Known));
    if (self->offsets == NULL || self->known == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < FIXED_COUNT; i++) {
        PyObject *name = PyUnicode_FromString(FIXED[i]);
        self->fixed[i] = name == NULL ? -1 : place_of(fields, name);
        Py_XDECREF(name);
        if (self->fixed[i] < 0) {
            return -1;
        }
    }
    self->required = self->count - PyTuple_GET_SIZE(self->defaults);
    for (Py_ssize_t i = 0; i < self->count; i++) {
        if (program_slot(self->type, PyTuple_GET_ITEM(fields, i), &self->offsets[i]) < 0) {
            return -1;
        }
    }
    return know(self, fields, texts, 0) < 0 || know(self, fields, numbers, 1) < 0 ? -1 : 0;
}

static PyObject *events_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"type", "fields", "defaults", "texts", "numbers", NULL};
    PyObject *of, *fields, *defaults, *texts, *numbers;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!O!O!O!", names, &PyType_Type, &of, &PyTuple_Type, &fields,
                                     &PyTuple_Type, &defaults, &PyDict_Type, &texts, &PyDict_Type, &numbers)) {
        return NULL;
    }
    Events *self = (Events *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = events_call;
    self->type = (PyTypeObject *)Py_NewRef(of);
    self->defaults = Py_NewRef(defaults);
    if (PyTuple_GET_SIZE(defaults) > PyTuple_GET_SIZE(fields)) {
        PyErr_SetString(PyExc_ValueError, "more defaults than fields");
        Py_CLEAR(self);
    } else if (learn(self, fields, texts, numbers) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static int events_traverse(Events *self, visitproc visit, void *arg) {
    Py_VISIT(self->type);
    Py_VISIT(self->defaults);
    return 0;
}

static int events_clear(Events *self) {
    Py_CLEAR(self->type);
    Py_CLEAR(self->defaults);
    return 0;
}

static void events_dealloc(Events *self) {
    PyObject_GC_UnTrack(self);
    events_clear(self);
    PyMem_Free(self->offsets);
    PyMem_Free(self->known);
    Py_TYPE(self)->tp_free(self);
}

PyTypeObject EventsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "liandong_native.Events",
    .tp_basicsize = sizeof(Events),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Events(type, fields, defaults, texts, numbers)\n--\n\nEvents from Kafka headers; None: look yourself.",
    .tp_new = events_new,
    .tp_dealloc = (destructor)events_dealloc,
    .tp_traverse = (traverseproc)events_traverse,
    .tp_clear = (inquiry)events_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Events, call),
};

int events_start(void) {
    PyDateTime_IMPORT;
    return PyDateTimeAPI == NULL ? -1 : 0;
}
