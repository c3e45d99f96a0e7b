//! What makes a repeated request recognisable.

use crate::macros::wire_structs;
use daos_types::HolderId;

wire_structs! {
    /// Comes before each request that changes what the pool service stores.
    RequestId {
        /// The client process.
        holder: HolderId,
        /// Its number among the changes of this client, from 1 on.
        sequence: u64,
        /// All changes of this client with a lower number have been answered; their answers may be forgotten.
        answered: u64,
        /// How often it was sent before: of a request that was sent once there is no other copy on its way.
        attempt: u8,
    }
}
