//! The part of a context that its futures see.

use std::rc::Rc;

/// The client inside its context: given to the closures of [`crate::Context::block_on`]; cheap to clone; stays inside.
#[derive(Clone)]
pub struct Client(pub(crate) Rc<()>);
