! SPDX-License-Identifier: BSD-2-Clause-Patent
!
! A field of three dimensions in one file: every rank writes its slab of planes, and reads a slab of columns back.
!
!   mpifort.mpich field.f90 -o field_fortran
!   env $(daos mpi-env) mpiexec.mpich -n 4 ./field_fortran daos:/tank/home/field
program field
  use mpi_f08
  implicit none
  integer, parameter :: lengths(3) = [64, 48, 40]
  integer :: rank, ranks, part(3), start(3), wrong, all_wrong
  double precision, allocatable :: values(:, :, :)
  character(len=1024) :: name

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  if (command_argument_count() /= 1) then
    print *, 'usage: field_fortran FILE'
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end if
  call get_command_argument(1, name)

  call divide(3)
  allocate (values(part(1), part(2), part(3)))
  call fill(values)
  call transfer(.true.)
  deallocate (values)

  call divide(1)
  allocate (values(part(1), part(2), part(3)))
  call transfer(.false.)
  wrong = count_wrong()
  call MPI_Allreduce(wrong, all_wrong, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD)
  if (rank == 0) print '(i0, a, i0, a)', all_wrong, ' values of ', product(lengths), ' are wrong'
  call MPI_Finalize()
  if (all_wrong /= 0) stop 1

contains

  ! The part of this rank when one dimension is divided among all ranks; it starts at zero, as MPI counts.
  subroutine divide(dimension)
    integer, intent(in) :: dimension
    part = lengths
    start = 0
    start(dimension) = lengths(dimension)*rank/ranks
    part(dimension) = lengths(dimension)*(rank + 1)/ranks - start(dimension)
  end subroutine divide

  double precision function expected(x, y, z)
    integer, intent(in) :: x, y, z
    expected = (start(1) + x) + 1.0d3*(start(2) + y) + 1.0d6*(start(3) + z)
  end function expected

  subroutine fill(array)
    double precision, intent(out) :: array(:, :, :)
    integer :: x, y, z
    do z = 1, part(3)
      do y = 1, part(2)
        do x = 1, part(1)
          array(x, y, z) = expected(x, y, z)
        end do
      end do
    end do
  end subroutine fill

  integer function count_wrong()
    integer :: x, y, z
    count_wrong = 0
    do z = 1, part(3)
      do y = 1, part(2)
        do x = 1, part(1)
          if (values(x, y, z) /= expected(x, y, z)) count_wrong = count_wrong + 1
        end do
      end do
    end do
  end function count_wrong

  ! Ends the job with the sentence of an error.
  subroutine check(code, what)
    integer, intent(in) :: code
    character(len=*), intent(in) :: what
    character(len=MPI_MAX_ERROR_STRING) :: sentence
    integer :: length
    if (code == MPI_SUCCESS) return
    call MPI_Error_string(code, sentence, length)
    print *, what, ': ', sentence(1:length)
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine check

  ! Writes or reads this rank's part, with one collective call.
  subroutine transfer(is_write)
    logical, intent(in) :: is_write
    type(MPI_File) :: file
    type(MPI_Datatype) :: view
    integer :: mode, code
    call MPI_Type_create_subarray(3, lengths, part, start, MPI_ORDER_FORTRAN, MPI_DOUBLE_PRECISION, view)
    call MPI_Type_commit(view)
    mode = MPI_MODE_RDONLY
    if (is_write) mode = ior(MPI_MODE_CREATE, MPI_MODE_WRONLY)
    call MPI_File_open(MPI_COMM_WORLD, trim(name), mode, MPI_INFO_NULL, file, code)
    call check(code, 'opening')
    call MPI_File_set_view(file, 0_MPI_OFFSET_KIND, MPI_DOUBLE_PRECISION, view, 'native', MPI_INFO_NULL, code)
    call check(code, 'setting the view')
    if (is_write) then
      call MPI_File_write_all(file, values, size(values), MPI_DOUBLE_PRECISION, MPI_STATUS_IGNORE, code)
      call check(code, 'writing')
    else
      call MPI_File_read_all(file, values, size(values), MPI_DOUBLE_PRECISION, MPI_STATUS_IGNORE, code)
      call check(code, 'reading')
    end if
    call MPI_File_close(file, code)
    call check(code, 'closing')
    call MPI_Type_free(view)
  end subroutine transfer
end program field
