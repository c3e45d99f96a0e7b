//! The greatest and least keys and extents of an object.

use crate::Store;
use crate::ends::PASSED_MIN;
use crate::key_order::{KeyProbe, order_of};
use crate::level::{Children, Level, ValueKind};
use crate::pieces::{Pieces, PiecesBackward};
use crate::query::{End, KeyChoice, QueryReply, QueryRequest};
use crate::tree::{Cursor, Tree};
use crate::visibility::{Depth, Look, Window, span};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{Extent, Key, KeyKind};

/// Dkeys looked at before other tasks run again.
const ENTRIES_PER_SLICE: usize = 512;

/// How far a query has come.
enum Step {
    Found(QueryReply),
    Nothing,
    /// Everything up to this dkey holds nothing.
    Beyond(Vec<u8>),
    /// It goes on where it is.
    Unfinished,
}

/// What is found under a dkey.
struct Hit {
    akey: Option<Key>,
    extent: Option<Extent>,
    record_size: u64,
}

/// What became of a look below a dkey.
enum Below {
    Hit(Hit),
    Nothing,
    /// So many entries were looked at; it goes on in the next slice.
    Unfinished,
}

/// Where a query stands below the dkey that it is at.
#[derive(Default)]
struct Inside {
    dkey: Option<Vec<u8>>,
    /// The akey that was passed last.
    passed: Option<Vec<u8>>,
    /// The akey in whose extents it stands, and the record up to which there is nothing.
    extents: Option<(Vec<u8>, u64)>,
    look: Look,
}

impl Inside {
    /// Goes to a dkey; what is known about another one is forgotten.
    fn enter(&mut self, arena: &Arena, dkey: &Level) -> Result<()> {
        if let Some(known) = &self.dkey
            && !dkey.has_key(arena, known)?
        {
            self.leave();
        }
        Ok(())
    }

    fn leave(&mut self) {
        (self.dkey, self.passed, self.extents) = (None, None, None);
        self.look.restart();
    }
}

/// Checks what can be checked without looking at the store.
fn check(request: &QueryRequest) -> Result<()> {
    let kind = request.object.object_type();
    let asks = |choice: Option<&KeyChoice>, kind: KeyKind| choice == Some(&KeyChoice::Ask) && kind == KeyKind::Hashed;
    if asks(Some(&request.dkey), kind.dkey_kind()) || asks(request.akey.as_ref(), kind.akey_kind()) {
        fail!(Code::Inval, "object {} has hashed keys: there is no greatest or least one", request.object);
    }
    if request.extent && request.akey.is_none() {
        fail!(Code::Inval, "the greatest or least extent is one of an akey: ask for an akey too, or give one");
    }
    Ok(())
}

impl Store {
    pub(crate) async fn find_extreme(&self, request: &QueryRequest) -> Result<QueryReply> {
        check(request)?;
        let mut from = match request.dkey {
            KeyChoice::Ask => self.ends.find(request).map_or(Beginning::End, Beginning::Known),
            KeyChoice::Given(_) => Beginning::End,
        };
        let (before, mut passed) = (self.recent.of_object(request.container, request.object), 0);
        let mut inside = Inside::default();
        loop {
            match self.query_slice(request, &from, &mut inside, &mut passed)? {
                Step::Found(reply) => {
                    // What has changed between two slices may lie beyond the answer.
                    if passed >= PASSED_MIN && before == self.recent.of_object(request.container, request.object) {
                        self.keep_end(request, &reply.dkey)?;
                    }
                    return Ok(reply);
                }
                Step::Beyond(key) => from = Beginning::Beyond(key),
                Step::Unfinished => {}
                Step::Nothing => fail!(Code::Nonexist, "object {} has nothing of what was asked for", request.object),
            }
            yield_now().await;
        }
    }

    fn keep_end(&self, request: &QueryRequest, dkey: &Key) -> Result<()> {
        let arena = self.durable.arena();
        let Some((object, _)) = self.object(arena, request.container, request.object, request.epoch)? else {
            return Ok(());
        };
        let order = order_of(request.object.object_type().dkey_kind(), dkey)?;
        self.ends.keep(request, (order, dkey.to_vec()), span(arena, &object, Depth::Object)?.touched);
        Ok(())
    }

    fn query_slice(
        &self,
        request: &QueryRequest,
        from: &Beginning,
        inside: &mut Inside,
        passed: &mut usize,
    ) -> Result<Step> {
        let arena = self.durable.arena();
        let kind = request.object.object_type().dkey_kind();
        let Some((object, window)) = self.object(arena, request.container, request.object, request.epoch)? else {
            return Ok(Step::Nothing);
        };
        let mut budget = ENTRIES_PER_SLICE;
        if let KeyChoice::Given(key) = &request.dkey {
            let Some(dkey) = object.find_child(arena, &KeyProbe::new(kind, key)?)? else { return Ok(Step::Nothing) };
            return Ok(match look_below(arena, request, &dkey, window, inside, &mut budget)? {
                Below::Hit(hit) => Step::Found(reply(key.clone(), hit)),
                Below::Nothing => Step::Nothing,
                Below::Unfinished => Step::Unfinished,
            });
        }
        let mut walk = EndWalk::new(arena, &object, request.end, kind, from)?;
        while budget > 0 {
            let Some(dkey) = walk.next(arena)? else { return Ok(Step::Nothing) };
            budget -= 1;
            inside.enter(arena, &dkey)?;
            inside.look.note_looks(arena, 1)?;
            match look_below(arena, request, &dkey, window, inside, &mut budget)? {
                Below::Hit(hit) => return Ok(Step::Found(reply(Key::new(&dkey.key(arena)?)?, hit))),
                Below::Nothing => inside.leave(),
                Below::Unfinished => {
                    inside.dkey = Some(dkey.key(arena)?);
                    break;
                }
            }
            walk.last = Some(dkey);
            *passed += 1;
        }
        match walk.last {
            Some(dkey) => Ok(Step::Beyond(dkey.key(arena)?)),
            None => Ok(Step::Unfinished),
        }
    }
}

fn reply(dkey: Key, hit: Hit) -> QueryReply {
    QueryReply { dkey, akey: hit.akey, extent: hit.extent, record_size: hit.record_size }
}

/// What is asked for below a dkey. The window is the one above it.
fn look_below(
    arena: &Arena,
    request: &QueryRequest,
    dkey: &Level,
    window: Window,
    inside: &mut Inside,
    budget: &mut usize,
) -> Result<Below> {
    let kind = request.object.object_type().akey_kind();
    match &request.akey {
        None => Ok(match inside.look.is_visible(arena, dkey, Depth::Dkey, window, budget)? {
            Some(true) => Below::Hit(Hit { akey: None, extent: None, record_size: 0 }),
            Some(false) => Below::Nothing,
            None => Below::Unfinished,
        }),
        Some(KeyChoice::Given(key)) => {
            let window = window.below(arena, dkey)?;
            match dkey.find_child(arena, &KeyProbe::new(kind, key)?)? {
                Some(akey) => look_at_akey(arena, request, &akey, window, inside, budget),
                None => Ok(Below::Nothing),
            }
        }
        Some(KeyChoice::Ask) => {
            let window = window.below(arena, dkey)?;
            let from = inside.passed.take().map_or(Beginning::End, Beginning::Beyond);
            let mut walk = EndWalk::new(arena, dkey, request.end, kind, &from)?;
            while let Some(akey) = walk.next(arena)? {
                let below = match *budget {
                    0 => Below::Unfinished,
                    _ => {
                        *budget -= 1;
                        inside.look.note_looks(arena, 1)?;
                        look_at_akey(arena, request, &akey, window, inside, budget)?
                    }
                };
                match below {
                    Below::Nothing => walk.last = Some(akey),
                    Below::Hit(_) => return Ok(below),
                    Below::Unfinished => {
                        inside.passed = match (walk.last, from) {
                            (Some(last), _) => Some(last.key(arena)?),
                            (None, Beginning::Beyond(key)) => Some(key),
                            (None, _) => None,
                        };
                        return Ok(Below::Unfinished);
                    }
                }
            }
            Ok(Below::Nothing)
        }
    }
}

fn look_at_akey(
    arena: &Arena,
    request: &QueryRequest,
    akey: &Level,
    window: Window,
    inside: &mut Inside,
    budget: &mut usize,
) -> Result<Below> {
    let is_array = akey.value_kind()? == ValueKind::Array;
    let record_size = if is_array { u64::from(akey.record_size()) } else { 0 };
    let extent = match (request.extent, is_array) {
        (false, _) => match inside.look.is_visible(arena, akey, Depth::Akey, window, budget)? {
            Some(true) => None,
            Some(false) => return Ok(Below::Nothing),
            None => return Ok(Below::Unfinished),
        },
        (true, false) => return Ok(Below::Nothing),
        (true, true) => {
            let known = inside.extents.take().filter(|(key, _)| akey.has_key(arena, key).unwrap_or(false));
            let mut place = known.map(|(_, place)| place);
            match extreme_extent(arena, akey, window.below(arena, akey)?, request.end, &mut place, budget)? {
                ExtremeExtent::Found(extent) => Some(extent),
                ExtremeExtent::Nothing => return Ok(Below::Nothing),
                ExtremeExtent::Unfinished => {
                    if let Some(place) = place {
                        inside.extents = Some((akey.key(arena)?, place));
                    }
                    return Ok(Below::Unfinished);
                }
            }
        }
    };
    Ok(Below::Hit(Hit { akey: Some(Key::new(&akey.key(arena)?)?), extent, record_size }))
}

/// The first or last visible piece with data; up to `place`, seen from the end, there is none.
fn extreme_extent(
    arena: &Arena,
    akey: &Level,
    window: Window,
    end: End,
    place: &mut Option<u64>,
    budget: &mut usize,
) -> Result<ExtremeExtent> {
    if span(arena, akey, Depth::Akey)?.newest < window.from {
        return Ok(ExtremeExtent::Nothing);
    }
    if end == End::Max {
        let mut pieces = PiecesBackward::new(arena, akey, window, place.unwrap_or(u64::MAX));
        return Ok(match pieces.next_with_data(budget)? {
            Some(Some(piece)) => ExtremeExtent::Found(piece.extent),
            Some(None) => ExtremeExtent::Nothing,
            None => {
                *place = Some(pieces.end());
                ExtremeExtent::Unfinished
            }
        });
    }
    let Some(range) = Extent::from_bounds(place.unwrap_or(0), u64::MAX) else { return Ok(ExtremeExtent::Nothing) };
    let mut pieces = Pieces::new(arena, akey, window, range)?;
    while let Some(piece) = pieces.next()? {
        if !piece.record.is_punch() {
            return Ok(ExtremeExtent::Found(piece.extent));
        }
        *place = Some(piece.extent.end());
        *budget = budget.saturating_sub(1);
        if *budget == 0 {
            return Ok(ExtremeExtent::Unfinished);
        }
    }
    Ok(ExtremeExtent::Nothing)
}

/// What became of a look for the first or last extent.
enum ExtremeExtent {
    Found(Extent),
    Nothing,
    Unfinished,
}

/// The children of a level from one of its ends on.
struct EndWalk {
    end: End,
    state: WalkState,
    last: Option<Level>,
}

enum WalkState {
    Done,
    Only(u32),
    At(Box<Cursor>),
}

impl WalkState {
    fn at(cursor: Option<Cursor>) -> WalkState {
        cursor.map_or(WalkState::Done, |cursor| WalkState::At(Box::new(cursor)))
    }
}

/// Where a walk begins.
enum Beginning {
    /// At the end.
    End,
    /// At a key beyond which nothing is found.
    Known(Vec<u8>),
    /// Behind a key, seen from the end.
    Beyond(Vec<u8>),
}

impl EndWalk {
    fn new(arena: &Arena, level: &Level, end: End, kind: KeyKind, from: &Beginning) -> Result<EndWalk> {
        let state = match (level.children()?, from) {
            (Children::None, _) | (Children::Direct(_), Beginning::Beyond(_)) => WalkState::Done,
            (Children::Direct(link), _) => WalkState::Only(link),
            (Children::Tree(tree), Beginning::End) if end == End::Min => WalkState::at(tree.first(arena)?),
            (Children::Tree(tree), Beginning::End) => WalkState::at(tree.last(arena)?),
            (Children::Tree(tree), Beginning::Known(key)) => {
                let probe = KeyProbe { order: order_of(kind, key)?, bytes: key };
                match end {
                    End::Min => WalkState::at(tree.seek(arena, &probe, false)?),
                    End::Max => WalkState::at(tree.seek_last(arena, &probe)?),
                }
            }
            (Children::Tree(tree), Beginning::Beyond(key)) => WalkState::at(seek_beyond(arena, &tree, end, kind, key)?),
        };
        Ok(EndWalk { end, state, last: None })
    }

    fn next(&mut self, arena: &Arena) -> Result<Option<Level>> {
        let (link, more) = match &mut self.state {
            WalkState::Done => return Ok(None),
            WalkState::Only(link) => (*link, false),
            WalkState::At(cursor) => {
                let link = cursor.entry(arena)?.link;
                (link, if self.end == End::Min { cursor.next(arena)? } else { cursor.previous(arena)? })
            }
        };
        if !more {
            self.state = WalkState::Done;
        }
        Ok(Some(Level::load(arena, link)?))
    }
}

/// The entry after a key, seen from the end where the walk began.
fn seek_beyond(arena: &Arena, tree: &Tree, end: End, kind: KeyKind, key: &[u8]) -> Result<Option<Cursor>> {
    let probe = KeyProbe { order: order_of(kind, key)?, bytes: key };
    if end == End::Min {
        return tree.seek(arena, &probe, true);
    }
    let Some(mut cursor) = tree.seek_last(arena, &probe)? else { return Ok(None) };
    let entry = cursor.entry(arena)?;
    let is_key = entry.order == probe.order && Level::load(arena, entry.link)?.compare_key(arena, key)?.is_eq();
    if is_key && !cursor.previous(arena)? {
        return Ok(None);
    }
    Ok(Some(cursor))
}
