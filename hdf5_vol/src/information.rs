//! What a program says about files besides their names: the information of a connector, which a list of file access has, and which follows the
//! connector's name in `HDF5_VOL_CONNECTOR`.
//!
//! ```text
//! HDF5_VOL_CONNECTOR="daos pool=tank;container=home;class=SX"
//! ```
//! HDF5 holds it as a pointer, and copies, compares and frees it by the functions here.

use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::hdf5::class::InformationClass;
use crate::hdf5::{DEFAULT, Herr, Hid, Identifier, library};
use crate::plugin;
use crate::properties;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;

/// Each is none where nothing is said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Information {
    /// These two take the place of `DAOS_POOL` and `DAOS_CONT`.
    pub pool: Option<String>,
    pub container: Option<String>,
    /// The system that pools are looked for in.
    pub system: Option<String>,
    /// The class of objects that are made.
    pub class: Option<String>,
    /// Files are opened as this snapshot shows them.
    pub snapshot: Option<String>,
}

/// Between parts, and between a part's name and its value.
const SEPARATOR: char = ';';
const EQUALS: char = '=';
/// What an error shows.
const EXAMPLE: &str = "\"pool=tank;container=home;class=SX\"";

impl Information {
    /// The parts, with their names in the text.
    fn parts(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("pool", &self.pool),
            ("container", &self.container),
            ("system", &self.system),
            ("class", &self.class),
            ("snapshot", &self.snapshot),
        ]
    }

    fn part_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "pool" => Some(&mut self.pool),
            "container" => Some(&mut self.container),
            "system" => Some(&mut self.system),
            "class" => Some(&mut self.class),
            "snapshot" => Some(&mut self.snapshot),
            _ => None,
        }
    }

    /// Reads a text. Parts may have spaces around them, and be empty.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            let sentence = format!("the DAOS connector does not understand \"{text}\": {why}; write such as {EXAMPLE}");
            Failure::new(Minor::BadValue, sentence)
        };
        let mut information = Self::default();
        for part in text.split(SEPARATOR).map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once(EQUALS).map(|(name, value)| (name.trim(), value.trim())) else {
                return Err(wrong(format!("\"{part}\" has no value")));
            };
            let Some(place) = information.part_mut(name) else {
                let names = Self::default().parts().map(|(name, _)| name).join(", ");
                return Err(wrong(format!("it knows no \"{name}\", only {names}")));
            };
            if place.is_some() {
                return Err(wrong(format!("it says \"{name}\" twice")));
            }
            *place = Some(checked(name, value).map_err(wrong)?);
        }
        Ok(information)
    }

    /// What a list of file access says.
    pub fn of(list: Hid) -> Result<Self> {
        let class = properties::get(list, properties::OBJECT_CLASS)?;
        let held = Self::held(list)?;
        Ok(Self { class: class.or(held.class.clone()), ..held })
    }

    /// What a list says as the information of its connector. One with another connector says nothing.
    pub fn held(list: Hid) -> Result<Self> {
        if list == DEFAULT {
            return Ok(Self::default());
        }
        let (mut connector, mut value) = (-1, 0);
        // SAFETY: the numbers are ours.
        let result = unsafe { library().list_connector(list, &raw mut connector) };
        if result < 0 || connector < 0 {
            return Ok(Self::default());
        }
        let connector = Identifier::new(connector, "connector")?;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: number and pointer are ours, and what a list of this connector has is what `copy` gives.
        unsafe {
            if library().connector_value(connector.get(), &raw mut value) < 0 || value != plugin::VALUE {
                return Ok(Self::default());
            }
            if library().list_information(list, &raw mut pointer) < 0 {
                return Err(Failure::new(Minor::CannotGet, "HDF5 does not give the connector's information"));
            }
            Ok(take(pointer).map(|information| *information).unwrap_or_default())
        }
    }

    /// Pool and container in the place of those of the environment.
    pub fn place(&self, variable: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
        let pool = self.pool.clone().or_else(|| variable("DAOS_POOL"));
        pool.zip(self.container.clone().or_else(|| variable("DAOS_CONT")))
    }

    /// Gives it to HDF5.
    pub fn into_pointer(self) -> *mut c_void {
        Box::into_raw(Box::new(self)).cast()
    }
}

/// A value that a part may have.
fn checked(name: &str, value: &str) -> std::result::Result<String, String> {
    if value.is_empty() {
        return Err(format!("\"{name}\" has no value"));
    }
    if name != "snapshot" && value.contains(['/', '\0']) {
        return Err(format!("\"{value}\" is the name of no {name}"));
    }
    Ok(value.to_owned())
}

impl fmt::Display for Information {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.parts().into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (number, (name, value)) in said.enumerate() {
            let separator = if number > 0 { ";" } else { "" };
            write!(formatter, "{separator}{name}{EQUALS}{value}")?;
        }
        Ok(())
    }
}

pub const CLASS: InformationClass = InformationClass {
    size: size_of::<Information>(),
    copy: Some(copy),
    compare: Some(compare),
    free: Some(free),
    to_text: Some(to_text),
    from_text: Some(from_text),
};

/// What HDF5 holds.
///
/// # Safety
/// The pointer is null or one of `into_pointer` that was not taken.
unsafe fn seen<'a>(pointer: *const c_void) -> Option<&'a Information> {
    // SAFETY: as the caller promises.
    unsafe { pointer.cast::<Information>().as_ref() }
}

/// Takes back what HDF5 held.
///
/// # Safety
/// As for [`seen`], and nobody uses the pointer any more.
unsafe fn take(pointer: *mut c_void) -> Option<Box<Information>> {
    // SAFETY: as the caller promises.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer.cast()) })
}

unsafe extern "C" fn copy(information: *const c_void) -> *mut c_void {
    guard::object(c"H5VLcopy_connector_info", || {
        // SAFETY: HDF5 gives what it holds.
        Ok(unsafe { seen(information) }.map_or(std::ptr::null_mut(), |information| information.clone().into_pointer()))
    })
}

unsafe extern "C" fn compare(result: *mut c_int, one: *const c_void, other: *const c_void) -> Herr {
    guard::status(c"H5VLcmp_connector_info", || {
        // SAFETY: HDF5 gives what it holds, and a number.
        unsafe { *result = seen(one).cmp(&seen(other)) as c_int };
        Ok(())
    })
}

unsafe extern "C" fn free(information: *mut c_void) -> Herr {
    guard::status(c"H5VLfree_connector_info", || {
        // SAFETY: HDF5 gives what it holds, for the last time.
        drop(unsafe { take(information) });
        Ok(())
    })
}

/// The text is HDF5's to free.
unsafe extern "C" fn to_text(information: *const c_void, text: *mut *mut c_char) -> Herr {
    guard::status(c"H5VLconnector_info_to_str", || {
        // SAFETY: HDF5 gives what it holds.
        let said = unsafe { seen(information) }.map_or_else(String::new, Information::to_string);
        let said = CString::new(said).map_err(|_| Failure::new(Minor::BadValue, "a name has a zero byte in it"))?;
        let bytes = said.as_bytes_with_nul();
        // SAFETY: the memory has room for all bytes, and the place is HDF5's.
        unsafe {
            let memory: *mut c_char = library().allocate(bytes.len(), false).cast();
            if memory.is_null() {
                return Err(Failure::new(Minor::CannotGet, "HDF5 gives no memory"));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), memory, bytes.len());
            *text = memory;
        }
        Ok(())
    })
}

unsafe extern "C" fn from_text(text: *const c_char, information: *mut *mut c_void) -> Herr {
    guard::status(c"H5VLconnector_str_to_info", || {
        // SAFETY: HDF5 gives a text that ends with zero, and a place.
        let text = unsafe { CStr::from_ptr(text) }.to_str();
        let text = text.map_err(|_| Failure::new(Minor::BadValue, "the connector's information is no text"))?;
        let parsed = Information::parse(text)?.into_pointer();
        // SAFETY: the same.
        unsafe { *information = parsed };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_is_in_it() {
        let parsed = Information::parse(" pool = tank; container=home;class=S2;;").expect("as it is written");
        let expected = Information {
            pool: Some("tank".to_owned()),
            container: Some("home".to_owned()),
            class: Some("S2".to_owned()),
            ..Information::default()
        };
        assert_eq!(parsed, expected);
        assert_eq!(parsed.to_string(), "pool=tank;container=home;class=S2");
        assert_eq!(Information::parse(&parsed.to_string()).expect("its own text"), parsed);
        assert_eq!(Information::parse("").expect("nothing is said"), Information::default());
        assert_eq!(Information::parse("snapshot=a/b=c").expect("any name").snapshot.as_deref(), Some("a/b=c"));
    }

    #[test]
    fn a_wrong_text_is_told_of() {
        for (wrong, why) in [
            ("tank", "\"tank\" has no value"),
            ("pool=", "\"pool\" has no value"),
            ("pool=a;pool=b", "twice"),
            ("pol=a", "it knows no \"pol\", only pool, container, system, class, snapshot"),
            ("pool=a/b", "is the name of no pool"),
        ] {
            let said = Information::parse(wrong).expect_err(wrong).text;
            assert!(said.contains(why) && said.contains(EXAMPLE), "{said}");
        }
    }

    #[test]
    fn what_is_said_comes_before_the_environment() {
        let variable = |name: &str| Some(name.to_lowercase());
        let place = |text: &str| Information::parse(text).expect("right").place(variable);
        let both = |pool: &str, container: &str| Some((pool.to_owned(), container.to_owned()));
        assert_eq!(place(""), both("daos_pool", "daos_cont"));
        assert_eq!(place("pool=a"), both("a", "daos_cont"));
        assert_eq!(place("pool=a;container=b"), both("a", "b"));
        assert_eq!(Information::default().place(|_| None), None);
    }
}
