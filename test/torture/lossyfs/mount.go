package lossyfs

import (
	"fmt"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// cacheTime is how long the kernel may cache names and attributes. All changes go through the kernel.
const cacheTime = time.Second

// Mount mounts the disk on a directory. It uses no helper program, so the caller must be root.
func (d *Disk) Mount(dir string) error {
	opt := &fuse.MountOptions{
		DirectMountStrict: true, FsName: "lossyfs", Name: "lossyfs",
		DisableXAttrs: true, DisableReadDirPlus: true, DisableSplice: true,
	}
	server, err := fuse.NewServer(&daemon{fuse.NewDefaultRawFileSystem(), d}, dir, opt)
	if err != nil {
		return fmt.Errorf("mount the disk: %w", err)
	}
	d.server = server
	go server.Serve()
	return server.WaitMount()
}

// daemon answers the kernel. The kernel itself manages file locks.
type daemon struct {
	fuse.RawFileSystem
	disk *Disk
}

func (s *daemon) find(ino uint64) (f *file, name string) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if f = s.disk.byIno[ino]; f != nil {
		name = f.name
	}
	return f, name
}

// on runs an operation on an inode. failed may be nil.
func (s *daemon) on(op Op, ino uint64, effect func(*file) syscall.Errno, failed func(*file)) fuse.Status {
	f, name := s.find(ino)
	if f == nil {
		return fuse.ENOENT
	}
	return fuse.Status(s.disk.do(op, name, func() syscall.Errno { return effect(f) }, func() {
		if failed != nil {
			failed(f)
		}
	}))
}

func (f *file) attr(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = f.ino, f.mode, f.links
	out.Size, out.Blocks, out.Blksize = uint64(len(f.data)), uint64(len(f.data)+511)/512, 4096
	out.Uid, out.Gid = f.uid, f.gid
	out.SetTimes(nil, &f.changed, &f.changed)
}

func (f *file) entry(out *fuse.EntryOut) {
	f.lookups++
	out.NodeId, out.Generation = f.ino, 1
	out.SetEntryTimeout(cacheTime)
	out.SetAttrTimeout(cacheTime)
	f.attr(&out.Attr)
}

func (s *daemon) Lookup(_ <-chan struct{}, _ *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	return fuse.Status(s.disk.do(Look, name, func() syscall.Errno {
		f := s.disk.names[name]
		if f == nil {
			return syscall.ENOENT
		}
		f.entry(out)
		return 0
	}, nil))
}

func (s *daemon) Forget(ino, n uint64) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	f := s.disk.byIno[ino]
	if f == nil {
		return
	}
	f.lookups -= min(n, f.lookups)
	if f.lookups == 0 && f.links == 0 {
		delete(s.disk.byIno, ino)
	}
}

func (s *daemon) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.SetTimeout(cacheTime)
	if in.NodeId == fuse.FUSE_ROOT_ID {
		out.Ino, out.Mode, out.Nlink = fuse.FUSE_ROOT_ID, syscall.S_IFDIR|0o700, 2
		return fuse.OK
	}
	return s.on(Look, in.NodeId, func(f *file) syscall.Errno { f.attr(&out.Attr); return 0 }, nil)
}

func (s *daemon) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	op := Look
	if _, ok := in.GetSize(); ok {
		op = Truncate
	}
	return s.on(op, in.NodeId, func(f *file) syscall.Errno {
		if size, ok := in.GetSize(); ok {
			f.change(change{size: int64(size)})
		}
		if mode, ok := in.GetMode(); ok {
			f.mode = syscall.S_IFREG | mode&0o7777
		}
		if uid, ok := in.GetUID(); ok {
			f.uid = uid
		}
		if gid, ok := in.GetGID(); ok {
			f.gid = gid
		}
		f.attr(&out.Attr)
		return 0
	}, nil)
}

func (s *daemon) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	return fuse.Status(s.disk.do(Create, name, func() syscall.Errno {
		f := s.disk.newFile(name, in.Mode)
		f.uid, f.gid = in.Uid, in.Gid
		s.disk.rename(nameChange{name: f})
		f.entry(&out.EntryOut)
		out.OpenFlags = caching(name)
		return 0
	}, nil))
}

func (s *daemon) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	op := Look
	if in.Flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		op = Open
	}
	return s.on(op, in.NodeId, func(f *file) syscall.Errno {
		if in.Flags&syscall.O_TRUNC != 0 {
			f.change(change{})
		}
		out.OpenFlags = caching(f.name)
		return 0
	}, nil)
}

// caching lets the kernel cache pages of mapped files only. For those it must.
func caching(name string) uint32 {
	if volatile(name) {
		return fuse.FOPEN_KEEP_CACHE
	}
	return fuse.FOPEN_DIRECT_IO
}

func (s *daemon) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	var n int
	status := s.on(Read, in.NodeId, func(f *file) syscall.Errno {
		if in.Offset < uint64(len(f.data)) {
			n = copy(buf, f.data[in.Offset:])
		}
		return 0
	}, nil)
	return fuse.ReadResultData(buf[:n]), status
}

func (s *daemon) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	status := s.on(Write, in.NodeId, func(f *file) syscall.Errno {
		f.change(change{off: int64(in.Offset), data: append([]byte{}, data...)})
		return 0
	}, nil)
	return uint32(len(data)), status
}

func (s *daemon) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return s.on(Sync, in.NodeId, func(f *file) syscall.Errno { f.sync(); return 0 }, (*file).failSync)
}

func (s *daemon) FsyncDir(_ <-chan struct{}, _ *fuse.FsyncIn) fuse.Status {
	return fuse.Status(s.disk.do(SyncNames, "", func() syscall.Errno { s.disk.syncNames(); return 0 }, nil))
}

func (s *daemon) Unlink(_ <-chan struct{}, _ *fuse.InHeader, name string) fuse.Status {
	return fuse.Status(s.disk.do(Remove, name, func() syscall.Errno {
		if s.disk.names[name] == nil {
			return syscall.ENOENT
		}
		s.disk.rename(nameChange{name: nil})
		return 0
	}, nil))
}

func (s *daemon) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if in.Flags != 0 {
		return fuse.EINVAL
	}
	return fuse.Status(s.disk.do(Rename, to, func() syscall.Errno {
		f := s.disk.names[from]
		if f == nil {
			return syscall.ENOENT
		}
		s.disk.rename(nameChange{from: nil, to: f})
		return 0
	}, nil))
}

func (s *daemon) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }
func (s *daemon) ReleaseDir(*fuse.ReleaseIn)                                       {}
func (s *daemon) Release(<-chan struct{}, *fuse.ReleaseIn)                         {}
func (s *daemon) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status                 { return fuse.OK }
func (s *daemon) Access(<-chan struct{}, *fuse.AccessIn) fuse.Status               { return fuse.OK }

func (s *daemon) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return fuse.Status(s.disk.do(Look, "", func() syscall.Errno {
		names := sortedNames(s.disk.names)
		for i := in.Offset; i < uint64(len(names)); i++ {
			f := s.disk.names[names[i]]
			if !out.AddDirEntry(fuse.DirEntry{Name: names[i], Mode: f.mode, Ino: f.ino, Off: i + 1}) {
				break
			}
		}
		return 0
	}, nil))
}

func (s *daemon) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	*out = fuse.StatfsOut{Blocks: 1 << 20, Bfree: 1 << 19, Bavail: 1 << 19, Bsize: 4096, Frsize: 4096, NameLen: 255}
	return fuse.OK
}
