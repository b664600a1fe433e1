/* A schema program: one flat array of nodes that one loop reads or writes bytes by. See module.c for what is public.
 *
 * Everything that a node points to is kept alive by the tuple that the program was made from. A program never changes,
 * so it can be used again while it is in use (a time with a foreign zone calls back into Python).
 */
#ifndef LIANDONG_PROGRAM_H
#define LIANDONG_PROGRAM_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define MAX_DEPTH 64 /* levels of records, arrays, maps and unions inside each other */

typedef enum {
    OP_NULL,
    OP_BOOLEAN,
    OP_INT,
    OP_LONG,
    OP_LONG_AS_DOUBLE,
    OP_FLOAT,
    OP_DOUBLE,
    OP_BYTES,
    OP_STRING,
    OP_TIME,
    OP_FIXED,
    OP_ENUM,
    OP_UNION,
    OP_ARRAY,
    OP_MAP,
    OP_RECORD,
    OP_REFUSE,
    OP_COUNT
} Op;

typedef struct {
    int child;
    int wanted;        /* 0: read over */
    Py_ssize_t offset; /* of the slot in the record; wanted fields only */
} Field;

typedef struct {
    Op op;
    int child;           /* array, map */
    Py_ssize_t size;     /* fixed: bytes; array, map: least bytes of an item, at least 1; else members of the list */
    PyObject *members;   /* enum: tuple, None for a symbol that this build does not have */
    PyObject *codes;     /* enum: dict of symbol -> position */
    PyObject *unknown;   /* enum: called with the position of a symbol that this build does not have */
    PyObject *text;      /* refuse: why */
    PyTypeObject *type;  /* record: class of the result, NULL: read over */
    PyObject *names;     /* record: tuple of the wanted fields' names */
    int *branches;       /* union */
    Field *fields;       /* record */
} Node;

typedef struct {
    PyObject_HEAD
    PyObject *source; /* the tuple of nodes, keeps everything alive */
    Node *nodes;
    Py_ssize_t count;
    int writes; /* 0: made to read another version's bytes */
} Program;

extern PyTypeObject ProgramType;
extern PyTypeObject FramesType;
extern PyTypeObject EventsType;
extern PyTypeObject LaneType;

int events_start(void);
int program_start_reading(void);
int program_start_writing(PyObject *foreign_time);
int program_slot(PyTypeObject *type, PyObject *name, Py_ssize_t *offset);
PyObject *program_time(int64_t ms);
PyObject *mark_add(PyObject *recent, PyObject *event_id, Py_ssize_t most);
PyObject *program_read(const Program *program, const uint8_t *start, Py_ssize_t size, Py_ssize_t at);
PyObject *program_write(const Program *program, PyObject *record, const char *prefix, Py_ssize_t prefix_size);

#endif
