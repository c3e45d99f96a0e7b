//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// What is to be mounted, where and how.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "dfuse",
    bin_name = "dfuse",
    version,
    about = "Mount POSIX containers as a file system",
    infer_long_args = true,
    after_help = "Without a container, the containers of the pool are directories of the mount; without a pool, the pools are.\n\
        The program goes to the background when the mount is there, and tells errors before. 'fusermount3 -u MOUNTPOINT' ends\n\
        it, as SIGTERM does."
)]
pub struct Arguments {
    /// The directory to mount at
    #[arg(value_name = "MOUNTPOINT", required_unless_present = "mountpoint")]
    pub first: Option<String>,
    /// The pool, by label or UUID
    #[arg(value_name = "POOL")]
    pub second: Option<String>,
    /// The container, by label or UUID
    #[arg(value_name = "CONTAINER")]
    pub third: Option<String>,
    /// The directory to mount at
    #[arg(short = 'm', long, value_name = "DIR")]
    pub mountpoint: Option<String>,
    /// The pool, by label or UUID
    #[arg(short = 'p', long, value_name = "NAME")]
    pub pool: Option<String>,
    /// The container, by label or UUID
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,
    /// A path that is a link to a container, which says pool and container
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// Name of the system
    #[arg(short = 'G', long, value_name = "NAME")]
    pub sys_name: Option<String>,
    /// Stay in the foreground
    #[arg(short = 'f', long)]
    pub foreground: bool,
    /// Answer one request at a time
    #[arg(short = 'S', long)]
    pub singlethread: bool,
    /// Threads that answer requests [default: two for each core, from 8 to 32]
    #[arg(short = 't', long, value_name = "COUNT")]
    pub thread_count: Option<usize>,
    /// Threads for progress; taken for upstream's sake: the threads that wait make progress
    #[arg(short = 'e', long, value_name = "COUNT")]
    pub eq_count: Option<usize>,
    /// Remember nothing in the kernel
    #[arg(long)]
    pub disable_caching: bool,
    /// Send each write at once, instead of gathering small ones until the file is closed
    #[arg(long)]
    pub disable_wb_cache: bool,
    /// Let all users of the machine in; what they make is theirs
    #[arg(long)]
    pub multi_user: bool,
    /// Refuse changes
    #[arg(short = 'r', long)]
    pub read_only: bool,
    /// Options of mount(8), separated by commas: pool=NAME, container=NAME, ro, allow_other, noexec, ...
    #[arg(short = 'o', value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// What the command line comes down to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The directory to mount at.
    pub mountpoint: String,
    /// The pool.
    pub pool: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// Changes are refused.
    pub read_only: bool,
    /// All users are let in.
    pub multi_user: bool,
    /// Other users are let in, but what is made belongs to the user of the program.
    pub allow_other: bool,
    /// Options for the kernel, as mount(8) names them.
    pub kernel: Vec<String>,
}

/// Options of mount(8) that are handed to the kernel; all others are ignored, as upstream does it.
const KERNEL_OPTIONS: [&str; 9] = ["noexec", "exec", "nosuid", "suid", "nodev", "dev", "noatime", "sync", "dirsync"];

impl Arguments {
    /// Brings together what can be said in several ways.
    pub fn request(&self) -> Result<Request, String> {
        let mut words = [&self.first, &self.second, &self.third].into_iter().flatten().cloned();
        let mut pick = |named: &Option<String>| named.clone().or_else(|| words.next());
        let mountpoint = pick(&self.mountpoint).ok_or("no directory to mount at is named")?;
        let (mut pool, mut container) = (pick(&self.pool), None);
        if pool.is_some() || self.container.is_some() {
            container = pick(&self.container);
        }
        if let Some(word) = words.next() {
            return Err(format!("'{word}' is one word too many"));
        }
        let mut request = Request {
            mountpoint,
            pool: None,
            container: None,
            read_only: self.read_only,
            multi_user: self.multi_user,
            allow_other: false,
            kernel: Vec::new(),
        };
        for option in self.options.iter().flat_map(|options| options.split(',')).map(str::trim) {
            match option.split_once('=') {
                Some(("pool", name)) => pool = Some(name.to_owned()),
                Some(("container", name)) => container = Some(name.to_owned()),
                _ if option == "ro" => request.read_only = true,
                _ if option == "allow_other" => request.allow_other = true,
                _ if KERNEL_OPTIONS.contains(&option) => request.kernel.push(option.to_owned()),
                _ => {}
            }
        }
        if container.is_some() && pool.is_none() {
            return Err("a container is named, but not its pool: add '--pool NAME'".to_owned());
        }
        Ok(Request { pool, container, ..request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Request, String> {
        let words = ["dfuse"].iter().chain(words);
        Arguments::try_parse_from(words).map_err(|error| error.to_string())?.request()
    }

    fn place(words: &[&str]) -> (String, Option<String>, Option<String>) {
        let request = request(words).expect("a good line");
        (request.mountpoint, request.pool, request.container)
    }

    #[test]
    fn places_are_said_in_upstreams_ways() {
        let all = ("/m".to_owned(), Some("tank".to_owned()), Some("home".to_owned()));
        for words in [
            &["/m", "tank", "home"][..],
            &["-m", "/m", "tank", "home"],
            &["--mountpoint", "/m", "--pool", "tank", "--container=home"],
            &["--foreground", "-m", "/m/", "--pool", "tank", "--cont", "home"],
            &["/m", "-o", "rw,pool=tank,container=home,dev,suid"],
            &["/m", "tank", "--container", "home"],
        ] {
            let (mountpoint, pool, container) = place(words);
            assert_eq!((mountpoint.trim_end_matches('/').to_owned(), pool, container), all, "{words:?}");
        }
        assert_eq!(place(&["/m"]), ("/m".to_owned(), None, None));
        assert_eq!(place(&["/m", "tank"]), ("/m".to_owned(), Some("tank".to_owned()), None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [&[][..], &["/m", "a", "b", "c"], &["/m", "--container", "home"], &["-m", "/m", "a", "b", "c"]] {
            assert!(request(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn options_of_mount_count() {
        let request = request(&["/m", "-o", "ro,noexec,whatever", "-o", "allow_other"]).expect("a good line");
        assert!(request.read_only && request.allow_other);
        assert_eq!(request.kernel, ["noexec"]);
    }
}
