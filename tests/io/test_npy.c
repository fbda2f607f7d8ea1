/* test_npy.c: the .npy header: what NumPy writes is read, what a hostile file claims is refused with its place.
 * Covers the named cases of past parser failures: lengths believed, products that wrap, booleans as dimensions. */
#include "support.h"

#include "io/npy.h"

static const char good[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
static const double two[2] = {1.5, -2};

typedef struct hostile {
    const char *header, *message;
} hostile;

static const hostile hostile_headers[] = {
    {"", "'{' is expected"},
    {"[]", "'{' is expected"},
    {"{}", "'descr' is missing"},
    {"{'descr': '<f8', 'fortran_order': False}", "'shape' is missing"},
    {"{'descr': '<f8', 'shape': (2,)}", "'fortran_order' is missing"},
    {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", "dtype ''"},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': (2,)}", "dtype '<f16'"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", "dtype '<c8'"},
    {"{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}", "dtype '<U1'"},
    {"{'descr': '<f1', 'fortran_order': False, 'shape': (2,)}", "dtype '<f1'"},
    {"{'descr': '<b2', 'fortran_order': False, 'shape': (2,)}", "dtype '<b2'"},
    {"{'descr': '|f8', 'fortran_order': False, 'shape': (2,)}", "byte order"},
    {"{'descr': '=f8', 'fortran_order': False, 'shape': (2,)}", "byte order"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "pickled Python objects"},
    {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,)}", "named fields"},
    {"{'descr': None, 'fortran_order': False, 'shape': (2,)}", "a dtype such as"},
    {"{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}", "True or False"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}", "negative"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2)}", "boolean"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2.0,)}", "',' or ')'"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2)}", "not a tuple"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': 2}", "a shape such as"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (,)}", "a dimension is expected"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2 2)}", "',' or ')'"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,", "a dimension is expected"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)", "',' or '}'"},
    {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "appears twice"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", "appears twice"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}", "unknown key 'more'"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} x", "only spaces"},
    {"{'descr': '<f8\\x41', 'fortran_order': False, 'shape': (2,)}", "plain quoted string"},
    {"{'descr' '<f8', 'fortran_order': False, 'shape': (2,)}", "':' is expected"},
    {"{'descr': '<f8", "plain quoted string"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "more elements than memory"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4194305, 4194305, 211106198978564)}", "more elements"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}", "more elements than memory"},
    {"{'descr': '|i1', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9)}", "more elements"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551618,)}", "larger than memory"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999999999999,)}", "larger than memory"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': "
     "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
     "1,2)}",
     "more than 32 dimensions"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,)}", "the file holds 16"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", "needs 24 bytes of elements, the file holds 16"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", "8 bytes follow the last element"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}", "16 bytes follow the last element"},
};

static void refuses_each_hostile_header(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile_headers / sizeof *hostile_headers; i++) {
        const bytes file = npy_file(hostile_headers[i].header, two, sizeof two);
        expect_rejected("hostile.npy", file.data, file.length, 65, hostile_headers[i].message);
    }
}

/* Python 2 wrote 3L for long integers; version 3.0 never did. */
static void reads_each_version_and_spelling(void **state) {
    static const char *const headers[] = {
        good,
        "{'shape':(2L,),'fortran_order':True,'descr':'<f8'}",
        "{\"descr\": \"<f8\", \"fortran_order\": False, \"shape\": (2,)}   \n",
        " { 'descr' : '<f8' , 'fortran_order' : False , 'shape' : ( 2 , ) , } ",
    };
    (void)state;
    for (unsigned char version = 1; version <= 3; version++) {
        for (size_t h = 0; h < sizeof headers / sizeof *headers; h++) {
            bytes file = {.length = 0};
            add_bytes(&file, NPY_MAGIC, NPY_MAGIC_LENGTH);
            add_little(&file, version, 2);
            add_little(&file, strlen(headers[h]), version == 1 ? 2 : 4);
            add_bytes(&file, headers[h], strlen(headers[h]));
            for (int i = 0; i < 2; i++) {
                uint64_t bits;
                memcpy(&bits, &two[i], 8);
                add_little(&file, bits, 8);
            }
            if (version == 3 && h == 1) {
                expect_rejected("long.npy", file.data, file.length, 65, "',' or ')'");
                continue;
            }
            io_array array = expect_read("version.npy", file.data, file.length);
            assert_int_equal(array.ndim, 1);
            assert_int_equal(array.shape[0], 2);
            assert_memory_equal(array.data, two, sizeof two);
            io_array_free(&array);
        }
    }
}

/* The 12-byte file that asks for 4.29 GB, and a length read as signed. */
static void believes_no_header_length(void **state) {
    static const struct {
        const char *bytes;
        size_t length;
        const char *message;
    } cases[] = {
        {"\x93NUMPY\x02\x00\xff\xff\xff\xff", 12, "claims 4294967295 bytes"},
        {"\x93NUMPY\x02\x00\x01\x00\x01\x00", 12, "claims 65537 bytes; at most 65536"},
        {"\x93NUMPY\x03\x00\x00\x00\x00\x80", 12, "claims 2147483648 bytes"},
        {"\x93NUMPY\x01\x00\xff\xff", 10, "claims 65535 bytes, the file holds 0"},
        {"\x93NUMPY\x01\x00\x80\x80{}", 12, "claims 32896 bytes, the file holds 2"},
        {"\x93NUMPY\x01\x00\x05\x00{} ", 13, "claims 5 bytes, the file holds 3"},
        {"\x93NUMPY\x02\x00\x05\x00", 10, "ends inside the .npy header"},
        {"\x93NUMPY", 6, "ends inside the .npy header"},
        {"\x93NUMPY\x00\x00\x00\x00", 10, "unknown .npy version 0.0"},
        {"\x93NUMPY\x01\x01\x00\x00", 10, "unknown .npy version 1.1"},
        {"\x93NUMPY\xff\x00\x00\x00", 10, "unknown .npy version 255.0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_rejected("length.npy", cases[i].bytes, cases[i].length, 65, cases[i].message);
    }
}

static void names_the_byte_that_is_wrong(void **state) {
    npy_header header;
    npy_fault fault;
    const char *text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, -2)}";
    (void)state;
    const bytes file = npy_file(text, NULL, 0);
    assert_false(npy_parse(file.data, file.length, &header, &fault));
    assert_int_equal(fault.offset, 10 + (strchr(text, '-') - text));
}

static void quotes_control_bytes_of_the_file(void **state) {
    (void)state;
    const bytes file = npy_file("{'\x1b[2J': 1}", NULL, 0);
    expect_rejected("escape.npy", file.data, file.length, 65, "unknown key '\\x1b[2J'");
}

/* 64-byte alignment is what NumPy promises to memory-map. */
static void writes_headers_that_parse_back(void **state) {
    unsigned char out[NPY_WRITTEN_MAX];
    npy_header header;
    npy_fault fault;
    (void)state;
    for (int ndim = 0; ndim <= IO_MAX_NDIM; ndim++) {
        io_array array = {.dtype = ndim % 2 ? SJ_F32 : SJ_F64, .ndim = ndim};
        for (int d = 0; d < ndim; d++) array.shape[d] = d == 0 ? (size_t)1 << 59 : 1;
        const size_t length = npy_format(&array, out);
        assert_int_equal(length % 64, 0);
        assert_int_equal(out[length - 1], '\n');
        assert_true(npy_parse(out, length, &header, &fault));
        assert_int_equal(header.data_offset, length);
        assert_int_equal(header.item, ndim % 2 ? 4 : 8);
        assert_false(header.fortran_order || header.big_endian);
        assert_int_equal(header.ndim, ndim);
        assert_memory_equal(header.shape, array.shape, sizeof array.shape);
    }
    io_array widest = {.dtype = SJ_F32, .ndim = IO_MAX_NDIM};
    for (int d = 0; d < IO_MAX_NDIM; d++) widest.shape[d] = SIZE_MAX;
    assert_in_range(npy_format(&widest, out), 64, NPY_WRITTEN_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_hostile_header),      cmocka_unit_test(reads_each_version_and_spelling),
        cmocka_unit_test(believes_no_header_length),        cmocka_unit_test(names_the_byte_that_is_wrong),
        cmocka_unit_test(quotes_control_bytes_of_the_file), cmocka_unit_test(writes_headers_that_parse_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
