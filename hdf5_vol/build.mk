# Builds the library that stands before HDF5's deprecated functions, and what libnetcdf asks: make -f hdf5_vol/build.mk OUTPUT=directory
CFLAGS ?= -O2 -g
SOURCES = hdf5_vol/preload/deprecated.c hdf5_vol/preload/netcdf.c
$(OUTPUT)/libdaos_hdf5_deprecated.so: $(SOURCES) hdf5_vol/build.mk
	mkdir -p $(OUTPUT)
	gcc $(CFLAGS) -Wall -Wextra -Werror -fvisibility=hidden -shared -fPIC -o $@ $(SOURCES) -ldl
