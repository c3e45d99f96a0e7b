# SPDX-License-Identifier: BSD-2-Clause-Patent
# Tests that come with ROMIO and with MPICH, as programs in BUILD/programs.
#
#   make -f mpiio_driver/romio/programs.mk SOURCE=... BUILD=... ROMIO_TESTS='...' MPICH_TESTS='...'

MPICC ?= mpicc.mpich
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
TESTS := $(SOURCE)/../../../test/mpi
OUTPUT := $(BUILD)/programs
FLAGS := -O1 -w
SHARED := $(addprefix $(OUTPUT)/,mtest.o mtest_common.o mtest_thread.o)

all: $(addprefix $(OUTPUT)/romio/,$(ROMIO_TESTS)) $(addprefix $(OUTPUT)/io/,$(MPICH_TESTS))

# Two of them have been written by the configure script.
vpath %.c $(SOURCE)/test $(BUILD)/test $(TESTS)/util

$(OUTPUT)/romio/%: %.c
	@mkdir -p $(@D)
	$(MPICC) $(FLAGS) -o $@ $< -lm

$(OUTPUT)/io/%: $(TESTS)/io/%.c $(SHARED)
	@mkdir -p $(@D)
	$(MPICC) $(FLAGS) -I$(HERE) -I$(TESTS)/include -o $@ $< $(SHARED) -lm -lpthread

$(OUTPUT)/%.o: %.c
	@mkdir -p $(@D)
	$(MPICC) $(FLAGS) -I$(HERE) -I$(TESTS)/include -c -o $@ $<

.SECONDARY: $(SHARED)
