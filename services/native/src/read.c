/* Reads: bytes to a record. Trusts nothing in the bytes: every length, count, index and depth is held against what is
 * left of them before anything is allocated. Raises ValueError for bytes that are no such record. */
#include "program.h"
#include <datetime.h>
#include <string.h>

#define FIRST_MS -62135596800000LL
#define LAST_MS 253402300799999LL

typedef struct {
    const uint8_t *start, *at, *end;
} Input;

static PyObject *read_node(const Program *program, int index, Input *in, int depth);

int program_start_reading(void) {
    PyDateTime_IMPORT;
    return PyDateTimeAPI == NULL ? -1 : 0;
}

static int refuse(const Input *in, const char *what) {
    PyErr_Format(PyExc_ValueError, "%s at byte %zd of %zd", what, (Py_ssize_t)(in->at - in->start),
                 (Py_ssize_t)(in->end - in->start));
    return -1;
}

static int need(const Input *in, Py_ssize_t bytes) {
    return in->end - in->at < bytes ? refuse(in, "the bytes end too early") : 0;
}

static inline int read_long(Input *in, int64_t *out) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (in->at == in->end) {
            return refuse(in, "the bytes end too early");
        }
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) {
            return refuse(in, "a number of more than 64 bits");
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return 0;
        }
    }
    return refuse(in, "a number of more than 64 bits");
}

/* A length that must fit into what is left. */
static inline int read_size(Input *in, Py_ssize_t *out) {
    int64_t size;
    if (read_long(in, &size) < 0) {
        return -1;
    }
    if (size < 0 || size > in->end - in->at) {
        return refuse(in, size < 0 ? "a negative length" : "a length past the end");
    }
    *out = (Py_ssize_t)size;
    return 0;
}

/* A position in a list of `count`. */
static inline int read_index(Input *in, Py_ssize_t count, Py_ssize_t *out) {
    int64_t index;
    if (read_long(in, &index) < 0) {
        return -1;
    }
    if (index < 0 || index >= count) {
        return refuse(in, "no such symbol or branch");
    }
    *out = (Py_ssize_t)index;
    return 0;
}

/* Items in the next block; 0 ends an array or map. Each takes at least `least` bytes, so a lie is seen at once. */
static inline int read_count(Input *in, Py_ssize_t least, Py_ssize_t *out) {
    int64_t count, bytes;
    if (read_long(in, &count) < 0) {
        return -1;
    }
    if (count < 0) {
        if (count == INT64_MIN) {
            return refuse(in, "more items than bytes");
        }
        count = -count; /* some writers add the size of the block */
        if (read_long(in, &bytes) < 0) {
            return -1;
        }
        if (bytes < 0 || bytes > in->end - in->at) {
            return refuse(in, "a block past the end");
        }
    }
    if (count > (in->end - in->at) / least) {
        return refuse(in, "more items than bytes");
    }
    *out = (Py_ssize_t)count;
    return 0;
}

static PyObject *read_double(Input *in) {
    uint8_t raw[8];
    double value;
    if (need(in, 8) < 0) {
        return NULL;
    }
#if PY_BIG_ENDIAN
    for (int i = 0; i < 8; i++) {
        raw[i] = in->at[7 - i];
    }
#else
    memcpy(raw, in->at, 8);
#endif
    memcpy(&value, raw, 8);
    in->at += 8;
    return PyFloat_FromDouble(value);
}

static PyObject *read_float(Input *in) {
    uint32_t raw;
    float value;
    if (need(in, 4) < 0) {
        return NULL;
    }
    raw = (uint32_t)in->at[0] | (uint32_t)in->at[1] << 8 | (uint32_t)in->at[2] << 16 | (uint32_t)in->at[3] << 24;
    memcpy(&value, &raw, 4);
    in->at += 4;
    return PyFloat_FromDouble(value);
}

/* Milliseconds since 1970 to a time in UTC; days to a date as in the proleptic Gregorian calendar, eras of 400 years
 * that begin in March (H. Hinnant, chrono-compatible low-level date algorithms). */
PyObject *program_time(int64_t ms) {
    if (ms < FIRST_MS || ms > LAST_MS) {
        PyErr_SetString(PyExc_ValueError, "a time outside of the years 1 to 9999");
        return NULL;
    }
    int64_t days = ms / 86400000, left = ms % 86400000;
    if (left < 0) {
        left += 86400000;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int of_era = (int)(days - era * 146097);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153;
    int day = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += (int)(era * 400) + (month <= 2);
    int seconds = (int)(left / 1000);
    return PyDateTimeAPI->DateTime_FromDateAndTime(year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60,
                                                   (int)(left % 1000) * 1000, PyDateTime_TimeZone_UTC,
                                                   PyDateTimeAPI->DateTimeType);
}

static PyObject *read_time(Input *in) {
    int64_t ms;
    if (read_long(in, &ms) < 0) {
        return NULL;
    }
    if (ms < FIRST_MS || ms > LAST_MS) {
        refuse(in, "a time outside of the years 1 to 9999");
        return NULL;
    }
    return program_time(ms);
}

static PyObject *read_enum(const Node *node, Input *in) {
    Py_ssize_t index;
    if (read_index(in, node->size, &index) < 0) {
        return NULL;
    }
    PyObject *member = PyTuple_GET_ITEM(node->members, index);
    if (member != Py_None) {
        return Py_NewRef(member);
    }
    PyObject *position = PyLong_FromSsize_t(index);
    if (position == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_CallOneArg(node->unknown, position);
    Py_DECREF(position);
    return found;
}

/* The blocks after the first one: rare, and as small as their sender likes, so into a list that grows by doubling. */
static PyObject *read_blocks(const Program *program, const Node *node, Input *in, int depth, PyObject *first,
                             Py_ssize_t count) {
    PyObject *items = PySequence_List(first), *all = NULL;
    while (items != NULL && count > 0) {
        PyObject *item = read_node(program, node->child, in, depth);
        if (item == NULL || PyList_Append(items, item) < 0) {
            Py_XDECREF(item);
            goto done;
        }
        Py_DECREF(item);
        if (--count == 0 && read_count(in, node->size, &count) < 0) {
            goto done;
        }
    }
    all = items == NULL ? NULL : PyList_AsTuple(items);
done:
    Py_XDECREF(items);
    return all;
}

static PyObject *read_array(const Program *program, const Node *node, Input *in, int depth) {
    Py_ssize_t count, more;
    if (read_count(in, node->size, &count) < 0) {
        return NULL;
    }
    PyObject *items = PyTuple_New(count);
    for (Py_ssize_t i = 0; items != NULL && i < count; i++) {
        PyObject *item = read_node(program, node->child, in, depth);
        if (item == NULL) {
            Py_DECREF(items);
            return NULL;
        }
        PyTuple_SET_ITEM(items, i, item);
    }
    if (items == NULL || count == 0) {
        return items;
    }
    if (read_count(in, node->size, &more) < 0) {
        Py_DECREF(items);
        return NULL;
    }
    if (more == 0) {
        return items;
    }
    PyObject *all = read_blocks(program, node, in, depth, items, more);
    Py_DECREF(items);
    return all;
}

static int read_entry(const Program *program, const Node *node, Input *in, int depth, PyObject *entries) {
    Py_ssize_t size;
    if (read_size(in, &size) < 0) {
        return -1;
    }
    PyObject *key = PyUnicode_DecodeUTF8((const char *)in->at, size, NULL);
    if (key == NULL) {
        return -1;
    }
    in->at += size;
    PyObject *value = read_node(program, node->child, in, depth);
    int done = value == NULL ? -1 : PyDict_SetItem(entries, key, value);
    Py_DECREF(key);
    Py_XDECREF(value);
    return done;
}

static PyObject *read_map(const Program *program, const Node *node, Input *in, int depth) {
    PyObject *entries = PyDict_New();
    while (entries != NULL) {
        Py_ssize_t count;
        if (read_count(in, node->size, &count) < 0) {
            break;
        }
        if (count == 0) {
            return entries;
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            if (read_entry(program, node, in, depth, entries) < 0) {
                Py_DECREF(entries);
                return NULL;
            }
        }
    }
    Py_XDECREF(entries);
    return NULL;
}

static PyObject *read_record(const Program *program, const Node *node, Input *in, int depth) {
    PyObject *few[32], **values = few, *record = NULL;
    Py_ssize_t read = 0, kept = node->names == NULL ? 0 : PyTuple_GET_SIZE(node->names);
    if (kept > 32 && (values = PyMem_Malloc((size_t)kept * sizeof(PyObject *))) == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < node->size; i++) {
        PyObject *value = read_node(program, node->fields[i].child, in, depth);
        if (value == NULL) {
            goto done;
        }
        if (node->fields[i].wanted) {
            values[read++] = value;
        } else {
            Py_DECREF(value);
        }
    }
    record = node->type == NULL ? Py_NewRef(Py_None)
                                : PyObject_Vectorcall((PyObject *)node->type, values, 0, kept ? node->names : NULL);
done:
    while (read > 0) {
        Py_DECREF(values[--read]);
    }
    if (values != few) {
        PyMem_Free(values);
    }
    return record;
}

static PyObject *read_nested(const Program *program, const Node *node, Input *in, int depth) {
    if (depth == MAX_DEPTH) {
        refuse(in, "nested too deeply");
        return NULL;
    }
    if (node->op == OP_RECORD) {
        return read_record(program, node, in, depth + 1);
    }
    if (node->op == OP_ARRAY) {
        return read_array(program, node, in, depth + 1);
    }
    if (node->op == OP_MAP) {
        return read_map(program, node, in, depth + 1);
    }
    Py_ssize_t branch;
    if (read_index(in, node->size, &branch) < 0) {
        return NULL;
    }
    return read_node(program, node->branches[branch], in, depth + 1);
}

static PyObject *read_raw(const Node *node, Input *in) {
    Py_ssize_t size = node->size;
    if (node->op == OP_FIXED ? need(in, size) < 0 : read_size(in, &size) < 0) {
        return NULL;
    }
    PyObject *value = node->op == OP_STRING ? PyUnicode_DecodeUTF8((const char *)in->at, size, NULL)
                                            : PyBytes_FromStringAndSize((const char *)in->at, size);
    in->at += size;
    return value;
}

static PyObject *read_number(const Node *node, Input *in) {
    int64_t number;
    if (read_long(in, &number) < 0) {
        return NULL;
    }
    if (node->op == OP_LONG_AS_DOUBLE) {
        return PyFloat_FromDouble((double)number);
    }
    if (node->op == OP_INT && (number < INT32_MIN || number > INT32_MAX)) {
        refuse(in, "an int of more than 32 bits");
        return NULL;
    }
    return PyLong_FromLongLong(number);
}

static PyObject *read_node(const Program *program, int index, Input *in, int depth) {
    const Node *node = &program->nodes[index];
    switch (node->op) {
    case OP_NULL:
        return Py_NewRef(Py_None);
    case OP_BOOLEAN:
        if (need(in, 1) < 0) {
            return NULL;
        }
        if (*in->at > 1) {
            refuse(in, "a boolean that is neither 0 nor 1");
            return NULL;
        }
        return PyBool_FromLong(*in->at++);
    case OP_INT:
    case OP_LONG:
    case OP_LONG_AS_DOUBLE:
        return read_number(node, in);
    case OP_FLOAT:
        return read_float(in);
    case OP_DOUBLE:
        return read_double(in);
    case OP_BYTES:
    case OP_STRING:
    case OP_FIXED:
        return read_raw(node, in);
    case OP_TIME:
        return read_time(in);
    case OP_ENUM:
        return read_enum(node, in);
    case OP_REFUSE:
        PyErr_SetObject(PyExc_ValueError, node->text);
        return NULL;
    default:
        return read_nested(program, node, in, depth);
    }
}

PyObject *program_read(const Program *program, const uint8_t *start, Py_ssize_t size, Py_ssize_t at) {
    Input in = {start, start + at, start + size};
    PyObject *record = read_node(program, 0, &in, 0);
    if (record != NULL && in.at != in.end) {
        Py_DECREF(record);
        refuse(&in, "the record ends");
        return NULL;
    }
    return record;
}
