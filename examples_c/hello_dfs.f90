! Files in Fortran: makes a directory in a POSIX container, writes a table into a file of it, reads it back, lists the directory.
!
!   hello_dfs_fortran POOL CONTAINER write|read|both
!
! run: {pool} {container} both
! rerun: {pool} {container} read
module hello_dfs_callbacks
  use, intrinsic :: iso_c_binding
  implicit none

contains

  ! What the library calls for a name stands in a module: a procedure inside the program would need an executable stack.
  integer(c_int) function each(mount, object, name, arg) bind(c)
    type(c_ptr), value :: mount, object, arg
    character(kind=c_char), intent(in) :: name(*)
    integer, pointer :: found
    integer :: length

    length = 0
    do while (name(length + 1) /= c_null_char)
      length = length + 1
    end do
    call c_f_pointer(arg, found)
    found = found + 1
    if (.not. c_associated(mount) .or. .not. c_associated(object)) found = -1
    print '(a, *(a))', '  /results/', name(1:length)
    each = 0
  end function each
end module hello_dfs_callbacks

program hello_dfs
  use, intrinsic :: iso_c_binding
  use daos
  use hello_dfs_callbacks
  implicit none

  integer, parameter :: rows = 4096
  integer(c_int), parameter :: EEXIST = 17
  character(len=128) :: pool_label, container_label, what
  type(c_ptr) :: dfs, directory, file
  real(c_double), target :: table(rows)
  integer :: row
  integer(c_int) :: rc

  what = 'both'
  if (command_argument_count() < 2) stop 'usage: hello_dfs POOL CONTAINER write|read|both'
  call get_command_argument(1, pool_label)
  call get_command_argument(2, container_label)
  if (command_argument_count() > 2) call get_command_argument(3, what)

  call check('dfs_init', dfs_init())
  ! Attributes for a new container are left out, and what follows them is named.
  call check('dfs_connect', &
             dfs_connect(daos_string(pool_label), c_null_ptr, daos_string(container_label), ior(O_CREAT, O_RDWR), dfs=dfs))
  rc = dfs_mkdir(dfs, c_null_ptr, daos_string('results'), int(o'755', c_int), OC_UNKNOWN)
  if (rc /= EEXIST) call check('dfs_mkdir', rc)
  call check('dfs_lookup', dfs_lookup(dfs, daos_string('/results'), O_RDWR, directory, stbuf=c_null_ptr))
  call check('dfs_open', dfs_open(dfs, directory, daos_string('table'), ior(S_IFREG, int(o'644', c_int)), &
                                  ior(O_CREAT, O_RDWR), OC_UNKNOWN, 0_c_int64_t, obj=file))
  if (what /= 'read') call write_table()
  if (what /= 'write') call read_table()
  call list()
  call check('dfs_release', dfs_release(file))
  call check('dfs_release', dfs_release(directory))
  call check('dfs_disconnect', dfs_disconnect(dfs))
  call check('dfs_fini', dfs_fini())
  print '(a)', 'done'

contains

  ! Every function of libdfs returns zero or an errno.
  subroutine check(name, rc)
    character(len=*), intent(in) :: name
    integer(c_int), intent(in) :: rc

    if (rc /= 0) then
      print '(a, a, i0)', name, ' gave errno ', rc
      error stop 1
    end if
  end subroutine check

  subroutine write_table()
    type(d_iov_t), target :: buffer
    type(d_sg_list_t) :: gather

    table = [(sqrt(real(row, c_double)), row=1, rows)]
    buffer = d_iov(c_loc(table), c_sizeof(table))
    gather = d_sg_list(buffer)
    call check('dfs_write', dfs_write(dfs, file, gather, 0_c_int64_t, c_null_ptr))
    print '(a, i0, a)', 'wrote ', rows, ' rows'
  end subroutine write_table

  subroutine read_table()
    type(d_iov_t), target :: buffer
    type(d_sg_list_t) :: scatter
    integer(c_int64_t) :: bytes

    table = 0
    buffer = d_iov(c_loc(table), c_sizeof(table))
    scatter = d_sg_list(buffer)
    call check('dfs_read', dfs_read(dfs, file, scatter, 0_c_int64_t, bytes, c_null_ptr))
    if (bytes /= c_sizeof(table) .or. any(abs(table - [(sqrt(real(row, c_double)), row=1, rows)]) > 0)) then
      print '(a, i0, a)', 'wrong data: ', bytes, ' bytes were read'
      error stop 1
    end if
    print '(a, i0, a)', 'read ', rows, ' rows'
  end subroutine read_table

  ! Calls a function of ours for every name.
  subroutine list()
    type(daos_anchor_t) :: anchor
    integer(c_int32_t) :: nr
    integer, target :: found

    found = 0
    do while (.not. daos_anchor_is_eof(anchor))
      nr = 16
      call check('dfs_iterate', dfs_iterate(dfs, directory, anchor, nr, 4096_c_size_t, c_funloc(each), c_loc(found)))
    end do
    if (found /= 1) error stop 'wrong data: the directory does not hold one file'
  end subroutine list
end program hello_dfs
