//! What goes wrong.

use super::disk::Write;
use super::world::{Event, MILLISECOND, World};
use daos_wire::replicated::{Membership, ReplicaId};
use std::collections::BTreeSet;

impl World {
    /// One fault, or the end of one.
    pub fn fault(&mut self) -> Result<(), String> {
        if self.is_healed {
            return Ok(());
        }
        let after = MILLISECOND * (5 + self.below(self.weather.fault_interval));
        self.schedule(after, Event::Fault);
        // Whoever leads is hit most: that is where things go wrong.
        let anybody = self.below(self.nodes.len() as u64) as usize;
        let leading = self.nodes.iter().position(|node| node.core.as_ref().is_some_and(|core| core.is_leader()));
        let index = leading.filter(|_| self.chance(400)).unwrap_or(anybody);
        match self.below(14) {
            0 | 1 => self.crash(index)?,
            2 | 3 => self.restart(index)?,
            4 => self.cut_some_links(),
            5 => self.cut_in_two(),
            6 | 7 => self.cut.clear(),
            8 => self.nodes[index].refuses_until = self.now + MILLISECOND * self.below(800),
            9 => self.nodes[index].is_broken = self.chance(300),
            10 | 11 => self.change_members(),
            12 => self.cut_off_after_sending(index),
            _ => self.hand_over(index),
        }
        Ok(())
    }

    pub fn crash(&mut self, index: usize) -> Result<(), String> {
        if self.nodes[index].core.take().is_none() {
            return Ok(());
        }
        self.crashes += 1;
        // A change that was under way is there or not.
        let is_there = self.chance(500);
        let node = &mut self.nodes[index];
        if let Some(write) = node.writing.take()
            && is_there
            && !node.is_broken
        {
            node.disk.write(&write);
            if let Write::Change(change) = &write {
                // An only voter commits by storing, also when it did not live to hear of it.
                change.apply.iter().try_for_each(|entry| self.checks.committed(entry))?;
            }
        }
        self.clients.deposed(index);
        if self.chance(60) && !self.is_healed && self.can_die(index) {
            self.nodes[index].is_dead = true;
        }
        Ok(())
    }

    /// Whether a group survives the end of one of its replicas, whatever it is changing.
    fn can_die(&self, index: usize) -> bool {
        let memberships: Vec<&Membership> =
            self.nodes.iter().filter_map(|node| node.core.as_ref()).map(|core| core.membership()).collect();
        let stored = self.nodes.iter().map(|node| &node.disk.state.base.membership);
        let enough = |membership: &Membership| membership.members.iter().filter(|member| member.voter).count() >= 3;
        let is_changing = |node: &super::node::Node| node.core.as_ref().is_some_and(|core| core.is_changing_members());
        let wants = !self.nodes.iter().any(is_changing);
        let is_first = !self.nodes.iter().any(|node| node.is_dead);
        let known = memberships.into_iter().chain(stored).filter(|m| !m.members.is_empty());
        // The log of one that is down may say something else.
        let all_up = self.nodes.iter().enumerate().all(|(other, node)| other == index || node.core.is_some());
        is_first
            && wants
            && all_up
            && known.clone().count() > 0
            && known.clone().all(enough)
            && self.nodes.len() > index
    }

    pub fn restart(&mut self, index: usize) -> Result<(), String> {
        if self.nodes[index].core.is_none() && !self.nodes[index].is_dead {
            self.start_node(index);
            self.advance(index)?;
        }
        Ok(())
    }

    fn ids(&self) -> Vec<ReplicaId> {
        self.nodes.iter().map(|node| node.id).collect()
    }

    /// Some links, in one direction each.
    fn cut_some_links(&mut self) {
        for from in self.ids() {
            for to in self.ids() {
                if self.chance(250) {
                    self.cut.insert((from, to));
                }
            }
        }
    }

    /// A replica that can be heard by one other, and hears nobody.
    fn cut_off_after_sending(&mut self, index: usize) {
        let (id, heard_by) = (self.nodes[index].id, self.below(self.nodes.len() as u64) as usize);
        let heard_by = self.nodes[heard_by].id;
        for other in self.ids() {
            self.cut.insert((other, id));
            if other != heard_by {
                self.cut.insert((id, other));
            }
        }
    }

    fn cut_in_two(&mut self) {
        let sides: BTreeSet<ReplicaId> = self.ids().into_iter().filter(|_| self.chance(500)).collect();
        for from in self.ids() {
            for to in self.ids() {
                if sides.contains(&from) != sides.contains(&to) {
                    self.cut.insert((from, to));
                }
            }
        }
    }

    /// Asks for other members.
    fn change_members(&mut self) {
        let Some(index) = self.leader() else { return };
        let count = [1, 2, 3, 3, 3, 5][self.below(6) as usize];
        let alive: Vec<u64> = self.nodes.iter().filter(|node| !node.is_dead).map(|node| node.id.0).collect();
        let mut ids: BTreeSet<u64> = BTreeSet::new();
        while ids.len() < count.min(alive.len()) {
            ids.insert(alive[self.below(alive.len() as u64) as usize]);
        }
        if self.nodes.iter().any(|node| node.is_dead) && ids.len() < 3 {
            return;
        }
        if let Some(core) = &mut self.nodes[index].core {
            let _when_it_leads = core.want_members(World::members(ids));
        }
    }

    fn hand_over(&mut self, to: usize) {
        let Some(index) = self.leader() else { return };
        let to = self.nodes[to].id;
        if let Some(core) = &mut self.nodes[index].core {
            let _when_it_can = core.transfer(Some(to));
        }
    }
}
