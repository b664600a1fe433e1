/* Writes: a record to bytes. Raises TypeError, ValueError or OverflowError for a value that does not fit the schema.
 * Values are held while they are written, because a time with a foreign zone runs Python code. */
#include "program.h"
#include <datetime.h>
#include <string.h>

#define ON_STACK 1024

typedef struct {
    char *start, *at, *end;
    char first[ON_STACK]; /* most records fit: no allocation but the result */
} Output;

static PyObject *foreign_time_ms; /* (datetime) -> int, for times that are not in UTC */

static int write_node(const Program *program, int index, Output *out, PyObject *value, int depth);

int program_start_writing(PyObject *foreign_time) {
    PyDateTime_IMPORT;
    Py_XSETREF(foreign_time_ms, Py_NewRef(foreign_time));
    return PyDateTimeAPI == NULL ? -1 : 0;
}

static int grow(Output *out, Py_ssize_t bytes) {
    size_t used = (size_t)(out->at - out->start), room = (used + (size_t)bytes) * 2;
    char *larger = PyMem_Realloc(out->start == out->first ? NULL : out->start, room);
    if (larger == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (out->start == out->first) {
        memcpy(larger, out->first, used);
    }
    out->start = larger;
    out->at = larger + used;
    out->end = larger + room;
    return 0;
}

static inline int room(Output *out, Py_ssize_t bytes) {
    return out->end - out->at < bytes ? grow(out, bytes) : 0;
}

static int wrong_type(const char *expected, PyObject *value) {
    PyErr_Format(PyExc_TypeError, "%s expected, not %.200s", expected, Py_TYPE(value)->tp_name);
    return -1;
}

static inline int write_long(Output *out, int64_t number) {
    if (room(out, 10) < 0) {
        return -1;
    }
    uint64_t left = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    while (left > 0x7F) {
        *out->at++ = (char)(left | 0x80);
        left >>= 7;
    }
    *out->at++ = (char)left;
    return 0;
}

static int write_raw(Output *out, const char *raw, Py_ssize_t size) {
    if (write_long(out, size) < 0 || room(out, size) < 0) {
        return -1;
    }
    memcpy(out->at, raw, (size_t)size);
    out->at += size;
    return 0;
}

static int write_number(Output *out, PyObject *value, int bits) {
    if (!PyLong_Check(value)) {
        return wrong_type("int", value);
    }
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow || (bits == 32 && (number < INT32_MIN || number > INT32_MAX))) {
        PyErr_Format(PyExc_OverflowError, "%S does not fit into %d bits", value, bits);
        return -1;
    }
    return write_long(out, number);
}

static int write_float(Output *out, PyObject *value, int bytes) {
    double number;
    if (PyFloat_Check(value)) {
        number = PyFloat_AS_DOUBLE(value);
    } else if (PyLong_Check(value)) {
        number = PyLong_AsDouble(value);
        if (number == -1.0 && PyErr_Occurred()) {
            return -1;
        }
    } else {
        return wrong_type("float", value);
    }
    if (room(out, bytes) < 0) {
        return -1;
    }
    if ((bytes == 8 ? PyFloat_Pack8(number, out->at, 1) : PyFloat_Pack4(number, out->at, 1)) < 0) {
        return -1;
    }
    out->at += bytes;
    return 0;
}

static int write_foreign_time(Output *out, PyObject *value) {
    PyObject *ms = PyObject_CallOneArg(foreign_time_ms, value);
    if (ms == NULL) {
        return -1;
    }
    int done = write_number(out, ms, 64);
    Py_DECREF(ms);
    return done;
}

static int write_time(Output *out, PyObject *value) {
    if (!PyDateTime_Check(value)) {
        return wrong_type("datetime", value);
    }
    if (PyDateTime_DATE_GET_TZINFO(value) != PyDateTime_TimeZone_UTC) {
        return write_foreign_time(out, value);
    }
    int month = PyDateTime_GET_MONTH(value);
    int64_t year = PyDateTime_GET_YEAR(value) - (month <= 2); /* years that begin in March, as in read_time */
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
                   PyDateTime_GET_DAY(value) - 1 - 719468;
    int64_t seconds = days * 86400 + PyDateTime_DATE_GET_HOUR(value) * 3600 + PyDateTime_DATE_GET_MINUTE(value) * 60 +
                      PyDateTime_DATE_GET_SECOND(value);
    return write_long(out, seconds * 1000 + PyDateTime_DATE_GET_MICROSECOND(value) / 1000);
}

static int write_enum(const Node *node, Output *out, PyObject *value) {
    for (Py_ssize_t i = 0; i < node->size; i++) {
        if (PyTuple_GET_ITEM(node->members, i) == value) {
            return write_long(out, i);
        }
    }
    PyObject *position = PyDict_GetItemWithError(node->codes, value);
    if (position == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError, "%R is no symbol of the enum", value);
        }
        return -1;
    }
    return write_number(out, position, 64);
}

static int write_array(const Program *program, const Node *node, Output *out, PyObject *value, int depth) {
    if (!PyTuple_Check(value) && !PyList_Check(value)) {
        return wrong_type("tuple", value);
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    if (count > 0 && write_long(out, count) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PySequence_Fast_GET_SIZE(value) != count) {
            PyErr_SetString(PyExc_ValueError, "a list changed while it was written");
            return -1;
        }
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(value, i));
        int done = write_node(program, node->child, out, item, depth);
        Py_DECREF(item);
        if (done < 0) {
            return -1;
        }
    }
    return write_long(out, 0);
}

static int write_text(Output *out, PyObject *value) {
    if (!PyUnicode_Check(value)) {
        return wrong_type("str", value);
    }
    Py_ssize_t size;
    const char *raw = PyUnicode_AsUTF8AndSize(value, &size);
    return raw == NULL ? -1 : write_raw(out, raw, size);
}

static int write_map(const Program *program, const Node *node, Output *out, PyObject *value, int depth) {
    if (!PyDict_Check(value)) {
        return wrong_type("dict", value);
    }
    Py_ssize_t count = PyDict_GET_SIZE(value), written = 0, position = 0;
    if (count > 0 && write_long(out, count) < 0) {
        return -1;
    }
    PyObject *key, *item;
    while (PyDict_Next(value, &position, &key, &item)) {
        Py_INCREF(key);
        Py_INCREF(item);
        int done = write_text(out, key) < 0 ? -1 : write_node(program, node->child, out, item, depth);
        Py_DECREF(key);
        Py_DECREF(item);
        if (done < 0) {
            return -1;
        }
        if (PyDict_GET_SIZE(value) != count) {
            break;
        }
        written++;
    }
    if (written != count) {
        PyErr_SetString(PyExc_ValueError, "a dict changed while it was written");
        return -1;
    }
    return write_long(out, 0);
}

static int write_record(const Program *program, const Node *node, Output *out, PyObject *value, int depth) {
    if (node->type == NULL || !PyObject_TypeCheck(value, node->type)) {
        return wrong_type(node->type == NULL ? "nothing" : node->type->tp_name, value);
    }
    for (Py_ssize_t i = 0; i < node->size; i++) {
        PyObject *field = *(PyObject **)((char *)value + node->fields[i].offset);
        if (field == NULL) {
            PyErr_SetString(PyExc_ValueError, "a field is not set");
            return -1;
        }
        Py_INCREF(field);
        int done = write_node(program, node->fields[i].child, out, field, depth);
        Py_DECREF(field);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

/* Our own unions are null and one more; plan.py sees to it. */
static int write_optional(const Program *program, const Node *node, Output *out, PyObject *value, int depth) {
    for (Py_ssize_t i = 0; i < node->size; i++) {
        int is_null = program->nodes[node->branches[i]].op == OP_NULL;
        if (is_null == (value == Py_None)) {
            return write_long(out, i) < 0 ? -1 : write_node(program, node->branches[i], out, value, depth);
        }
    }
    return wrong_type("another value", value);
}

static int write_nested(const Program *program, const Node *node, Output *out, PyObject *value, int depth) {
    if (depth == MAX_DEPTH) {
        PyErr_SetString(PyExc_ValueError, "nested too deeply");
        return -1;
    }
    switch (node->op) {
    case OP_RECORD:
        return write_record(program, node, out, value, depth + 1);
    case OP_ARRAY:
        return write_array(program, node, out, value, depth + 1);
    case OP_MAP:
        return write_map(program, node, out, value, depth + 1);
    case OP_UNION:
        return write_optional(program, node, out, value, depth + 1);
    default:
        PyErr_SetString(PyExc_TypeError, "this program reads only");
        return -1;
    }
}

static int write_node(const Program *program, int index, Output *out, PyObject *value, int depth) {
    const Node *node = &program->nodes[index];
    switch (node->op) {
    case OP_NULL:
        return value == Py_None ? 0 : wrong_type("None", value);
    case OP_BOOLEAN:
        if (!PyBool_Check(value)) {
            return wrong_type("bool", value);
        }
        if (room(out, 1) < 0) {
            return -1;
        }
        *out->at++ = value == Py_True;
        return 0;
    case OP_INT:
        return write_number(out, value, 32);
    case OP_LONG:
        return write_number(out, value, 64);
    case OP_FLOAT:
        return write_float(out, value, 4);
    case OP_DOUBLE:
        return write_float(out, value, 8);
    case OP_BYTES:
        return PyBytes_Check(value) ? write_raw(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
                                    : wrong_type("bytes", value);
    case OP_STRING:
        return write_text(out, value);
    case OP_TIME:
        return write_time(out, value);
    case OP_ENUM:
        return write_enum(node, out, value);
    default:
        return write_nested(program, node, out, value, depth);
    }
}

PyObject *program_write(const Program *program, PyObject *record, const char *prefix, Py_ssize_t prefix_size) {
    Output out;
    PyObject *bytes = NULL;
    out.start = out.at = out.first;
    out.end = out.first + ON_STACK;
    if (room(&out, prefix_size) == 0) {
        memcpy(out.at, prefix, (size_t)prefix_size);
        out.at += prefix_size;
        if (write_node(program, 0, &out, record, 0) == 0) {
            bytes = PyBytes_FromStringAndSize(out.start, out.at - out.start);
        }
    }
    if (out.start != out.first) {
        PyMem_Free(out.start);
    }
    return bytes;
}
