/* What the models of random calls share. */
#ifndef TESTS_C_RANDOM_MODEL_H
#define TESTS_C_RANDOM_MODEL_H

#include <signal.h>

#include <gurt/common.h>

#include "dfs.h"

/* The numbers of one thread. */
struct random {
	uint64_t state;
};

static uint64_t
below(struct random *random, uint64_t limit)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (random->state * 0x2545F4914F6CDD1DULL >> 11) % limit;
}

static bool
one_in(struct random *random, uint64_t count)
{
	return below(random, count) == 0;
}
#endif
