# Builds the library that stands before HDF5's deprecated functions: make -f hdf5_vol/build.mk OUTPUT=directory
CFLAGS ?= -O2 -g
$(OUTPUT)/libdaos_hdf5_deprecated.so: hdf5_vol/preload/deprecated.c hdf5_vol/build.mk
	mkdir -p $(OUTPUT)
	gcc $(CFLAGS) -Wall -Wextra -Werror -fvisibility=hidden -shared -fPIC -o $@ $< -ldl
