/* table.c: the list of contenders. A new one is a file in this folder, or a line in worker.c, and a line here. */
#include "peer.h"

extern const peer peer_memcpy, peer_memset, peer_stream, peer_softjac, peer_exact, peer_onednn, peer_onednn_new,
    peer_xnnpack, peer_onnxruntime, peer_pytorch, peer_pytorch_new, peer_jax, peer_scipy, peer_autograd,
    peer_floor_entries, peer_floor_turning, peer_floor_kernel, peer_floor_copies, peer_floor_lines, peer_floor_exact;

const peer *const peers[] = {
    &peer_memcpy,      &peer_memset,        &peer_stream,        &peer_softjac,      &peer_exact,
#ifdef BENCH_HAVE_ONEDNN
    &peer_onednn,
#endif
    &peer_onednn_new,
#ifdef BENCH_HAVE_XNNPACK
    &peer_xnnpack,
#endif
    &peer_onnxruntime, &peer_pytorch,       &peer_pytorch_new,   &peer_jax,          &peer_scipy,
    &peer_autograd,    &peer_floor_entries, &peer_floor_turning, &peer_floor_kernel, &peer_floor_copies,
    &peer_floor_lines, &peer_floor_exact,
};
const size_t peer_count = sizeof peers / sizeof peers[0];

const char peers_not_built[] = ""
#ifndef BENCH_HAVE_ONEDNN
                               "oneDNN (libdnnl-dev) "
#endif
#ifndef BENCH_HAVE_XNNPACK
                               "XNNPACK (libxnnpack-dev libpthreadpool-dev) "
#endif
    ;
