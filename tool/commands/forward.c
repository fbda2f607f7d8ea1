/* forward.c: the commands softmax, log-softmax and logsumexp. Read, one library call a slice, emit. */
#include "compute.h"

#include <string.h>

static sj_status softmax(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    (void)job, (void)g;
    return sj_softmax(z, out, options);
}

static sj_status log_softmax(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    (void)job, (void)g;
    return sj_log_softmax(z, out, options);
}

static sj_status logsumexp(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    (void)job, (void)g;
    return sj_logsumexp(z, out, options);
}

int command_forward(const arguments *args) {
    batch_job job = {.call = softmax, .states = STATES_SOFTMAX};
    if (strcmp(args->command, "log-softmax") == 0) job.call = log_softmax, job.states = STATES_LOG_SOFTMAX;
    if (strcmp(args->command, "logsumexp") == 0)
        job.call = logsumexp, job.states = STATES_LOGSUMEXP, job.kind = RESULT_REDUCED;
    int code = job_read(&job, args);
    if (code == EXIT_DONE) code = job_prepare(&job);
    if (code == EXIT_DONE) code = job_run(&job);
    if (code == EXIT_DONE) code = result_emit(args, &job.out);
    job_free(&job);
    return code;
}
