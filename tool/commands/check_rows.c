/* check_rows.c: comparisons over the rows of a matrix. See check_rows.h. */
#include "check_rows.h"

#include "autodiff.h"
#include "oracle.h"

#include <math.h>
#include <string.h>

size_t rows_entries(form_id id, const row_set *rows) { return rows->m * form_entries(&forms[id], rows->n); }

static const double *g_of_row(const row_set *rows, size_t row) { return rows->g ? rows->g + row * rows->n : NULL; }

bool rows_autodiff(form_id id, const row_set *rows, double *out) {
    const size_t entries = form_entries(&forms[id], rows->n);
    if (!autodiff_name()) return false;
    for (size_t i = 0; i < rows->m; i++) {
        if (!autodiff_row(id, rows->z + i * rows->n, g_of_row(rows, i), rows->q, rows->n, out + i * entries))
            return false;
    }
    return true;
}

double rows_relative(form_id id, const row_set *rows, const double *got) {
    oracle *truth = oracle_name() ? oracle_new() : NULL;
    if (!truth) return NAN;
    double worst = 0;
    for (size_t i = 0; i < rows->m; i++) {
        if (!oracle_row(truth, id, rows->z + i * rows->n, g_of_row(rows, i), rows->q, rows->n)) {
            worst = NAN;
            break;
        }
        const size_t entries = oracle_entries(truth);
        for (size_t k = 0; k < entries; k++) worst = fmax(worst, oracle_relative(truth, k, got[i * entries + k]));
    }
    oracle_free(truth);
    return worst;
}

bool rows_blocks_of_dense(const double *dense, const row_set *rows, double *blocks) {
    const size_t m = rows->m, n = rows->n;
    for (size_t pq = 0; pq < m * n; pq++) {
        const double *row = dense + pq * m * n; /* d s_pq by every input (i, j) */
        const size_t own = pq / n * n;          /* where i = p */
        for (size_t ij = 0; ij < m * n; ij++) {
            if ((ij < own || ij >= own + n) && row[ij] != 0) return false;
        }
        memcpy(blocks + pq * n, row + own, n * sizeof *row);
    }
    return true;
}
