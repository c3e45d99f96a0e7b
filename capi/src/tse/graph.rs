//! What is known of tasks and schedulers: which task waits for which, what is ready, what has completed.
//!
//! A task is known by the address of its `tse_task_t`, a scheduler by a number that stands in its `tse_sched_t`; both are
//! looked up, so that a task that is gone is an error and not a crash. One lock protects all of it: tasks depend on
//! tasks of other schedulers, and are rare compared with the work they stand for. Nothing here calls anybody.

use core::ffi::{c_int, c_void};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use daos_status::{Code, Result, fail};

use super::place::{SchedulerPlace, TaskPlace};
use crate::abi::{daos_opc_t, tse_sched_comp_cb_t, tse_task_cb_t, tse_task_func_t};

/// The most references of a task, and the most tasks that one waits for.
pub(crate) const REFERENCES_MAX: u32 = 1 << 24;

/// What is told of a task that does not come to its end by itself.
pub(super) const CANCELED: c_int = -(Code::Canceled as c_int);

/// The number of a scheduler.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SchedulerId(pub(crate) u64);

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Made, or reset: its scheduler does not look at it.
    Created,
    /// Scheduled, and waits for others.
    Blocked,
    /// Can be started.
    Ready,
    /// Waits for its time.
    Sleeping(Duration, u64),
    /// Taken to be started.
    Starting,
    /// Its function was called, or it has none.
    Running,
    /// Its callbacks were called, and those that wait for it do not know yet.
    Completed,
    /// Completed, and kept by its user.
    Settled,
}

/// A function to call before or after a task, with its copy of the data.
pub(crate) struct Callback {
    pub(crate) function: tse_task_cb_t,
    /// In units that make it fit for every type.
    pub(crate) data: Vec<u128>,
}

impl Callback {
    /// What the function is given; NULL when there is no data.
    pub(crate) fn argument(&mut self) -> *mut c_void {
        if self.data.is_empty() { core::ptr::null_mut() } else { self.data.as_mut_ptr().cast() }
    }
}

/// A task.
pub(crate) struct Task {
    pub(crate) scheduler: SchedulerId,
    pub(crate) function: tse_task_func_t,
    /// The call that it is, if it is one.
    pub(crate) call: Option<daos_opc_t>,
    /// The event of that call while it runs.
    pub(crate) event: usize,
    pub(crate) private: usize,
    pub(crate) references: u32,
    pub(crate) stage: Stage,
    pub(crate) dependencies: u32,
    dependents: Vec<TaskPlace>,
    pub(crate) before: VecDeque<Callback>,
    pub(crate) after: Vec<Callback>,
    /// Changes whenever it is to run again or got something more to wait for.
    pub(crate) generation: u64,
    /// Changes whenever it is to run again.
    pub(crate) run: u64,
    pub(crate) takes_errors: bool,
}

impl Task {
    /// Whether it runs, and for the time that has this number.
    pub(crate) fn runs(&self, run: u64) -> bool {
        self.stage == Stage::Running && self.run == run
    }
}

/// A scheduler.
#[derive(Default)]
pub(crate) struct Scheduler {
    pub(crate) place: SchedulerPlace,
    pub(crate) callbacks: Vec<(tse_sched_comp_cb_t, usize)>,
    pub(crate) references: u32,
    /// Its unfinished tasks are being cancelled.
    pub(crate) cancelling: bool,
    /// Somebody waits for its end.
    pub(crate) completing: bool,
    ready: VecDeque<TaskPlace>,
    blocked: BTreeSet<TaskPlace>,
    sleeping: BTreeMap<(Duration, u64), TaskPlace>,
    /// Started and not settled.
    running: BTreeSet<TaskPlace>,
    completed: VecDeque<TaskPlace>,
}

impl Scheduler {
    /// Whether it has nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.blocked.is_empty() && self.sleeping.is_empty() && self.running.is_empty()
    }

    /// Whether something can be done at once.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.completed.is_empty()
    }

    /// When the next task wakes up.
    pub(crate) fn next_time(&self) -> Option<Duration> {
        self.sleeping.keys().next().map(|(time, _)| *time)
    }

    /// Takes a task out of where its stage says that it is.
    fn remove(&mut self, task: TaskPlace, stage: Stage) {
        match stage {
            Stage::Blocked => drop(self.blocked.remove(&task)),
            Stage::Ready => self.ready.retain(|other| *other != task),
            Stage::Sleeping(time, number) => drop(self.sleeping.remove(&(time, number))),
            Stage::Starting | Stage::Running => drop(self.running.remove(&task)),
            Stage::Created | Stage::Completed | Stage::Settled => {}
        }
    }
}

/// All tasks and schedulers.
pub(crate) struct Graph {
    schedulers: BTreeMap<u64, Scheduler>,
    tasks: BTreeMap<TaskPlace, Task>,
    next: u64,
}

static GRAPH: Mutex<Graph> = Mutex::new(Graph { schedulers: BTreeMap::new(), tasks: BTreeMap::new(), next: 1 });

/// The right to change them.
pub(crate) type GraphGuard = MutexGuard<'static, Graph>;

/// Takes the lock of all tasks. No other lock is taken while it is held.
pub(crate) fn graph() -> GraphGuard {
    crate::fork::take(&GRAPH)
}

impl Graph {
    /// A number that was not given out before.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Adds a scheduler, in place of one that was at this place and was never ended.
    pub(crate) fn add_scheduler(&mut self, place: SchedulerPlace) -> SchedulerId {
        self.schedulers.retain(|_, other| other.place != place);
        let id = self.number();
        self.schedulers.insert(id, Scheduler { place, references: 1, ..Scheduler::default() });
        SchedulerId(id)
    }

    /// Forgets a scheduler; what it had is nobody's.
    pub(crate) fn remove_scheduler(&mut self, id: SchedulerId) -> Option<Scheduler> {
        self.schedulers.remove(&id.0)
    }

    /// A scheduler.
    pub(crate) fn scheduler(&mut self, id: SchedulerId) -> Result<&mut Scheduler> {
        match self.schedulers.get_mut(&id.0) {
            Some(scheduler) => Ok(scheduler),
            None => fail!(Code::Inval, "the scheduler was not initialised with tse_sched_init, or has ended"),
        }
    }

    /// A task.
    pub(crate) fn task(&mut self, place: TaskPlace) -> Result<&mut Task> {
        match self.tasks.get_mut(&place) {
            Some(task) => Ok(task),
            None => fail!(Code::Inval, "{:p} is no task: it was not created, or has gone", place.as_ptr()),
        }
    }

    /// How many tasks there are.
    pub(crate) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Adds a task with one reference.
    pub(crate) fn add_task(
        &mut self,
        place: TaskPlace,
        scheduler: SchedulerId,
        function: tse_task_func_t,
        private: usize,
    ) {
        let task = Task {
            scheduler,
            function,
            call: None,
            event: 0,
            private,
            references: 1,
            stage: Stage::Created,
            dependencies: 0,
            dependents: Vec::new(),
            before: VecDeque::new(),
            after: Vec::new(),
            generation: 0,
            run: 0,
            takes_errors: true,
        };
        self.tasks.insert(place, task);
    }

    /// Moves a task to another stage, and to where its scheduler looks for it.
    pub(crate) fn set_stage(&mut self, place: TaskPlace, stage: Stage) {
        let Some(task) = self.tasks.get_mut(&place) else { return };
        let before = core::mem::replace(&mut task.stage, stage);
        let Some(scheduler) = self.schedulers.get_mut(&task.scheduler.0) else { return };
        // A task stays among the running ones until it is settled.
        if stage != Stage::Completed || !matches!(before, Stage::Starting | Stage::Running) {
            scheduler.remove(place, before);
        }
        match stage {
            Stage::Blocked => drop(scheduler.blocked.insert(place)),
            Stage::Ready => scheduler.ready.push_back(place),
            Stage::Sleeping(time, number) => drop(scheduler.sleeping.insert((time, number), place)),
            Stage::Starting | Stage::Running => drop(scheduler.running.insert(place)),
            Stage::Completed => {
                scheduler.running.insert(place);
                scheduler.completed.push_back(place);
            }
            Stage::Settled => drop(scheduler.running.remove(&place)),
            Stage::Created => {}
        }
    }

    /// The stage of a scheduled task that does not run.
    pub(crate) fn waiting_stage(task: &Task) -> Stage {
        if task.dependencies == 0 { Stage::Ready } else { Stage::Blocked }
    }

    /// Takes what can be started now.
    pub(crate) fn take_ready(&mut self, id: SchedulerId, now: Duration) -> Vec<TaskPlace> {
        let Some(scheduler) = self.schedulers.get_mut(&id.0) else { return Vec::new() };
        let cancelling = scheduler.cancelling;
        let later = scheduler.sleeping.split_off(&(now, u64::MAX));
        let awake: Vec<_> = if cancelling {
            scheduler.sleeping.values().chain(later.values()).copied().collect()
        } else {
            scheduler.sleeping.values().copied().collect()
        };
        scheduler.sleeping.extend(later);
        for place in awake {
            let stage = self.tasks.get(&place).map_or(Stage::Ready, Graph::waiting_stage);
            self.set_stage(place, stage);
        }
        let Some(scheduler) = self.schedulers.get_mut(&id.0) else { return Vec::new() };
        let mut taken: Vec<_> = scheduler.ready.iter().copied().collect();
        if cancelling {
            taken.extend(scheduler.blocked.iter().copied());
        }
        scheduler.ready.clear();
        for place in &taken {
            self.set_stage(*place, Stage::Starting);
        }
        taken
    }

    /// What runs in a scheduler.
    pub(crate) fn running(&self, id: SchedulerId) -> Vec<TaskPlace> {
        self.schedulers.get(&id.0).map_or_else(Vec::new, |scheduler| scheduler.running.iter().copied().collect())
    }

    /// Takes a completed task; what waits for it is released next.
    pub(crate) fn take_completed(&mut self, id: SchedulerId) -> Option<TaskPlace> {
        self.schedulers.get_mut(&id.0)?.completed.pop_front()
    }

    /// Makes a task wait for another.
    pub(crate) fn depend(&mut self, place: TaskPlace, on: TaskPlace) -> Result<()> {
        if place == on {
            fail!(Code::Inval, "a task cannot wait for itself");
        }
        let is_over = matches!(self.task(on)?.stage, Stage::Completed | Stage::Settled);
        let task = self.task(place)?;
        if matches!(task.stage, Stage::Completed | Stage::Settled) {
            fail!(Code::NoPerm, "a task that has completed cannot wait for others");
        }
        if is_over {
            return Ok(());
        }
        if task.references >= REFERENCES_MAX {
            fail!(Code::Nomem, "a task waits for at most {REFERENCES_MAX} others");
        }
        task.references += 1;
        task.dependencies += 1;
        task.generation += 1;
        let is_ready = task.stage == Stage::Ready;
        self.task(on)?.dependents.push(place);
        if is_ready {
            self.set_stage(place, Stage::Blocked);
        }
        Ok(())
    }

    /// Releases what waits for a task and hands its result on. Those that run and wait for nothing more are over: their
    /// caller completes them, and gives a reference on each back afterwards.
    pub(crate) fn release_dependents(&mut self, place: TaskPlace, result: c_int) -> Vec<TaskPlace> {
        let mut over = Vec::new();
        // Tasks that are gone with the last one that they waited for release others in turn: a list and not a recursion, since
        // a chain of them may be longer than a stack is deep.
        let mut ended = vec![(place, result)];
        while let Some((place, result)) = ended.pop() {
            for dependent in
                self.tasks.get_mut(&place).map_or_else(Vec::new, |task| core::mem::take(&mut task.dependents))
            {
                let Some(task) = self.tasks.get_mut(&dependent) else { continue };
                if task.takes_errors {
                    dependent.fail_with(result);
                }
                task.dependencies = task.dependencies.saturating_sub(1);
                let (is_free, stage) = (task.dependencies == 0, task.stage);
                if is_free && stage == Stage::Blocked {
                    self.set_stage(dependent, Stage::Ready);
                }
                if is_free && stage == Stage::Running {
                    over.push(dependent);
                } else if self.is_last(dependent) {
                    ended.push((dependent, CANCELED));
                }
            }
            self.forget(place);
        }
        over
    }

    /// Gives a reference back; true when it was the last one, so that the task is to go.
    fn is_last(&mut self, place: TaskPlace) -> bool {
        let Some(task) = self.tasks.get_mut(&place) else { return false };
        task.references = task.references.saturating_sub(1);
        if task.references == 0 && !matches!(task.stage, Stage::Created | Stage::Settled) {
            // Somebody gave back what was not theirs: the scheduler's reference lasts until the task is settled.
            task.references = 1;
        }
        task.references == 0
    }

    /// Frees a task without references.
    fn forget(&mut self, place: TaskPlace) {
        if self.tasks.get(&place).is_some_and(|task| task.references == 0) {
            self.tasks.remove(&place);
            place.free();
        }
    }

    /// Gives a reference back; a task without any is gone, and what waits for it learns that it was cancelled. The result is
    /// as of [`Graph::release_dependents`].
    pub(crate) fn give_back(&mut self, place: TaskPlace) -> Vec<TaskPlace> {
        if self.is_last(place) { self.release_dependents(place, CANCELED) } else { Vec::new() }
    }
}
