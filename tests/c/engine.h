/* What the C tests share that kill engines. */
#ifndef TESTS_C_ENGINE_H
#define TESTS_C_ENGINE_H

#include <signal.h>

#include "check.h"

/* Kills the engine of our directory, as a power cut would; false when the engine of the last kill has no successor yet, or that is
 * starting. */
static inline bool
kill_engine(void)
{
	char path[4096];
	const char *directory = getenv("DAOS_LOCAL_PATH");
	FILE *file;
	bool killed;
	int pid = 0;

	TRUE(directory != NULL);
	snprintf(path, sizeof(path), "%s/engine.pid", directory);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	killed = fscanf(file, "%d", &pid) == 1 && pid > 1 && kill(pid, SIGKILL) == 0;
	fclose(file);
	return killed;
}
#endif
