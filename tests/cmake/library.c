/* A library that uses libuuid without naming it when it is linked, as that of mpiFileUtils does: upstream's libdaos brings it. */
#include <daos.h>

void uuid_generate(unsigned char *uuid);

int
library_works(void)
{
	unsigned char uuid[16] = {0};
	int i, rc = daos_init();

	if (rc != 0)
		return 0;
	uuid_generate(uuid);
	for (i = 0; i < 16 && uuid[i] == 0; i++)
		;
	return daos_fini() == 0 && i < 16;
}
