//! Changes of names: dkeys whose first akey names an object, as the entries of directories are.

use crate::macros::wire_structs;
use crate::{Blob, ChangeName, Fetch, FetchReply};
use daos_types::{Epoch, Key, ObjectId};

wire_structs! {
    /// Four bytes, a little-endian number, among the bytes of the first akey of a fetch: with this mask they have this value.
    BytesAre {
        /// Where they stand.
        at: u32,
        /// The bits that count.
        mask: u32,
        /// What these bits are.
        value: u32,
    }
    /// Reads akeys of one dkey, and takes the dkey away if what was read is as it says, at the same moment; with it, if that is wanted, what is
    /// here of the object that the first akey names, all or nothing: the removal of a name from a directory, in one message.
    FetchThenPunch {
        /// What is read, without memory: the reply has the bytes.
        fetch: Fetch,
        /// What the client calls the change.
        name: ChangeName,
        /// What must hold of the first akey.
        only_if: BytesAre,
        /// The numbers of akeys of the fetch that must have no value.
        without: Vec<u32>,
        /// Where in the bytes of the first akey the identifier of the object stands, its lower half first.
        at: u32,
        /// The object goes as well if this holds; `None` leaves it.
        object_if: Option<BytesAre>,
        /// The object goes only if it is this one.
        only_object: Option<ObjectId>,
    }
    /// The answer to that.
    FetchThenPunchReply {
        /// What was read: before the punch, if there was one. No akeys where that was made earlier, and what was there is no longer known.
        fetched: FetchReply,
        /// The version from which on the dkey is hidden; `None` when nothing was done, since not all was as it must be, or could not be done at
        /// once.
        punched: Option<Epoch>,
        /// Whether what is here of the object is hidden as well.
        with_object: bool,
    }
    /// Reads the same akeys of two dkeys, and moves what the first one holds under the other one, if what was read is as it says, at the same
    /// moment, all or nothing: the renaming of a name in a directory, in one message. What the other dkey held is replaced. Both are at one
    /// target, and maybe of two objects.
    ///
    /// The first akey is an array of bytes, of which one extent from 0 on is read, and moves; all others that the dkey has are single values.
    FetchThenMove {
        /// What is read of the dkey that is moved, and of the other one, without memory: the reply has the bytes.
        fetch: Fetch,
        /// What the client calls the change.
        name: ChangeName,
        /// The object of the other dkey.
        to_object: ObjectId,
        /// The other dkey.
        to_dkey: Key,
        /// What must hold of the first akey of the dkey that is moved.
        only_if: BytesAre,
        /// The object that it must name, if only that one is meant.
        only_named: Option<ObjectId>,
        /// What must hold of the first akeys of both dkeys where the other one names an object; `None` where it must not name one.
        over_if: Option<BytesAre>,
        /// The object that the other dkey must name, if it names one and only that one is meant.
        only_over: Option<ObjectId>,
        /// The numbers of akeys of the fetch that must have no value, at both dkeys.
        without: Vec<u32>,
        /// The numbers of akeys of the fetch that do not move: they are gone afterwards, at both dkeys.
        dropped: Vec<u32>,
        /// Where in the bytes of the first akey the identifier of the object stands, its lower half first.
        at: u32,
        /// What becomes of bytes of the first akey on the way: where they stand, and what they are from then on.
        changed: Vec<(u32, Blob)>,
        /// The object that the other dkey named goes as well if this holds of its first akey; `None` leaves it.
        object_if: Option<BytesAre>,
        /// That object goes only if it is this one.
        only_object: Option<ObjectId>,
    }
    /// The answer to that.
    FetchThenMoveReply {
        /// What was read of the dkey that is moved: before that. No akeys, here and below, where it was moved earlier, and what was there is no
        /// longer known.
        fetched: FetchReply,
        /// What was read of the other one.
        over: FetchReply,
        /// The version from which on it has moved; `None` when nothing was done, since not all was as it must be, or could not be done at once.
        moved: Option<Epoch>,
        /// Whether what is here of the object that the other dkey named is hidden.
        with_object: bool,
    }
}
