cimport cython
from cpython.array cimport array

@cython.final
cdef class IntMap:
    cdef Py_ssize_t n
    cdef Py_ssize_t far
    cdef int shift
    cdef int[::1] near
    cdef Py_ssize_t[::1] keys
    cdef int[::1] values
    cpdef Py_ssize_t count(self) noexcept nogil
    cpdef Py_ssize_t n_far(self) noexcept nogil
    @cython.locals(value="Py_ssize_t")
    cpdef Py_ssize_t get(self, Py_ssize_t key, Py_ssize_t default) except? -2 nogil
    cpdef int put(self, Py_ssize_t key, Py_ssize_t value) except -1 nogil
    cdef int enlarge(self, Py_ssize_t size) except -1 nogil
    @cython.locals(i="Py_ssize_t")
    cdef int put_far(self, Py_ssize_t key, Py_ssize_t value) except -1 nogil
    @cython.locals(mask="Py_ssize_t", i="Py_ssize_t")
    cdef Py_ssize_t place(self, Py_ssize_t key) except -1 nogil
    @cython.locals(keys="Py_ssize_t[::1]", values="int[::1]", i="Py_ssize_t", k="Py_ssize_t")
    cdef int rehash(self) except -1 nogil
    cpdef int clear(self) except -1 nogil

@cython.locals(copy=IntMap)
cdef IntMap copied_map(IntMap source)

cdef object zeros(Py_ssize_t size, Py_ssize_t width, array template)
cdef Py_ssize_t[::1] new_ints(Py_ssize_t size) with gil
cdef Py_ssize_t[::1] ints_of(str text)
@cython.locals(result="Py_ssize_t[::1]")
cdef Py_ssize_t[::1] copied(Py_ssize_t[::1] buffer)
cdef Py_ssize_t enlarged(Py_ssize_t held, Py_ssize_t size) noexcept nogil
@cython.locals(result="Py_ssize_t[::1]")
cdef Py_ssize_t[::1] grown(Py_ssize_t[::1] buffer, Py_ssize_t size) with gil
cdef int[::1] new_indices(Py_ssize_t size) with gil
@cython.locals(result="int[::1]")
cdef int[::1] copied_indices(int[::1] buffer)
@cython.locals(result="int[::1]")
cdef int[::1] grown_indices(int[::1] buffer, Py_ssize_t size) with gil
cdef unsigned char[::1] new_octets(Py_ssize_t size) with gil
@cython.locals(result="unsigned char[::1]")
cdef unsigned char[::1] copied_octets(unsigned char[::1] buffer)
@cython.locals(result="unsigned char[::1]")
cdef unsigned char[::1] grown_octets(unsigned char[::1] buffer, Py_ssize_t size) with gil
@cython.locals(i="Py_ssize_t")
cdef Py_ssize_t find_int(Py_ssize_t[::1] buffer, Py_ssize_t value, Py_ssize_t start, Py_ssize_t end) except? -2 nogil
@cython.locals(found="const unsigned char*")
cdef Py_ssize_t find_newline(const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end) except? -2 nogil
cdef bint is_text(int byte) noexcept nogil
@cython.locals(i="Py_ssize_t")
cdef Py_ssize_t find_text(const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t shortest) except? -2 nogil
