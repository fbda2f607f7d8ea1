/* test_csv.c: text to numbers and back: what people's files look like, each damaged one by line and column, and text
 * that reads back to the same bits in any locale. */
#include "support.h"

#include "io/csv.h"

#include <float.h>
#include <locale.h>
#include <math.h>

typedef struct accepted {
    const char *name, *text;
    size_t rows, columns;
    double first, last;
} accepted;

static void reads_what_people_write(void **state) {
    static const accepted cases[] = {
        {"a.csv", "1,2,3\n", 1, 3, 1, 3},
        {"a.csv", "1,2,3", 1, 3, 1, 3},
        {"a.csv", "1\n2\n3\n", 3, 1, 1, 3},
        {"a.csv", "7", 1, 1, 7, 7},
        {"a.csv", "1,2\r\n3,4\r\n", 2, 2, 1, 4},
        {"a.csv", "1,2\r3,4\r", 2, 2, 1, 4},
        {"a.csv",
         "\xef\xbb\xbf"
         "1,2\n3,4\n",
         2, 2, 1, 4},
        {"a.csv", "\n\n1,2\n\n3,4\n\n \n", 2, 2, 1, 4},
        {"a.csv", "# logits\n1,2 # first\n#\n3,4#last\n", 2, 2, 1, 4},
        {"a.csv", " 1 ,\t2 \n", 1, 2, 1, 2},
        {"a.csv", "a,b\n1,2\n", 1, 2, 1, 2},
        {"a.csv", "\"a,1\",\"b #\"\n\"1\",2\n", 1, 2, 1, 2},
        {"a.csv", "\n# c\nclass one,_2\n1,2\n", 1, 2, 1, 2},
        {"a.csv", "\xc3\xa9t\xc3\xa9,b\n1,2\n", 1, 2, 1, 2},
        {"a.csv", "Na,Cl\n1,2\n", 1, 2, 1, 2},
        {"a.csv", "nan,1\n2,3\n", 2, 2, NAN, 3},
        {"a.csv", "NaN,-inf\nInfinity,+INF\n", 2, 2, NAN, INFINITY},
        {"a.csv", "-0,+.5e1\n", 1, 2, -0.0, 5},
        {"a.csv", "1.,1e-400\n", 1, 2, 1, 0},
        {"a.tsv", "1\t2\n3\t4\n", 2, 2, 1, 4},
        {"a.tsv", "a, b\tc\n1\t 2\n", 1, 2, 1, 2},
        {"a.txt", "1\t2\n", 1, 2, 1, 2},
        {"a.txt", "# no, comma\n1\t2\n", 1, 2, 1, 2},
        {"a.txt", "1,\t2\n", 1, 2, 1, 2},
        {"a.npy", "1,2\n", 1, 2, 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const accepted *c = &cases[i];
        io_array array = expect_read(c->name, c->text, strlen(c->text));
        assert_int_equal(array.dtype, SJ_F64);
        assert_int_equal(array.ndim, 2);
        assert_int_equal(array.shape[0], c->rows);
        assert_int_equal(array.shape[1], c->columns);
        const double first = value_at(&array, 0), last = value_at(&array, c->rows * c->columns - 1);
        assert_true(isnan(c->first) ? isnan(first) : first == c->first && !signbit(first) == !signbit(c->first));
        assert_true(last == c->last);
        io_array_free(&array);
    }
}

static void names_line_and_column_of_what_is_wrong(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "is empty"},
        {"\n\n# nothing\n", "holds no line of numbers"},
        {"a,b\n", "holds no line of numbers"},
        {"1,2\n\n3,4,5\n", "line 3 has 3 fields; expected 2, as in line 1"},
        {"1,2\n3\n", "line 2 has 1 field; expected 2, as in line 1"},
        {"a,b,c\n1,2\n", "line 2 has 2 fields; expected 3, as in line 1"},
        {"1,2\n3,4,oops\n", "line 2 has 3 fields"},
        {"1,2\n3,x4\n", "line 2, column 2: expected a number, found 'x4'"},
        {"1,2\na,b\n", "line 2, column 1: expected a number, found 'a'"},
        {"NA\n1\n", "line 1, column 1: expected a number, found 'NA'"},
        {"null,None\n1,2\n", "line 1, column 1: expected a number, found 'null'"},
        {"1.o\n2\n", "line 1, column 1: expected a number, found '1.o'"},
        {"1,b\n", "line 1, column 2: expected a number, found 'b'"},
        {"1,,3\n", "line 1, column 2: the field is empty"},
        {"1,2,\n", "line 1, column 3: the field is empty"},
        {",a\n0,1\n", "line 1, column 1: the field is empty"},
        {"0x10\n", "found '0x10'"},
        {"1\nnan(1)\n", "line 2, column 1: expected a number, found 'nan(1)'"},
        {"1e\n", "found '1e'"},
        {"1e+\n", "found '1e+'"},
        {".\n", "found '.'"},
        {"-\n", "found '-'"},
        {"1 2\n", "found '1 2'"},
        {"1;2\n", "found '1;2'"},
        {"1_000\n", "found '1_000'"},
        {"1,\"2\n", "a quote is not closed"},
        {"1,\"2\"3\n", "text follows the closing quote"},
        {"1e999\n", "outside the range of float64: '1e999'"},
        {"-1e309,1\n", "outside the range of float64"},
        {"1,2\n3,\x1b[2Jabcdefghijklmnopqrstuvwxyz0123456789\n", "byte 6 is 0x1b"},
        {"1,9abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP\n", "found '9abcdefghijklmnopqrstuvwxyzABCDE'..."},
        {"1,2\n3,4\xff\n", "found '4\\xff'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_rejected("bad.csv", cases[i].text, strlen(cases[i].text), 65, cases[i].message);
    }
    expect_rejected("utf16.csv",
                    "\xff\xfe"
                    "1\0,\0",
                    6, 65, "byte 3 is 0x00");
}

static void long_numbers_are_read_or_refused_whole(void **state) {
    static char text[1300];
    (void)state;
    memset(text, '1', sizeof text);
    text[1] = '.';
    io_array array = expect_read("long.csv", text, 1199);
    assert_true(value_at(&array, 0) == 1.1111111111111111);
    io_array_free(&array);
    expect_rejected("long.csv", text, 1200, 65, "over 1199 characters");
}

static double next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static double of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int digits_of(const char *text) {
    int count = 0;
    bool leading = true;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        leading = leading && *text == '0';
        count += !leading;
    }
    return count;
}

/* The text names the value, and the nearest text of one digit less does not. */
static void check_text(double value, sj_dtype dtype) {
    char text[CSV_NUMBER_MAX], shorter[64];
    csv_format(value, dtype, text);
    const double back = strtod(text, NULL);
    assert_true(dtype == SJ_F64 ? back == value : (float)back == (float)value && strtof(text, NULL) == (float)value);
    const int digits = digits_of(text);
    if (digits < 2 || strchr(text, 'e') == NULL) return;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
    assert_false(dtype == SJ_F64 ? strtod(shorter, NULL) == value : strtof(shorter, NULL) == (float)value);
}

static void text_is_short_and_names_the_value(void **state) {
    static const double corners[] = {0.1,
                                     0.3,
                                     1.0 / 3,
                                     100,
                                     1e22,
                                     1e23,
                                     5e-324,
                                     DBL_MIN,
                                     DBL_MAX,
                                     123456789012345680.0,
                                     2.2250738585072011e-308,
                                     9007199254740993.0,
                                     0x1p-44};
    uint64_t random = 1;
    (void)state;
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) check_text(corners[i], SJ_F64);
    for (int i = 0; i < 20000; i++) {
        const double uniform = next_random(&random);
        const double any = of_bits(random);
        check_text(-uniform, SJ_F64);
        if (isfinite(any)) check_text(any, SJ_F64);
        check_text((double)(float)(uniform * 100), SJ_F32);
        check_text((double)(float)ldexp(uniform, -(i % 149)), SJ_F32);
    }
    char text[CSV_NUMBER_MAX];
    csv_format(0.1, SJ_F64, text);
    assert_string_equal(text, "0.1");
    csv_format((double)0.1f, SJ_F32, text);
    assert_string_equal(text, "0.1");
    csv_format(-0.0, SJ_F64, text);
    assert_string_equal(text, "-0");
    csv_format(5e-324, SJ_F64, text);
    assert_string_equal(text, "5e-324");
    csv_format(-NAN, SJ_F64, text);
    assert_string_equal(text, "nan");
    csv_format(-INFINITY, SJ_F32, text);
    assert_string_equal(text, "-inf");
}

static void written_text_reads_back(void **state) {
    double values[6] = {1, -0.0, INFINITY, -INFINITY, 1e-310, 1.0 / 3};
    const io_array cases[] = {
        {.dtype = SJ_F64, .ndim = 2, .shape = {2, 3}, .data = values},
        {.dtype = SJ_F64, .ndim = 2, .shape = {6, 1}, .data = values},
        {.dtype = SJ_F64, .ndim = 1, .shape = {6}, .data = values},
        {.dtype = SJ_F64, .ndim = 0, .data = values},
    };
    static const char *const names[] = {"text.csv", "text.tsv"};
    io_array back;
    io_error error;
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const io_array *array = &cases[i / 2];
        const char *path = in_folder(names[i % 2]);
        assert_true(io_write(path, array, &error));
        assert_true(io_read(path, &back, &error));
        assert_int_equal(back.shape[0], array->ndim == 2 ? array->shape[0] : 1);
        assert_int_equal(io_elements(&back), io_elements(array));
        assert_memory_equal(back.data, values, io_elements(array) * sizeof *values);
        io_array_free(&back);
    }
    size_t length;
    assert_true(io_write(in_folder("text.tsv"), &cases[0], &error));
    unsigned char *text = get_file(in_folder("text.tsv"), &length);
    assert_int_equal(length, strlen("1\t-0\tinf\n-inf\t1e-310\t0.3333333333333333\n"));
    assert_memory_equal(text, "1\t-0\tinf\n-inf\t1e-310\t0.3333333333333333\n", length);
    free(text);
    const io_array cube = {.dtype = SJ_F64, .ndim = 3, .shape = {1, 2, 3}, .data = values};
    assert_false(io_write(in_folder("cube.csv"), &cube, &error));
    assert_int_equal(error.exit_code, 65);
    assert_non_null(strstr(error.message, "the array has 3"));
}

/* Skipped by name where the machine has no locale with a decimal comma. */
static void the_locale_changes_nothing(void **state) {
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ru_RU.UTF-8"};
    double value = 1.5;
    const io_array array = {.dtype = SJ_F64, .ndim = 0, .data = &value};
    io_array back;
    io_error error;
    bool found = false;
    (void)state;
    for (size_t i = 0; i < sizeof commas / sizeof *commas && !found; i++) found = setlocale(LC_ALL, commas[i]) != NULL;
    if (!found) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    assert_true(io_write(in_folder("locale.csv"), &array, &error));
    assert_true(io_read(in_folder("locale.csv"), &back, &error));
    setlocale(LC_ALL, "C");
    size_t length;
    unsigned char *text = get_file(in_folder("locale.csv"), &length);
    assert_memory_equal(text, "1.5\n", 4);
    assert_true(value_at(&back, 0) == 1.5);
    free(text);
    io_array_free(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(names_line_and_column_of_what_is_wrong),
        cmocka_unit_test(long_numbers_are_read_or_refused_whole),
        cmocka_unit_test(text_is_short_and_names_the_value),
        cmocka_unit_test(written_text_reads_back),
        cmocka_unit_test(the_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
