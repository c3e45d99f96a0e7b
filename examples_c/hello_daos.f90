! A first program for DAOS in Fortran: it writes a field into an object of a container, reads it back and lists the keys.
!
!   hello_daos_fortran POOL CONTAINER write|read|both
!
! run: {pool} {container} both
! rerun: {pool} {container} read
program hello_daos
  use, intrinsic :: iso_c_binding
  use daos
  implicit none

  integer, parameter :: cells = 1000, steps = 3
  character(len=128) :: pool_label, container_label, what
  type(daos_handle_t) :: pool, container, object
  integer :: number

  what = 'both'
  if (command_argument_count() < 2) stop 'usage: hello_daos POOL CONTAINER write|read|both'
  call get_command_argument(1, pool_label)
  call get_command_argument(2, container_label)
  if (command_argument_count() > 2) call get_command_argument(3, what)

  call check('daos_init', daos_init())
  call check('daos_pool_connect', &
             daos_pool_connect(daos_string(pool_label), c_null_ptr, DAOS_PC_RW, pool, c_null_ptr, c_null_ptr))
  call open_container()
  call open_object()

  do number = 1, steps
    if (what /= 'read') call write_step(number)
  end do
  if (what /= 'write') then
    do number = 1, steps
      call read_step(number)
    end do
    call list_dkeys()
  end if

  call check('daos_obj_close', daos_obj_close(object, c_null_ptr))
  call check('daos_cont_close', daos_cont_close(container, c_null_ptr))
  call check('daos_pool_disconnect', daos_pool_disconnect(pool, c_null_ptr))
  call check('daos_fini', daos_fini())
  print '(a)', 'done'

contains

  ! Every function of DAOS returns zero or a negative error number.
  subroutine check(name, rc)
    character(len=*), intent(in) :: name
    integer(c_int), intent(in) :: rc

    if (rc /= 0) then
      print '(a, a, a)', name, ': ', daos_error_text(rc)
      error stop 1
    end if
  end subroutine check

  ! Opens the container, and makes it first when it is not there.
  subroutine open_container()
    integer(c_int) :: rc

    rc = daos_cont_open(pool, daos_string(container_label), DAOS_COO_RW, container, c_null_ptr, c_null_ptr)
    if (rc == -DER_NONEXIST) then
      call check('daos_cont_create_with_label', &
                 daos_cont_create_with_label(pool, daos_string(container_label), c_null_ptr, c_null_ptr, c_null_ptr))
      rc = daos_cont_open(pool, daos_string(container_label), DAOS_COO_RW, container, c_null_ptr, c_null_ptr)
    end if
    call check('daos_cont_open', rc)
  end subroutine open_container

  subroutine open_object()
    type(daos_obj_id_t) :: id

    id%lo = 7
    call check('daos_obj_generate_oid', &
               daos_obj_generate_oid(container, id, DAOS_OT_MULTI_HASHED, OC_SX, 0_c_int16_t, 0_c_int32_t))
    call check('daos_obj_open', daos_obj_open(container, id, DAOS_OO_RW, object, c_null_ptr))
  end subroutine open_object

  ! The dkey of a step: "step" and its number.
  function step_name(number) result(name)
    integer, intent(in) :: number
    character(len=8) :: name

    write (name, '(a, i3.3)') 'step ', number
  end function step_name

  ! The pressure that belongs in a cell.
  pure real(c_double) function pressure(number, cell)
    integer, intent(in) :: number, cell

    pressure = 1000.0_c_double + number + cell / 1000.0_c_double
  end function pressure

  subroutine write_step(number)
    integer, intent(in) :: number
    real(c_double), target :: field(cells)
    integer :: cell

    do cell = 1, cells
      field(cell) = pressure(number, cell)
    end do
    call transfer_step(number, field, .true.)
    print '(a, a, a, i0, a)', 'wrote "', step_name(number), '": ', cells, ' cells'
  end subroutine write_step

  subroutine read_step(number)
    integer, intent(in) :: number
    real(c_double), target :: field(cells)
    integer :: cell

    field = 0
    call transfer_step(number, field, .false.)
    do cell = 1, cells
      if (abs(field(cell) - pressure(number, cell)) > 0) then
        print '(a, a, a, i0)', 'wrong data: "', step_name(number), '", cell ', cell
        error stop 1
      end if
    end do
    print '(a, a, a, f8.3)', 'read "', step_name(number), '": first cell ', field(1)
  end subroutine read_step

  ! One array of double precision numbers under the akey "pressure".
  subroutine transfer_step(number, field, writes)
    integer, intent(in) :: number
    real(c_double), target, intent(inout) :: field(cells)
    logical, intent(in) :: writes
    character(len=8), target :: dkey_text
    character(len=8), target :: akey_text
    type(d_iov_t) :: dkey
    type(d_iov_t), target :: buffer
    type(daos_recx_t), target :: range
    type(daos_iod_t) :: iods(1)
    type(d_sg_list_t) :: lists(1)

    dkey_text = step_name(number)
    akey_text = 'pressure'
    dkey = d_iov(c_loc(dkey_text), 8_c_size_t)
    range = daos_recx_t(0, cells)
    iods(1)%iod_name = d_iov(c_loc(akey_text), 8_c_size_t)
    iods(1)%iod_type = DAOS_IOD_ARRAY
    iods(1)%iod_size = c_sizeof(field(1))
    iods(1)%iod_nr = 1
    iods(1)%iod_recxs = c_loc(range)
    buffer = d_iov(c_loc(field), c_sizeof(field(1)) * cells)
    lists(1) = d_sg_list_t(1, 0, c_loc(buffer))
    if (writes) then
      call check('daos_obj_update', &
                 daos_obj_update(object, DAOS_TX_NONE, 0_c_int64_t, dkey, 1, iods, lists, c_null_ptr))
    else
      call check('daos_obj_fetch', &
                 daos_obj_fetch(object, DAOS_TX_NONE, 0_c_int64_t, dkey, 1, iods, lists, c_null_ptr, c_null_ptr))
    end if
  end subroutine transfer_step

  subroutine list_dkeys()
    character(len=256), target :: text
    type(daos_key_desc_t) :: keys(2)
    type(d_iov_t), target :: buffer
    type(d_sg_list_t) :: list
    type(daos_anchor_t) :: anchor
    integer(c_int32_t) :: nr
    integer :: found, i, position

    found = 0
    do while (.not. daos_anchor_is_eof(anchor))
      nr = 2
      buffer = d_iov(c_loc(text), 256_c_size_t)
      list = d_sg_list_t(1, 0, c_loc(buffer))
      call check('daos_obj_list_dkey', &
                 daos_obj_list_dkey(object, DAOS_TX_NONE, nr, keys, list, anchor, c_null_ptr))
      position = 0
      do i = 1, nr
        print '(a, a, a)', '  dkey "', text(position + 1:position + int(keys(i)%kd_key_len)), '"'
        position = position + int(keys(i)%kd_key_len)
      end do
      found = found + nr
    end do
    if (found /= steps) then
      print '(a, i0)', 'wrong data: count of dkeys is ', found
      error stop 1
    end if
  end subroutine list_dkeys
end program hello_daos
