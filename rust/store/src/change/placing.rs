//! Large values of an update: they are written to the data device before its transaction.

use crate::aggregate::Patience;
use crate::checksums::Checksums;
use crate::stored::INLINE_MAX;
use crate::value_space::Placed;
use crate::{Data, Store, UpdateRequest, UpdateValue};
use daos_status::{Code, Result};

/// A value that was written to the data device before its transaction, and which one of the request it is.
pub(crate) struct PlacedValue {
    pub(super) akey: usize,
    pub(super) piece: usize,
    pub(super) placed: Placed,
}

impl PlacedValue {
    pub(crate) fn new(akey: usize, piece: usize, placed: Placed) -> PlacedValue {
        PlacedValue { akey, piece, placed }
    }

    /// Whether it is a piece of an akey of the request.
    pub(crate) fn is_at(&self, akey: usize, piece: usize) -> bool {
        (self.akey, self.piece) == (akey, piece)
    }

    pub(crate) fn placed(&self) -> &Placed {
        &self.placed
    }

    /// The transaction was committed.
    pub(crate) fn keep(self) {
        self.placed.keep();
    }
}

/// Values so small that they lie beside their record.
fn is_inline(data: &Data) -> bool {
    data.len() < INLINE_MAX
}

/// Whether an update has values for the data device.
pub(crate) fn has_large_values(request: &UpdateRequest) -> bool {
    request.akeys.iter().any(|update| match &update.value {
        UpdateValue::Single(data) => !is_inline(data),
        UpdateValue::Array { pieces, .. } => pieces.iter().any(|(_, data)| !is_inline(data)),
        UpdateValue::PunchExtents(_) => false,
    })
}

/// Writes the large values of an update to the data device; their bytes are taken out of the request.
pub(crate) async fn place_values(
    store: &Store,
    request: &mut UpdateRequest,
    checksums: Checksums,
    patience: &mut Patience,
) -> Result<Vec<PlacedValue>> {
    let mut values = Vec::new();
    for (akey, update) in request.akeys.iter_mut().enumerate() {
        match &mut update.value {
            UpdateValue::Single(data) if !is_inline(data) => {
                values.push(PlacedValue { akey, piece: 0, placed: place(store, data, checksums, patience).await? });
            }
            UpdateValue::Array { pieces, .. } => {
                for (piece, (_, data)) in pieces.iter_mut().enumerate() {
                    if !is_inline(data) {
                        values.push(PlacedValue {
                            akey,
                            piece,
                            placed: place(store, data, checksums, patience).await?,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(values)
}

async fn place(store: &Store, data: &mut Data, checksums: Checksums, patience: &mut Patience) -> Result<Placed> {
    if let Some(placed) = store.values.place_now(data, checksums)? {
        *data = Data::Bytes(Vec::new());
        return Ok(placed);
    }
    let mut placed = loop {
        match store.values.reserve(data.len()).await {
            Err(status) if status.code() == Code::Nospace && store.wait_for_space(patience).await => {}
            other => break other?,
        }
    };
    let data = std::mem::replace(data, Data::Bytes(Vec::new()));
    store.values.fill(&mut placed, data, checksums).await?;
    Ok(placed)
}
