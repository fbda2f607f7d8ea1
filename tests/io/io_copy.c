/* io_copy.c: io_copy IN OUT [IN OUT]...: reads and writes through tool/io, for numpy_exchange.py. Prints each failure
 * as "IN<tab>exit code<tab>message" and goes on. */
#include "io/io.h"

static int copy(const char *in, const char *out) {
    io_array array;
    io_error error;
    bool copied = io_read(in, &array, &error);
    if (copied) {
        copied = io_write(out, &array, &error);
        io_array_free(&array);
    }
    if (copied) return 0;
    printf("%s\t%d\t%s\n", in, error.exit_code, error.message);
    return error.exit_code;
}

int main(int count, char **arguments) {
    int worst = 0;
    for (int i = 1; i + 1 < count; i += 2) {
        const int code = copy(arguments[i], arguments[i + 1]);
        if (code > worst) worst = code;
    }
    return worst;
}
