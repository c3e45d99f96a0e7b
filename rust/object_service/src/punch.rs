//! Punches.

use crate::check;
use crate::service::ObjectService;
use daos_rpc::Request;
use daos_status::Result;
use daos_store::{PunchRequest, PunchTarget};
use daos_types::Epoch;
use daos_wire::{Punch, PunchKind, decode, encode};

impl ObjectService {
    pub(crate) async fn punch(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let punch: Punch = decode(body)?;
        let (object, container) = (punch.address.object, punch.address.container);
        let result = self.punch_checked(punch, request).await;
        result
            .map(|epoch| encode(&epoch))
            .map_err(|status| status.while_doing(format_args!("punch of object {object} in container {container}")))
    }

    async fn punch_checked(&self, punch: Punch, request: &Request) -> Result<Epoch> {
        let (container, object) = (punch.address.container, punch.address.object);
        let what = match punch.what {
            PunchKind::Object => PunchTarget::Object,
            PunchKind::Dkeys(dkeys) => {
                check::key_count(dkeys.len())?;
                dkeys.iter().try_for_each(|dkey| check::key_kinds(object, Some(dkey), std::iter::empty()))?;
                PunchTarget::Dkeys(dkeys)
            }
            PunchKind::Akeys((dkey, akeys)) => {
                check::key_count(akeys.len())?;
                check::key_kinds(object, Some(&dkey), akeys.iter())?;
                PunchTarget::Akeys { dkey, akeys }
            }
        };
        let conditions = check::conditions(punch.conditions)?;
        self.grants.check(&punch.address, true).await?;
        let store = self.context.store(punch.address.pool)?;
        let epoch = self.epoch_of_change(&punch.address, request).await?;
        store.punch_once(PunchRequest { container, object, epoch, what, conditions }, check::name(punch.name)).await
    }
}
