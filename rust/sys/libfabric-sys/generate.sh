#!/bin/sh
# Regenerates src/generated.rs from the headers of libfabric 1.17 (Debian 12: libfabric-dev, libclang-dev).
# The six functions that the library exports are declared by hand in src/library.rs, since they are looked up at run time.
# Needs the bindgen command (cargo install bindgen-cli). Run it in this folder.
set -eu
header=$(mktemp --suffix=.h)
trap 'rm -f "$header"' EXIT
cat >"$header" <<'END'
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
END
types='fi_(info|context2?|cq_attr|cq_msg_entry|cq_err_entry|cq_wait_obj|wait_obj|cq_format|av_attr|av_type|mr_attr|control|resource_mgmt|threading|progress|ep_type|msg|msg_rma|rma_iov)|fid_(fabric|domain|ep|cq|av|mr)'
variables='FI_(MSG|RMA|READ|WRITE|RECV|SEND|REMOTE_READ|REMOTE_WRITE|SOURCE|NUMERICHOST|COMPLETION|INJECT|TRANSMIT_COMPLETE|DELIVERY_COMPLETE|DIRECTED_RECV|CONTEXT2?|MR_.*|ORDER_SAS|ADDR_UNSPEC|KEY_NOTAVAIL|MAJOR_VERSION|MINOR_VERSION|SOCKADDR|SOCKADDR_IN|SOCKADDR_IN6|E[A-Z]+)'
bindgen "$header" \
    --use-core --merge-extern-blocks --default-enum-style consts --no-prepend-enum-name --no-doc-comments \
    --ignore-functions --allowlist-type "$types" --allowlist-var "$variables" \
    --opaque-type 'fi_ops_(atomic|tagged|collective|trigger|msg_tagged)|fid_(wait|eq|poll|pep|stx|cntr|nic|mc)|fi_(eq_attr|wait_attr|cntr_attr|poll_attr|hmem_iface|param|collective_attr|pe[pr]_.*)' \
    --blocklist-type 'sockaddr|sa_family_t|iovec|max_align_t' \
    --raw-line 'use libc::iovec;' \
    --output src/generated.rs
