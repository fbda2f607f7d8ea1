/* table.c: the list of contenders. A new one is a file in this folder and a line here. */
#include "peer.h"

extern const peer peer_copy, peer_softjac, peer_onednn, peer_xnnpack, peer_scipy, peer_pytorch;

const peer *const peers[] = {
    &peer_copy,    &peer_softjac,
#ifdef BENCH_HAVE_ONEDNN
    &peer_onednn,
#endif
#ifdef BENCH_HAVE_XNNPACK
    &peer_xnnpack,
#endif
    &peer_scipy,   &peer_pytorch,
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
