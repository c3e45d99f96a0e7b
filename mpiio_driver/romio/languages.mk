# SPDX-License-Identifier: BSD-2-Clause-Patent
# MPICH's tests of MPI-IO in Fortran and C++, as programs in BUILD/programs/{f77,f90,f08,cxx}.
#
#   make -f mpiio_driver/romio/languages.mk SOURCE=... BUILD=... PROGRAMS='f77/writef cxx/writex ...'
#
# Most of them are made by MPICH's script `testmerge` of one harness per language, which its configure script would see to;
# those of Fortran 90 have no harness of their own but that of Fortran 77, changed as MPICH's makefile changes it.

MPICC ?= mpicc.mpich
MPICXX ?= mpicxx.mpich
MPIFORT ?= mpifort.mpich
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
TESTS := $(SOURCE)/../../../test/mpi
OUTPUT := $(BUILD)/programs
WORK := $(OUTPUT)/sources
LANGUAGES := f77 f90 f08 cxx
# How often most of them access one number alone. MPICH's count of 4000 finds nothing more, and where many processes share
# the processors each of the 24000 accesses waits for its turn.
SINGLE_CALLS ?= 20

all: $(addprefix $(OUTPUT)/,$(PROGRAMS))

C_FLAGS := -O1 -w -I$(HERE) -I$(TESTS)/include
# Calls with buffers of any type are no mistakes here.
FORTRAN_FLAGS := -O1 -w -fallow-argument-mismatch
CXX_FLAGS := -O1 -w -DHAVE_IOSTREAM -DHAVE_NAMESPACE_STD -I$(HERE) -I$(TESTS)/include

SHARED := $(addprefix $(WORK)/,mtest.o mtest_common.o mtest_thread.o)
part_in_c = $(MPICC) $(C_FLAGS) -DF77_NAME_LOWER_USCORE=1 -c -o $(1).o $(1).c
# Two programs are compiled at once, so each has a directory of its own for the modules.
modules = $(shell mkdir -p $(WORK)/$(1)/$(2))-J$(WORK)/$(1)/$(2)

# Everything that is written is written below WORK, which looks as MPICH's directory of tests does.
$(WORK)/stamp: $(TESTS)/maint/testmerge.in $(lastword $(MAKEFILE_LIST))
	rm -rf $(WORK) && mkdir -p $(WORK)/maint $(WORK)/include
	cp $(HERE)mpitestconf.h $(WORK)/include/
	sed 's,@PERL@,/usr/bin/env perl,' $< >$(WORK)/maint/testmerge
	set -e; for language in $(LANGUAGES); do \
		mkdir -p $(WORK)/$$language $(OUTPUT)/$$language; cp -r $(TESTS)/$$language/io $(WORK)/$$language/; \
	done
	cd $(WORK)/f77/io && for file in ioaint iooffset iodisp; do \
		sed -e 's/@F77_MPI_OFFSET@/integer*8/' -e 's/@F77_MPI_ADDRESS@/integer*8/' $$file.h.in >$$file.h; done
	cd $(WORK)/f90/io && sed -e 's/filename="\(.*\)f.f"/filename="\1f90.f90"/' \
		-e 's/include.*iooffset.*/integer (kind=MPI_OFFSET_KIND) offset/' ../../f77/io/ioharness.defn >ioharness.defn
	cd $(WORK)/f90/io && sed -e 's/include.*mpif.*/use mpi/' -e 's/fheader/f90header/' -e 's/^C/!/' \
		-e '/implicit *none/d' ../../f77/io/ioharness.tlt >ioharness.tlt
	set -e; for language in $(LANGUAGES); do cd $(WORK)/$$language/io; sed -i 's/1,4000, /1,$(SINGLE_CALLS), /' ioharness.tlt; \
		perl ../../maint/testmerge -defn=$(TESTS)/maint/common.defn ioharness.defn ioharness.tlt; done
	cd $(WORK) && $(MPICC) $(C_FLAGS) -c $(TESTS)/util/mtest.c $(TESTS)/util/mtest_common.c $(TESTS)/util/mtest_thread.c
	touch $@

# Each program is linked with what its language shares; a module of Fortran has to be compiled first.
$(OUTPUT)/f77/%: $(WORK)/stamp
	cd $(WORK)/f77/io && $(MPIFORT) $(FORTRAN_FLAGS) -o $@ $*.f $(TESTS)/util/mtest_f77.f

$(OUTPUT)/f90/%: $(WORK)/stamp
	cd $(WORK)/f90/io && $(MPIFORT) $(FORTRAN_FLAGS) $(call modules,f90,$*) -o $@ $(TESTS)/util/mtest_f90.f90 $*.f90

$(OUTPUT)/f08/%: $(WORK)/stamp
	cd $(WORK)/f08/io && $(MPIFORT) $(FORTRAN_FLAGS) $(call modules,f08,$*) -o $@ $(TESTS)/util/mtest_f08.f90 $*.f90

$(OUTPUT)/cxx/%: $(WORK)/stamp
	cd $(WORK)/cxx/io && $(MPICXX) $(CXX_FLAGS) -o $@ $*.cxx $(TESTS)/util/mtest_cxx.cxx $(WORK)/mtest_common.o

# Those with a part in C, and those that are C alone but ask for numbers of Fortran.
$(OUTPUT)/f77/c2f2ciof: $(WORK)/stamp
	cd $(WORK)/f77/io && $(call part_in_c,c2f2cio) && \
		$(MPIFORT) $(FORTRAN_FLAGS) -o $@ c2f2ciof.f c2f2cio.o $(TESTS)/util/mtest_f77.f
$(OUTPUT)/f90/c2f2ciof90: $(WORK)/stamp
	cd $(WORK)/f90/io && $(call part_in_c,c2f902cio) && \
		$(MPIFORT) $(FORTRAN_FLAGS) $(call modules,f90,c2f2ciof90) -o $@ $(TESTS)/util/mtest_f90.f90 c2f2ciof90.f90 c2f902cio.o
# Its own copy of the part in C does not compile.
$(OUTPUT)/f08/c2f2ciof90: $(WORK)/stamp
	cd $(WORK)/f08/io && cp ../../f90/io/c2f902cio.c . && $(call part_in_c,c2f902cio) && \
		$(MPIFORT) $(FORTRAN_FLAGS) $(call modules,f08,c2f2ciof90) -o $@ $(TESTS)/util/mtest_f08.f90 c2f2ciof90.f90 c2f902cio.o
$(addprefix $(OUTPUT)/,f77/c2fmultio f90/c2f90multio f08/c2f90multio): $(OUTPUT)/%: $(WORK)/stamp
	cd $(WORK)/$(*D)/io && $(MPICC) $(C_FLAGS) -o $@ $(*F).c $(SHARED) -lpthread
