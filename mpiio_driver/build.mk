# SPDX-License-Identifier: BSD-2-Clause-Patent
# The library libdaos_mpiio.so of ROMIO's archive, the glue and the driver.
#
#   make -f mpiio_driver/build.mk SOURCE=.../mpich-4.0.2/src/mpi/romio BUILD=... LIBRARIES=... OUTPUT=...
#
# SOURCE and BUILD are those of romio/Makefile; libdaos is in LIBRARIES; objects and the library go to OUTPUT.

MPICC ?= mpicc.mpich
OPTIMIZE ?= -O2
HERE := $(dir $(lastword $(MAKEFILE_LIST)))

SOURCES := $(wildcard $(HERE)src/*.c $(HERE)glue/*.c)
OBJECTS := $(addprefix $(OUTPUT)/,$(addsuffix .o,$(basename $(notdir $(SOURCES)))))
HEADERS := $(wildcard $(HERE)src/*.h $(HERE)glue/*.h)

# ROMIO's headers are not ours to warn about.
FLAGS := -std=gnu11 -D_GNU_SOURCE $(OPTIMIZE) -g -fPIC -Wall -Wextra -Werror -DROMIO_DAOS=1 \
	-isystem $(BUILD)/include -isystem $(BUILD)/adio/include -isystem $(BUILD)/mpl/include \
	-isystem $(SOURCE)/adio/include -isystem $(SOURCE)/mpi-io -isystem $(SOURCE)/mpl/include -I$(HERE)../include

vpath %.c $(HERE)src $(HERE)glue

# Names of the MPI library are looked up when they are first called, in the library that the program has loaded.
$(OUTPUT)/libdaos_mpiio.so: $(OBJECTS) $(BUILD)/romio.a $(HERE)glue/exported.map
	gcc -shared -o $@.new $(OBJECTS) $(BUILD)/romio.a -Wl,-soname,libdaos_mpiio.so -Wl,-z,lazy -Wl,--wrap=PMPI_Type_get_envelope \
		-Wl,--version-script=$(HERE)glue/exported.map -Wl,-rpath,'$$ORIGIN' -L$(LIBRARIES) -ldaos -lpthread -ldl
	mv $@.new $@

$(OUTPUT)/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	$(MPICC) $(FLAGS) -c -o $@ $<
