! SPDX-License-Identifier: BSD-2-Clause-Patent
!
! The C API of DAOS for Fortran 2008: types, constants and interfaces with the names that they have in C. What each function
! takes and returns stands in the C headers. Compile this file with the program and link with the library (see pkg-config daos).
!
! Strings go in through daos_string, which ends them with a zero; addresses of buffers through c_loc.
module daos
  use, intrinsic :: iso_c_binding
  implicit none
  public

  type, bind(c) :: daos_handle_t
    integer(c_int64_t) :: cookie = 0
  end type daos_handle_t

  type, bind(c) :: daos_obj_id_t
    integer(c_int64_t) :: lo = 0
    integer(c_int64_t) :: hi = 0
  end type daos_obj_id_t

  type, bind(c) :: d_iov_t
    type(c_ptr) :: iov_buf = c_null_ptr
    integer(c_size_t) :: iov_buf_len = 0
    integer(c_size_t) :: iov_len = 0
  end type d_iov_t

  type, bind(c) :: d_sg_list_t
    integer(c_int32_t) :: sg_nr = 0
    integer(c_int32_t) :: sg_nr_out = 0
    type(c_ptr) :: sg_iovs = c_null_ptr
  end type d_sg_list_t

  type, bind(c) :: daos_recx_t
    integer(c_int64_t) :: rx_idx = 0
    integer(c_int64_t) :: rx_nr = 0
  end type daos_recx_t

  type, bind(c) :: daos_iod_t
    type(d_iov_t) :: iod_name
    integer(c_int) :: iod_type = 0
    integer(c_int64_t) :: iod_size = 0
    integer(c_int64_t) :: iod_flags = 0
    integer(c_int32_t) :: iod_nr = 0
    type(c_ptr) :: iod_recxs = c_null_ptr
  end type daos_iod_t

  type, bind(c) :: daos_key_desc_t
    integer(c_int64_t) :: kd_key_len = 0
    integer(c_int32_t) :: kd_val_type = 0
  end type daos_key_desc_t

  type, bind(c) :: daos_anchor_t
    integer(c_int16_t) :: da_type = 0
    integer(c_int16_t) :: da_shard = 0
    integer(c_int32_t) :: da_flags = 0
    integer(c_int64_t) :: da_sub_anchors = 0
    integer(c_int8_t) :: da_buf(104) = 0_c_int8_t
  end type daos_anchor_t

  type(daos_handle_t), parameter :: DAOS_TX_NONE = daos_handle_t(0)

  integer(c_int), parameter :: DAOS_PC_RO = 1, DAOS_PC_RW = 2, DAOS_PC_EX = 4
  integer(c_int), parameter :: DAOS_COO_RO = 1, DAOS_COO_RW = 2, DAOS_COO_EX = 4
  integer(c_int), parameter :: DAOS_OO_RO = 2, DAOS_OO_RW = 4
  integer(c_int), parameter :: DAOS_IOD_SINGLE = 1, DAOS_IOD_ARRAY = 2
  integer(c_int), parameter :: DAOS_OT_MULTI_HASHED = 0, DAOS_OT_MULTI_UINT64 = 4, DAOS_OT_MULTI_LEXICAL = 7
  integer(c_int32_t), parameter :: OC_UNKNOWN = 0, OC_S1 = 16777217, OC_S2 = 16777218, OC_S4 = 16777220
  integer(c_int32_t), parameter :: OC_SX = 16842751
  integer(c_int), parameter :: DER_NO_PERM = 1001, DER_NO_HDL = 1002, DER_INVAL = 1003, DER_EXIST = 1004
  integer(c_int), parameter :: DER_NONEXIST = 1005, DER_NOSPACE = 1007, DER_BUSY = 1012
  integer(c_int16_t), parameter :: DAOS_ANCHOR_TYPE_EOF = 3

  interface
    integer(c_int) function daos_init() bind(c)
      import :: c_int
    end function daos_init

    integer(c_int) function daos_fini() bind(c)
      import :: c_int
    end function daos_fini

    integer(c_int) function daos_pool_connect(pool, sys, flags, poh, info, ev) bind(c, name="daos_pool_connect2")
      import :: c_int, c_char, c_ptr, daos_handle_t
      character(kind=c_char), intent(in) :: pool(*)
      type(c_ptr), value :: sys
      integer(c_int), value :: flags
      type(daos_handle_t), intent(out) :: poh
      type(c_ptr), value :: info
      type(c_ptr), value :: ev
    end function daos_pool_connect

    integer(c_int) function daos_pool_disconnect(poh, ev) bind(c)
      import :: c_int, c_ptr, daos_handle_t
      type(daos_handle_t), value :: poh
      type(c_ptr), value :: ev
    end function daos_pool_disconnect

    integer(c_int) function daos_cont_create_with_label(poh, label, cont_prop, uuid, ev) bind(c)
      import :: c_int, c_char, c_ptr, daos_handle_t
      type(daos_handle_t), value :: poh
      character(kind=c_char), intent(in) :: label(*)
      type(c_ptr), value :: cont_prop
      type(c_ptr), value :: uuid
      type(c_ptr), value :: ev
    end function daos_cont_create_with_label

    integer(c_int) function daos_cont_open(poh, cont, flags, coh, info, ev) bind(c, name="daos_cont_open2")
      import :: c_int, c_char, c_ptr, daos_handle_t
      type(daos_handle_t), value :: poh
      character(kind=c_char), intent(in) :: cont(*)
      integer(c_int), value :: flags
      type(daos_handle_t), intent(out) :: coh
      type(c_ptr), value :: info
      type(c_ptr), value :: ev
    end function daos_cont_open

    integer(c_int) function daos_cont_close(coh, ev) bind(c)
      import :: c_int, c_ptr, daos_handle_t
      type(daos_handle_t), value :: coh
      type(c_ptr), value :: ev
    end function daos_cont_close

    integer(c_int) function daos_cont_destroy(poh, cont, force, ev) bind(c, name="daos_cont_destroy2")
      import :: c_int, c_char, c_ptr, daos_handle_t
      type(daos_handle_t), value :: poh
      character(kind=c_char), intent(in) :: cont(*)
      integer(c_int), value :: force
      type(c_ptr), value :: ev
    end function daos_cont_destroy

    integer(c_int) function daos_cont_alloc_oids(coh, num_oids, oid, ev) bind(c)
      import :: c_int, c_int64_t, c_ptr, daos_handle_t
      type(daos_handle_t), value :: coh
      integer(c_int64_t), value :: num_oids
      integer(c_int64_t), intent(out) :: oid
      type(c_ptr), value :: ev
    end function daos_cont_alloc_oids

    integer(c_int) function daos_obj_generate_oid(coh, oid, otype, cid, hints, args) &
        bind(c, name="daos_obj_generate_oid2")
      import :: c_int, c_int16_t, c_int32_t, daos_handle_t, daos_obj_id_t
      type(daos_handle_t), value :: coh
      type(daos_obj_id_t), intent(inout) :: oid
      integer(c_int), value :: otype
      integer(c_int32_t), value :: cid
      integer(c_int16_t), value :: hints
      integer(c_int32_t), value :: args
    end function daos_obj_generate_oid

    integer(c_int) function daos_obj_open(coh, oid, mode, oh, ev) bind(c)
      import :: c_int, c_ptr, daos_handle_t, daos_obj_id_t
      type(daos_handle_t), value :: coh
      type(daos_obj_id_t), value :: oid
      integer(c_int), value :: mode
      type(daos_handle_t), intent(out) :: oh
      type(c_ptr), value :: ev
    end function daos_obj_open

    integer(c_int) function daos_obj_close(oh, ev) bind(c)
      import :: c_int, c_ptr, daos_handle_t
      type(daos_handle_t), value :: oh
      type(c_ptr), value :: ev
    end function daos_obj_close

    integer(c_int) function daos_obj_update(oh, th, flags, dkey, nr, iods, sgls, ev) bind(c)
      import :: c_int, c_int64_t, c_ptr, daos_handle_t, d_iov_t, d_sg_list_t, daos_iod_t
      type(daos_handle_t), value :: oh
      type(daos_handle_t), value :: th
      integer(c_int64_t), value :: flags
      type(d_iov_t), intent(in) :: dkey
      integer(c_int), value :: nr
      type(daos_iod_t), intent(inout) :: iods(*)
      type(d_sg_list_t), intent(inout) :: sgls(*)
      type(c_ptr), value :: ev
    end function daos_obj_update

    integer(c_int) function daos_obj_fetch(oh, th, flags, dkey, nr, iods, sgls, ioms, ev) bind(c)
      import :: c_int, c_int64_t, c_ptr, daos_handle_t, d_iov_t, d_sg_list_t, daos_iod_t
      type(daos_handle_t), value :: oh
      type(daos_handle_t), value :: th
      integer(c_int64_t), value :: flags
      type(d_iov_t), intent(in) :: dkey
      integer(c_int), value :: nr
      type(daos_iod_t), intent(inout) :: iods(*)
      type(d_sg_list_t), intent(inout) :: sgls(*)
      type(c_ptr), value :: ioms
      type(c_ptr), value :: ev
    end function daos_obj_fetch

    integer(c_int) function daos_obj_list_dkey(oh, th, nr, kds, sgl, anchor, ev) bind(c)
      import :: c_int, c_int32_t, c_ptr, daos_handle_t, daos_key_desc_t, d_sg_list_t, daos_anchor_t
      type(daos_handle_t), value :: oh
      type(daos_handle_t), value :: th
      integer(c_int32_t), intent(inout) :: nr
      type(daos_key_desc_t), intent(inout) :: kds(*)
      type(d_sg_list_t), intent(inout) :: sgl
      type(daos_anchor_t), intent(inout) :: anchor
      type(c_ptr), value :: ev
    end function daos_obj_list_dkey

    integer(c_int) function daos_obj_list_akey(oh, th, dkey, nr, kds, sgl, anchor, ev) bind(c)
      import :: c_int, c_int32_t, c_ptr, daos_handle_t, d_iov_t, daos_key_desc_t, d_sg_list_t, daos_anchor_t
      type(daos_handle_t), value :: oh
      type(daos_handle_t), value :: th
      type(d_iov_t), intent(in) :: dkey
      integer(c_int32_t), intent(inout) :: nr
      type(daos_key_desc_t), intent(inout) :: kds(*)
      type(d_sg_list_t), intent(inout) :: sgl
      type(daos_anchor_t), intent(inout) :: anchor
      type(c_ptr), value :: ev
    end function daos_obj_list_akey

    type(c_ptr) function d_errstr(errnum) bind(c)
      import :: c_int, c_ptr
      integer(c_int), value :: errnum
    end function d_errstr

    type(c_ptr) function d_errdesc(errnum) bind(c)
      import :: c_int, c_ptr
      integer(c_int), value :: errnum
    end function d_errdesc
  end interface

contains

  ! The text as C wants it, with a zero at its end.
  pure function daos_string(text) result(out)
    character(len=*), intent(in) :: text
    character(kind=c_char) :: out(len_trim(text) + 1)
    integer :: i

    do i = 1, len_trim(text)
      out(i) = text(i:i)
    end do
    out(len_trim(text) + 1) = c_null_char
  end function daos_string

  ! Points a buffer at so many bytes.
  pure function d_iov(address, bytes) result(iov)
    type(c_ptr), intent(in) :: address
    integer(c_size_t), intent(in) :: bytes
    type(d_iov_t) :: iov

    iov = d_iov_t(address, bytes, bytes)
  end function d_iov

  ! The text of an error number.
  function daos_error_text(errnum) result(text)
    integer(c_int), intent(in) :: errnum
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    integer :: length

    call c_f_pointer(d_errdesc(errnum), letters, [256])
    length = 0
    do while (length < 256)
      if (letters(length + 1) == c_null_char) exit
      length = length + 1
    end do
    allocate (character(len=length) :: text)
    text = transfer(letters(1:length), text)
  end function daos_error_text

  ! Whether a listing has ended.
  pure logical function daos_anchor_is_eof(anchor)
    type(daos_anchor_t), intent(in) :: anchor

    daos_anchor_is_eof = anchor%da_type == DAOS_ANCHOR_TYPE_EOF
  end function daos_anchor_is_eof
end module daos
