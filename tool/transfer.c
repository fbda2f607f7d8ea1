/* transfer.c: the elements of transfer.h on their way from and to files. */
#include "transfer.h"

#include "io/convert.h"

#include <pthread.h>

typedef struct fill_context {
    const input *in;
    char *to;
    io_error *error;
} fill_context;

static bool fill_run(void *context, size_t first, size_t count, size_t at) {
    const fill_context *fill = context;
    return input_fill(fill->in, first, count, fill->to + at * io_item(fill->in->array.dtype), fill->error);
}

bool transfer_in(const input *in, const placement *place, void *buffer, sj_view *view, io_error *error) {
    fill_context fill = {in, buffer, error};
    if (in->array.data) return *view = placed_view(in->array.data, in->array.dtype, place), true;
    *view = packed_view(buffer, in->array.dtype, place);
    return each_run(place, fill_run, &fill);
}

typedef struct write_context {
    const result *to;
    const char *from;
    io_error *error;
} write_context;

static bool write_run(void *context, size_t first, size_t count, size_t at) {
    const write_context *write = context;
    const size_t item = io_item(write->to->array.dtype);
    const size_t offset = write->to->data + (first * item);
    return output_place(write->to->file, offset, write->from + at * item, count * item, write->error);
}

bool transfer_out(const result *to, const placement *place, void *buffer, io_error *error) {
    /* The kernel lets one thread at a time write to a file, and others turn in circles until they may. */
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    write_context write = {to, buffer, error};
    convert_little(buffer, io_item(to->array.dtype), placement_elements(place));
    pthread_mutex_lock(&turn);
    const bool written = each_run(place, write_run, &write);
    pthread_mutex_unlock(&turn);
    return written;
}

const work_failure *failure_before(const work_failure *a, const work_failure *b) {
    if (!b->failed) return a;
    return a && a->unit < b->unit ? a : b;
}

int failure_report(const arguments *args, const work_failure *failure) {
    if (!failure) return EXIT_DONE;
    if (failure->status != SJ_OK) return library_failure(args, failure->status, &failure->library);
    return fail(args, failure->transfer.exit_code, "%s", failure->transfer.message);
}
