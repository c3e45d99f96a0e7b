//! The kernel's requests, one function each.

use super::data::Writing;
use super::entries::Making;
use super::lookup::{Told, timestamp};
use super::space::BLOCK;
use super::{Caller, Descriptor, Kernel, errno};
use crate::counts::Kind;
use daos_dfs::{Result, SetStatus, Timestamp};
use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow,
    WriteFlags,
};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Most bytes of one request to write, and of one to read.
const REQUEST_BYTES_MAX: u32 = 1 << 20;
/// Requests that the kernel sends ahead, without a program waiting for each: readahead, and late writes.
const BACKGROUND_MAX: u16 = 64;

/// A program that opens a file so wants its bytes on stable storage when a write returns.
const AT_ONCE: i32 = libc::O_DIRECT | libc::O_DSYNC | libc::O_SYNC;

/// What the kernel offers and we want. Locks are not among it: the kernel keeps those of one node itself, and can interrupt
/// who waits for one.
const WANTED: [InitFlags; 9] = [
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_DO_READDIRPLUS,
    InitFlags::FUSE_READDIRPLUS_AUTO,
    InitFlags::FUSE_ATOMIC_O_TRUNC,
    InitFlags::FUSE_AUTO_INVAL_DATA,
    InitFlags::FUSE_CACHE_SYMLINKS,
    InitFlags::FUSE_HANDLE_KILLPRIV_V2,
    InitFlags::FUSE_ASYNC_DIO,
    InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
];

fn caller(request: &Request) -> Caller {
    Caller { uid: request.uid(), gid: request.gid() }
}

fn descriptor(number: INodeNo, handle: FileHandle) -> Descriptor {
    Descriptor { number: number.0, opener: handle.0 }
}

fn entry(result: Result<Told>, missing: Duration, reply: ReplyEntry) {
    match result {
        Ok(told) => reply.entry_with_ttls(&told.attribute_time, &told.entry_time, &told.attributes, Generation(0)),
        Err(error) if error.errno == libc::ENOENT && !missing.is_zero() => {
            // A number of zero says that there is none, and for how long that holds.
            let nothing = super::lookup::attributes_of(0, &Default::default());
            reply.entry_with_ttls(&Duration::ZERO, &missing, &nothing, Generation(0));
        }
        Err(error) => reply.error(errno(&error)),
    }
}

fn attributes(result: Result<(FileAttr, Duration)>, reply: ReplyAttr) {
    match result {
        Ok((attributes, time)) => reply.attr(&time, &attributes),
        Err(error) => reply.error(errno(&error)),
    }
}

fn empty(result: Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(&error)),
    }
}

fn extended(result: Result<Vec<u8>>, room: u32, reply: ReplyXattr) {
    match result {
        Ok(value) if room == 0 => reply.size(value.len() as u32),
        Ok(value) if value.len() > room as usize => reply.error(Errno::ERANGE),
        Ok(value) => reply.data(&value),
        Err(error) => reply.error(errno(&error)),
    }
}

impl Filesystem for Kernel {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        for wanted in WANTED {
            // An older kernel goes without.
            let _ignored = config.add_capabilities(wanted);
        }
        // The nearest that is possible is told in the error.
        if let Err(most) = config.set_max_write(REQUEST_BYTES_MAX) {
            let _ignored = config.set_max_write(most);
        }
        if let Err(most) = config.set_max_readahead(REQUEST_BYTES_MAX) {
            let _ignored = config.set_max_readahead(most);
        }
        let _ignored = config.set_max_background(BACKGROUND_MAX);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.counts.add(Kind::Lookup);
        let result = self.look_up(parent.0, name);
        entry(result, self.missing_time(parent.0), reply);
    }

    fn forget(&self, _request: &Request, number: INodeNo, count: u64) {
        self.counts.add(Kind::Forget);
        self.inodes.forget(number.0, count);
    }

    fn getattr(&self, _request: &Request, number: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        self.counts.add(Kind::Getattr);
        attributes(self.status(number.0), reply);
    }

    fn setattr(
        &self,
        request: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.counts.add(Kind::Setattr);
        let mtime = mtime.map(|time| match time {
            TimeOrNow::SpecificTime(time) => timestamp(time),
            TimeOrNow::Now => Timestamp::from_nanoseconds(self.env.clock.wall_nanoseconds()),
        });
        let set = SetStatus { mode, uid, gid, mtime, size };
        let opener = handle.map(|handle| handle.0);
        attributes(self.set_status((number.0, opener), set, caller(request)), reply);
    }

    fn readlink(&self, _request: &Request, number: INodeNo, reply: ReplyData) {
        self.counts.add(Kind::Readlink);
        match self.target(number.0) {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _device: u32,
        reply: ReplyEntry,
    ) {
        self.counts.add(Kind::Mknod);
        if mode & libc::S_IFMT != libc::S_IFREG {
            // Pipes, sockets and devices: what mknod(2) says for a file system that has none.
            return reply.error(Errno::EPERM);
        }
        let made = self.make(parent.0, name, Making::File, mode, caller(request));
        entry(made, Duration::ZERO, reply);
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        self.counts.add(Kind::Mkdir);
        let made = self.make(parent.0, name, Making::Directory, mode, caller(request));
        entry(made, Duration::ZERO, reply);
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.counts.add(Kind::Unlink);
        empty(self.remove(parent.0, name), reply);
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.counts.add(Kind::Rmdir);
        empty(self.remove(parent.0, name), reply);
    }

    fn symlink(&self, request: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        self.counts.add(Kind::Symlink);
        let target = target.as_os_str().as_bytes().to_vec();
        let made = self.make(parent.0, name, Making::Symlink(target), 0o777, caller(request));
        entry(made, Duration::ZERO, reply);
    }

    fn rename(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        self.counts.add(Kind::Rename);
        empty(Kernel::rename(self, (parent.0, name), (new_parent.0, new_name), flags.bits()), reply);
    }

    fn link(&self, _request: &Request, _number: INodeNo, _parent: INodeNo, _name: &OsStr, reply: ReplyEntry) {
        self.counts.add(Kind::Link);
        // An entry holds its inode: there is no second name for it.
        reply.error(Errno::EOPNOTSUPP);
    }

    fn open(&self, _request: &Request, number: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.counts.add(Kind::Open);
        match Kernel::open(self, number.0, flags.0) {
            Ok((opener, flags)) => reply.opened(FileHandle(opener), flags),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        self.counts.add(Kind::Create);
        match Kernel::create(self, (parent.0, name), (mode, flags), caller(request)) {
            Ok((told, opener, flags)) => {
                let time = told.attribute_time.min(told.entry_time);
                reply.created(&time, &told.attributes, Generation(0), FileHandle(opener), flags);
            }
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn read(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.counts.add(Kind::Read);
        match Kernel::read(self, number.0, offset, size, flags.0) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn write(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.counts.add(Kind::Write);
        let how = Writing {
            strip_privileges: write_flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID),
            may_wait: !write_flags.contains(WriteFlags::FUSE_WRITE_CACHE) && flags.0 & AT_ONCE == 0,
        };
        match Kernel::write(self, descriptor(number, handle), offset, data, how) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn flush(&self, _request: &Request, number: INodeNo, handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        self.counts.add(Kind::Flush);
        empty(Kernel::flush(self, descriptor(number, handle)), reply);
    }

    fn fsync(&self, _request: &Request, number: INodeNo, handle: FileHandle, _data: bool, reply: ReplyEmpty) {
        self.counts.add(Kind::Fsync);
        // What was sent is on stable storage.
        empty(Kernel::flush(self, descriptor(number, handle)), reply);
    }

    fn destroy(&mut self) {
        self.gathering.send_all(&self.context);
    }

    fn fsyncdir(&self, _request: &Request, _number: INodeNo, _handle: FileHandle, _data: bool, reply: ReplyEmpty) {
        self.counts.add(Kind::Fsyncdir);
        // Changes of names are on stable storage when they are told. The kernel need not ask again.
        reply.error(Errno::ENOSYS);
    }

    fn release(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.counts.add(Kind::Release);
        empty(self.close(descriptor(number, handle)), reply);
    }

    fn opendir(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.counts.add(Kind::Opendir);
        reply.opened(FileHandle(self.directories.open()), FopenFlags::empty());
    }

    fn readdir(&self, _request: &Request, number: INodeNo, handle: FileHandle, offset: u64, reply: ReplyDirectory) {
        self.counts.add(Kind::Readdir);
        let mut reply = reply;
        match self.read_directory(number.0, handle.0, offset, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        self.counts.add(Kind::Readdirplus);
        let mut reply = reply;
        match self.read_directory_plus(number.0, handle.0, offset, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _number: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.counts.add(Kind::Releasedir);
        self.directories.close(handle.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, number: INodeNo, reply: ReplyStatfs) {
        self.counts.add(Kind::Statfs);
        match self.space(number.0) {
            Ok(space) => reply.statfs(space.total, space.free, space.free, 0, 0, BLOCK, space.name_length, BLOCK),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn setxattr(
        &self,
        _request: &Request,
        number: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        self.counts.add(Kind::Setxattr);
        empty(self.set_attribute(number.0, name, value, flags), reply);
    }

    fn getxattr(&self, _request: &Request, number: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        self.counts.add(Kind::Getxattr);
        extended(self.attribute(number.0, name), size, reply);
    }

    fn listxattr(&self, _request: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        self.counts.add(Kind::Listxattr);
        extended(self.attribute_names(number.0), size, reply);
    }

    fn removexattr(&self, _request: &Request, number: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.counts.add(Kind::Removexattr);
        empty(self.remove_attribute(number.0, name), reply);
    }

    fn fallocate(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        self.counts.add(Kind::Fallocate);
        empty(self.allocate(descriptor(number, handle), offset, length, mode), reply);
    }

    fn copy_file_range(
        &self,
        _request: &Request,
        source: INodeNo,
        _source_handle: FileHandle,
        source_offset: u64,
        target: INodeNo,
        target_handle: FileHandle,
        target_offset: u64,
        length: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        self.counts.add(Kind::CopyFileRange);
        match self.copy((source.0, source_offset), (descriptor(target, target_handle), target_offset), length) {
            Ok(count) => reply.written(count),
            Err(error) => reply.error(errno(&error)),
        }
    }
}
