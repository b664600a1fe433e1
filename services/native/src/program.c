/* Program: takes a schema program from Python, checks it once, and offers decode, decode_many and encode. */
#include "program.h"
#include <stddef.h>
#include <structmember.h>

static const char *const OP_NAMES[OP_COUNT] = {
    [OP_NULL] = "null",     [OP_BOOLEAN] = "boolean", [OP_INT] = "int",       [OP_LONG] = "long",
    [OP_FLOAT] = "float",   [OP_DOUBLE] = "double",   [OP_BYTES] = "bytes",   [OP_STRING] = "string",
    [OP_TIME] = "time",     [OP_FIXED] = "fixed",     [OP_ENUM] = "enum",     [OP_UNION] = "union",
    [OP_ARRAY] = "array",   [OP_MAP] = "map",         [OP_RECORD] = "record", [OP_REFUSE] = "refuse",
    [OP_LONG_AS_DOUBLE] = "long-as-double",
};

static int check_child(const Program *self, int child) {
    if (child < 0 || child >= self->count) {
        PyErr_Format(PyExc_ValueError, "no node %d", child);
        return -1;
    }
    return 0;
}

static int take_branches(Program *self, Node *node, PyObject *branches) {
    node->size = PyTuple_GET_SIZE(branches);
    node->branches = PyMem_Calloc((size_t)node->size + 1, sizeof(int));
    if (node->branches == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < node->size; i++) {
        node->branches[i] = (int)PyLong_AsLong(PyTuple_GET_ITEM(branches, i));
        if (check_child(self, node->branches[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The place of a field in its record. A msgspec.Struct keeps its fields in slots, which Python describes. */
int program_slot(PyTypeObject *type, PyObject *name, Py_ssize_t *offset) {
    PyObject *found = PyObject_GetAttr((PyObject *)type, name);
    if (found == NULL) {
        return -1;
    }
    PyMemberDescrObject *slot = (PyMemberDescrObject *)found;
    int fits = Py_IS_TYPE(found, &PyMemberDescr_Type) && slot->d_member->type == T_OBJECT_EX &&
               PyType_IsSubtype(type, PyDescr_TYPE(slot));
    if (fits) {
        *offset = slot->d_member->offset;
    } else {
        PyErr_Format(PyExc_TypeError, "%s.%U is no slot", type->tp_name, name);
    }
    Py_DECREF(found);
    return fits ? 0 : -1;
}

static int take_fields(Program *self, Node *node, PyObject *type, PyObject *fields) {
    node->size = PyTuple_GET_SIZE(fields);
    node->fields = PyMem_Calloc((size_t)node->size + 1, sizeof(Field));
    if (node->fields == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (type != Py_None && !PyType_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "a record's type must be a class");
        return -1;
    }
    node->type = type == Py_None ? NULL : (PyTypeObject *)type;
    Py_ssize_t wanted = 0;
    for (Py_ssize_t i = 0; i < node->size; i++) {
        PyObject *name;
        Field *field = &node->fields[i];
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(fields, i), "Oi", &name, &field->child) ||
            check_child(self, field->child) < 0) {
            return -1;
        }
        field->wanted = node->type != NULL && name != Py_None;
        if (!field->wanted) {
            self->writes = 0;
            continue;
        }
        if (program_slot(node->type, name, &field->offset) < 0) {
            return -1;
        }
        if (wanted == PyTuple_GET_SIZE(node->names) || PyTuple_GET_ITEM(node->names, wanted++) != name) {
            PyErr_SetString(PyExc_ValueError, "names and fields differ");
            return -1;
        }
    }
    if (wanted != PyTuple_GET_SIZE(node->names)) {
        PyErr_SetString(PyExc_ValueError, "names and fields differ");
        return -1;
    }
    return 0;
}

static int op_of(PyObject *tuple) {
    PyObject *name = PyTuple_Check(tuple) && PyTuple_GET_SIZE(tuple) > 0 ? PyTuple_GET_ITEM(tuple, 0) : Py_None;
    for (int op = 0; PyUnicode_Check(name) && op < OP_COUNT; op++) {
        if (PyUnicode_CompareWithASCIIString(name, OP_NAMES[op]) == 0) {
            return op;
        }
    }
    PyErr_Format(PyExc_ValueError, "%R is no node", tuple);
    return -1;
}

static int take_node(Program *self, Node *node, PyObject *tuple) {
    int op = op_of(tuple);
    PyObject *name, *one, *two;
    if (op < 0) {
        return -1;
    }
    switch (node->op = (Op)op) {
    case OP_FIXED:
        return PyArg_ParseTuple(tuple, "On", &name, &node->size) && node->size >= 0 ? 0 : -1;
    case OP_REFUSE:
        return PyArg_ParseTuple(tuple, "OU", &name, &node->text) ? 0 : -1;
    case OP_ENUM:
        if (!PyArg_ParseTuple(tuple, "OO!O!O", &name, &PyTuple_Type, &node->members, &PyDict_Type, &node->codes,
                              &node->unknown)) {
            return -1;
        }
        node->size = PyTuple_GET_SIZE(node->members);
        return 0;
    case OP_UNION:
        return PyArg_ParseTuple(tuple, "OO!", &name, &PyTuple_Type, &one) ? take_branches(self, node, one) : -1;
    case OP_ARRAY:
    case OP_MAP:
        if (!PyArg_ParseTuple(tuple, "Oin", &name, &node->child, &node->size)) {
            return -1;
        }
        if (node->size < 1) {
            PyErr_SetString(PyExc_ValueError, "an item must take at least a byte");
            return -1;
        }
        return check_child(self, node->child);
    case OP_RECORD:
        return PyArg_ParseTuple(tuple, "OOO!O!", &name, &one, &PyTuple_Type, &node->names, &PyTuple_Type, &two)
                   ? take_fields(self, node, one, two)
                   : -1;
    default:
        return 0;
    }
}

static PyObject *program_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"nodes", "writes", NULL};
    PyObject *nodes;
    int writes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!p", names, &PyTuple_Type, &nodes, &writes)) {
        return NULL;
    }
    Program *self = (Program *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->source = Py_NewRef(nodes);
    self->writes = writes;
    self->count = PyTuple_GET_SIZE(nodes);
    self->nodes = PyMem_Calloc((size_t)self->count + 1, sizeof(Node));
    if (self->nodes == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < self->count; i++) {
        if (take_node(self, &self->nodes[i], PyTuple_GET_ITEM(nodes, i)) < 0) {
            Py_DECREF(self);
            return NULL;
        }
    }
    if (self->count == 0) {
        PyErr_SetString(PyExc_ValueError, "a program without nodes");
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void program_dealloc(Program *self) {
    for (Py_ssize_t i = 0; self->nodes != NULL && i < self->count; i++) {
        PyMem_Free(self->nodes[i].branches);
        PyMem_Free(self->nodes[i].fields);
    }
    PyMem_Free(self->nodes);
    Py_XDECREF(self->source);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *read_value(const Program *self, PyObject *raw, Py_ssize_t at) {
    if (!PyBytes_Check(raw)) {
        PyErr_Format(PyExc_TypeError, "bytes expected, not %.200s", Py_TYPE(raw)->tp_name);
        return NULL;
    }
    if (at < 0 || at > PyBytes_GET_SIZE(raw)) {
        PyErr_Format(PyExc_ValueError, "byte %zd is not inside of %zd", at, PyBytes_GET_SIZE(raw));
        return NULL;
    }
    return program_read(self, (const uint8_t *)PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), at);
}

static int offset_of(PyObject *const *args, Py_ssize_t count, Py_ssize_t *at) {
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "one or two arguments expected");
        return -1;
    }
    *at = count == 2 ? PyLong_AsSsize_t(args[1]) : 0;
    return *at == -1 && PyErr_Occurred() ? -1 : 0;
}

static PyObject *program_decode(Program *self, PyObject *const *args, Py_ssize_t count) {
    Py_ssize_t at;
    return offset_of(args, count, &at) < 0 ? NULL : read_value(self, args[0], at);
}

static PyObject *program_decode_many(Program *self, PyObject *const *args, Py_ssize_t count) {
    Py_ssize_t at;
    if (offset_of(args, count, &at) < 0) {
        return NULL;
    }
    PyObject *values = PySequence_Fast(args[0], "a list expected");
    PyObject *records = values == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; records != NULL && i < PySequence_Fast_GET_SIZE(values); i++) {
        PyObject *value = Py_NewRef(PySequence_Fast_GET_ITEM(values, i));
        PyObject *record = value == Py_None ? Py_NewRef(Py_None) : read_value(self, value, at);
        Py_DECREF(value);
        if (record == NULL || PyList_Append(records, record) < 0) {
            Py_CLEAR(records);
        }
        Py_XDECREF(record);
    }
    Py_XDECREF(values);
    return records;
}

static PyObject *program_encode(Program *self, PyObject *const *args, Py_ssize_t count) {
    if (count < 1 || count > 2 || (count == 2 && !PyBytes_Check(args[1]))) {
        PyErr_SetString(PyExc_TypeError, "a record and, if any, the bytes before it expected");
        return NULL;
    }
    if (!self->writes) {
        PyErr_SetString(PyExc_TypeError, "this program reads only");
        return NULL;
    }
    return count == 2 ? program_write(self, args[0], PyBytes_AS_STRING(args[1]), PyBytes_GET_SIZE(args[1]))
                      : program_write(self, args[0], "", 0);
}

static PyMethodDef methods[] = {
    {"decode", (PyCFunction)(void (*)(void))program_decode, METH_FASTCALL,
     "decode(raw, at=0)\n--\n\nReturn the record whose body begins at an offset and ends with the bytes."},
    {"decode_many", (PyCFunction)(void (*)(void))program_decode_many, METH_FASTCALL,
     "decode_many(raws, at=0)\n--\n\nReturn the record of each value, None for None."},
    {"encode", (PyCFunction)(void (*)(void))program_encode, METH_FASTCALL,
     "encode(record, prefix=b'')\n--\n\nReturn the prefix and the body of a record."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ProgramType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "liandong_native.Program",
    .tp_basicsize = sizeof(Program),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Program(nodes, writes)\n--\n\nReads and, if it `writes`, writes one kind of record.",
    .tp_new = program_new,
    .tp_dealloc = (destructor)program_dealloc,
    .tp_methods = methods,
};
