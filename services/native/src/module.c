/* The module, and Frames: framed values to records, with one look at a table of programs by schema id. */
#include "program.h"
#include <stddef.h>

#define HEADER_BYTES 5

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *programs;  /* schema id -> Program */
    PyObject *otherwise; /* (value, error or None) -> record, for everything that is not plain */
    PyObject *bad;       /* the exception that stands for a value in `many` */
    Py_ssize_t limit;
} Frames;

static PyObject *take_error(void) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(value, trace);
    }
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
}

/* The program that reads a value, borrowed; NULL without an error when Python has to look at it. */
static PyObject *program_of(const Frames *self, PyObject *value) {
    if (!PyBytes_Check(value) || PyBytes_GET_SIZE(value) < HEADER_BYTES || PyBytes_GET_SIZE(value) > self->limit) {
        return NULL;
    }
    const uint8_t *raw = (const uint8_t *)PyBytes_AS_STRING(value);
    if (raw[0] != 0) {
        return NULL;
    }
    PyObject *id = PyLong_FromUnsignedLong((unsigned long)raw[1] << 24 | (unsigned long)raw[2] << 16 |
                                           (unsigned long)raw[3] << 8 | raw[4]);
    PyObject *program = id == NULL ? NULL : PyDict_GetItemWithError(self->programs, id);
    Py_XDECREF(id);
    return program != NULL && Py_IS_TYPE(program, &ProgramType) ? program : NULL;
}

static PyObject *read_framed(const Frames *self, PyObject *value) {
    PyObject *error = NULL, *program = program_of(self, value);
    if (program != NULL) {
        Py_INCREF(program);
        PyObject *record = program_read((Program *)program, (const uint8_t *)PyBytes_AS_STRING(value),
                                        PyBytes_GET_SIZE(value), HEADER_BYTES);
        Py_DECREF(program);
        if (record != NULL || !PyErr_ExceptionMatches(PyExc_ValueError)) {
            return record;
        }
        error = take_error();
    } else if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *record = PyObject_CallFunctionObjArgs(self->otherwise, value, error == NULL ? Py_None : error, NULL);
    Py_XDECREF(error);
    return record;
}

static PyObject *frames_call(PyObject *self, PyObject *const *args, size_t count, PyObject *names) {
    if (PyVectorcall_NARGS(count) != 1 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "one value expected");
        return NULL;
    }
    return read_framed((Frames *)self, args[0]);
}

static PyObject *frames_many(Frames *self, PyObject *argument) {
    PyObject *values = PySequence_Fast(argument, "a list expected");
    PyObject *records = values == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; records != NULL && i < PySequence_Fast_GET_SIZE(values); i++) {
        PyObject *value = Py_NewRef(PySequence_Fast_GET_ITEM(values, i));
        PyObject *record = value == Py_None ? Py_NewRef(Py_None) : read_framed(self, value);
        if (record == NULL && PyErr_ExceptionMatches(self->bad)) {
            record = take_error();
        }
        Py_DECREF(value);
        if (record == NULL || PyList_Append(records, record) < 0) {
            Py_CLEAR(records);
        }
        Py_XDECREF(record);
    }
    Py_XDECREF(values);
    return records;
}

static PyObject *frames_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"programs", "otherwise", "bad", "limit", NULL};
    PyObject *programs, *otherwise, *bad;
    Py_ssize_t limit;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOn", names, &PyDict_Type, &programs, &otherwise, &bad, &limit)) {
        return NULL;
    }
    Frames *self = (Frames *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = frames_call;
    self->programs = Py_NewRef(programs);
    self->otherwise = Py_NewRef(otherwise);
    self->bad = Py_NewRef(bad);
    self->limit = limit;
    return (PyObject *)self;
}

static int frames_traverse(Frames *self, visitproc visit, void *arg) {
    Py_VISIT(self->programs);
    Py_VISIT(self->otherwise);
    Py_VISIT(self->bad);
    return 0;
}

static int frames_clear(Frames *self) {
    Py_CLEAR(self->programs);
    Py_CLEAR(self->otherwise);
    Py_CLEAR(self->bad);
    return 0;
}

static void frames_dealloc(Frames *self) {
    PyObject_GC_UnTrack(self);
    frames_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
    {"many", (PyCFunction)frames_many, METH_O,
     "many(values)\n--\n\nReturn the record of each value, None for None, and the error in place of a bad one."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject FramesType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "liandong_native.Frames",
    .tp_basicsize = sizeof(Frames),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Frames(programs, otherwise, bad, limit)\n--\n\nFramed values to records.",
    .tp_new = frames_new,
    .tp_dealloc = (destructor)frames_dealloc,
    .tp_traverse = (traverseproc)frames_traverse,
    .tp_clear = (inquiry)frames_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Frames, call),
    .tp_methods = methods,
};

static PyObject *set_foreign_time(PyObject *module, PyObject *function) {
    (void)module;
    return program_start_writing(function) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"set_foreign_time", set_foreign_time, METH_O,
     "set_foreign_time(function)\n--\n\nTake the function that turns a time outside of UTC into milliseconds."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    if (program_start_reading() < 0 || program_start_writing(Py_None) < 0 || events_start() < 0) {
        return NULL;
    }
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddType(made, &ProgramType) < 0 || PyModule_AddType(made, &FramesType) < 0 ||
        PyModule_AddType(made, &EventsType) < 0 || PyModule_AddType(made, &LaneType) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
