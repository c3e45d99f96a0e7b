//! Updates: values come in the request, or are pulled from the client's memory.

use crate::body::Body;
use crate::check;
use crate::pieces::{Unit, array_pieces, plan_units};
use crate::remote_memory::RemoteMemory;
use crate::service::ObjectService;
use daos_env::sync::join_all;
use daos_rpc::Request;
use daos_status::{Code, Result, fail};
use daos_store::{AkeyUpdate, Conditions, Data, Few, UpdateRequest, UpdateValue};
use daos_types::{Epoch, Extent};
use daos_wire::{self as wire, INLINE_BYTES_MAX, Payload, Update, UpdateKind, encode};
use std::ops::Range;
use std::rc::Rc;

/// Transfers of one request at a time: enough to keep a fabric busy, few enough to leave it to others as well.
const TRANSFERS_AT_ONCE: usize = 8;

/// What one akey takes of the payload.
pub(crate) enum Shape {
    Single,
    Array(u64, Vec<Extent>),
    Punch(Vec<Extent>),
}

impl ObjectService {
    pub(crate) async fn update(&self, body: Body<'_>, request: &Request) -> Result<Vec<u8>> {
        let (update, values) = Update::decode_apart(&body)?;
        let (object, container) = (update.address.object, update.address.container);
        let result = self.update_checked(update, body, values, request).await;
        result
            .map(|epoch| encode(&epoch))
            .map_err(|status| status.while_doing(format_args!("update of object {object} in container {container}")))
    }

    /// `values` is where the body has those of an inline payload.
    async fn update_checked(
        &self,
        update: Update,
        body: Body<'_>,
        values: Range<usize>,
        request: &Request,
    ) -> Result<Epoch> {
        let total = check_akeys(&update.akeys)?;
        check_payload(&update.payload, values.len() as u64, total)?;
        check::key_kinds(update.address.object, Some(&update.dkey), update.akeys.iter().map(|akey| &akey.akey))?;
        let conditions = check::conditions(update.conditions)?;
        self.grants.check(&update.address, true).await?;
        let store = self.context.store(update.address.pool)?;
        let mut lengths = Vec::new();
        let shapes = shapes_of(&update.akeys, &mut lengths);
        let (data, _permit) = match update.payload {
            Payload::Inline(_) => (cut(body, values, &lengths), None),
            Payload::Memory(descriptors) => {
                let memory = RemoteMemory::parse(&descriptors)?;
                let permit = self.take_bulk(total).await?;
                (Box::pin(pull(&memory, &lengths, request)).await?, Some(permit))
            }
        };
        let akeys = filled(update.akeys, shapes, &mut data.into_iter())?;
        // Read only now: waiting for the data must not make the version older than what others wrote meanwhile.
        let epoch = self.epoch_of_change(&update.address, request).await?;
        let (container, object) = (update.address.container, update.address.object);
        let made = UpdateRequest { container, object, epoch, dkey: update.dkey, conditions, akeys };
        store.update_once(made, check::name(update.name)).await
    }
}

/// What akeys take of a payload; the lengths of their pieces are added to those of the payload.
pub(crate) fn shapes_of(akeys: &[wire::AkeyUpdate], lengths: &mut Vec<u64>) -> Vec<Shape> {
    let mut shapes = Vec::with_capacity(akeys.len());
    for akey in akeys {
        match &akey.value {
            UpdateKind::Single(length) => {
                lengths.push(*length);
                shapes.push(Shape::Single);
            }
            UpdateKind::Array(array) => {
                let pieces = array_pieces(array.record_size, &array.extents);
                lengths.extend(pieces.iter().map(|piece| piece.count() * array.record_size));
                shapes.push(Shape::Array(array.record_size, pieces));
            }
            UpdateKind::PunchExtents(extents) => shapes.push(Shape::Punch(extents.clone())),
        }
    }
    shapes
}

/// The akeys with their values.
pub(crate) fn filled(
    updates: Vec<wire::AkeyUpdate>,
    shapes: Vec<Shape>,
    data: &mut impl Iterator<Item = Data>,
) -> Result<Few<AkeyUpdate>> {
    let mut akeys = Few::new();
    for (akey, shape) in updates.into_iter().zip(shapes) {
        let value = match shape {
            Shape::Single => UpdateValue::Single(next(data)?),
            Shape::Punch(extents) => UpdateValue::PunchExtents(extents),
            Shape::Array(record_size, extents) => {
                let pieces = extents.into_iter().map(|extent| Ok((extent, next(data)?)));
                UpdateValue::Array { record_size, pieces: pieces.collect::<Result<_>>()? }
            }
        };
        akeys.push(AkeyUpdate { akey: akey.akey, value, conditions: Conditions(akey.conditions) });
    }
    Ok(akeys)
}

/// Checks counts and sizes, and gives how many bytes of values the akeys take.
pub(crate) fn check_akeys(akeys: &[wire::AkeyUpdate]) -> Result<u64> {
    check::key_count(akeys.len())?;
    check::extent_counts(akeys.iter().filter_map(|akey| match &akey.value {
        UpdateKind::Single(_) => None,
        UpdateKind::Array(array) => Some(array.extents.len()),
        UpdateKind::PunchExtents(extents) => Some(extents.len()),
    }))?;
    for akey in akeys {
        check::conditions(akey.conditions)?;
        if let UpdateKind::Array(array) = &akey.value
            && array.record_size == 0
        {
            fail!(Code::Inval, "an array cannot have records of 0 bytes");
        }
    }
    check::total_bytes(akeys.iter().map(|akey| match &akey.value {
        UpdateKind::Single(length) => Some(*length),
        UpdateKind::Array(array) => check::extent_bytes(array.record_size, &array.extents),
        UpdateKind::PunchExtents(_) => Some(0),
    }))
}

/// Compares the length of a payload with what its values take; `inline` is that of an inline one.
pub(crate) fn check_payload(payload: &Payload, inline: u64, needed: u64) -> Result<()> {
    let given = match payload {
        Payload::Inline(_) if inline > INLINE_BYTES_MAX => {
            fail!(Code::Inval, "{inline} bytes of values came in the request, {INLINE_BYTES_MAX} may")
        }
        Payload::Inline(_) => inline,
        Payload::Memory(descriptors) => RemoteMemory::parse(descriptors)?.length(),
    };
    if given != needed {
        fail!(Code::IoInval, "the akeys take {needed} bytes of values, and {given} came");
    }
    Ok(())
}

/// The values of a payload that came with the request: one is not copied.
pub(crate) fn cut(body: Body<'_>, values: Range<usize>, lengths: &[u64]) -> Vec<Data> {
    if let [_] = lengths {
        return vec![body.into_value(values)];
    }
    let (bytes, mut position) = (&body[values], 0);
    let part = |length: &u64| {
        let start = position;
        position += *length as usize;
        Data::copy_of(&bytes[start..position])
    };
    lengths.iter().map(part).collect()
}

/// The values of a payload in the client's memory.
pub(crate) async fn pull(memory: &RemoteMemory, lengths: &[u64], request: &Request) -> Result<Vec<Data>> {
    let units = plan_units(lengths);
    let mut data = Vec::with_capacity(lengths.len());
    for some in units.chunks(TRANSFERS_AT_ONCE) {
        let pulls = some.iter().map(|unit| memory.pull(request, unit.offset, unit.length));
        for (unit, buffer) in some.iter().zip(join_all(pulls).await) {
            let buffer = buffer?;
            let Unit { offset, ref pieces, .. } = *unit;
            if let [_] = lengths[pieces.clone()] {
                data.push(Data::Buffer(buffer));
                continue;
            }
            let buffer = Rc::new(buffer);
            let mut position = 0;
            for length in &lengths[pieces.clone()] {
                let start = position;
                position += *length as usize;
                data.push(Data::Part { buffer: buffer.clone(), range: start..position });
            }
            debug_assert_eq!(position, unit.length, "the unit at {offset} is filled");
        }
    }
    Ok(data)
}

fn next(data: &mut impl Iterator<Item = Data>) -> Result<Data> {
    match data.next() {
        Some(data) => Ok(data),
        None => fail!(Code::Misc, "fewer values than akeys ask for"),
    }
}
