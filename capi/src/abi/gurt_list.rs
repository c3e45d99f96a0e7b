//! `gurt/list.h`: intrusive linked lists.

/// The head or a member of a doubly linked list: the caller embeds it in its own structures.
pub type d_list_t = d_list_head;
/// A member of a list whose head is a single pointer.
pub type d_hlist_node_t = d_hlist_node;
/// The head of a list of [`d_hlist_node`].
pub type d_hlist_head_t = d_hlist_head;

/// The links of a doubly linked list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_list_head {
    pub next: *mut d_list_head,
    pub prev: *mut d_list_head,
}

/// The links of a member of a single-headed list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_node {
    pub next: *mut d_hlist_node,
    pub pprev: *mut *mut d_hlist_node,
}

/// The head of a single-headed list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_head {
    pub first: *mut d_hlist_node_t,
}
