/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Names of files. ROMIO has taken the prefix "daos:" away, so these arrive, in the order in which they are tried:
 *
 *   //POOL/CONTAINER/path   always this pool and container
 *   /mount/or/uns/path      when a directory of the local file system on its way stands for a container
 *   path                    in the container of the variables DAOS_POOL and DAOS_CONT, when both are set
 *   /POOL/CONTAINER/path    this pool and container
 */
#include "driver.h"

#include <daos_uns.h>
#include <errno.h>

/* Copies a part of a name that must not be empty, up to a slash or the end. Gives what is behind it, NULL for a bad one. */
static const char *label(const char *text, char *copy)
{
	size_t length = strcspn(text, "/");

	if (length == 0 || length > DAOS_PROP_LABEL_MAX_LEN)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return text + length;
}

/* Copies a whole text that is a label; a variable that is set may still be empty, or be too long. */
static bool is_label(const char *text, char *copy)
{
	const char *rest = label(text, copy);

	return rest != NULL && *rest == '\0';
}

static bool is_inside(const char *text, const char *pool, const char *container)
{
	size_t pool_length = strlen(pool), length = strlen(container);

	return text[0] == '/' && strncmp(text + 1, pool, pool_length) == 0 && text[pool_length + 1] == '/' &&
	       strncmp(text + pool_length + 2, container, length) == 0 && text[pool_length + length + 2] == '/';
}

/* A path that a directory of the local file system leads into a container. */
static bool unified(const char *text, struct mpiio_name *name)
{
	duns_attr_t attributes = { 0 };
	bool found = false;

	if (text[0] != '/' || duns_resolve_path(text, &attributes) != 0)
		return false;
	if (attributes.da_rel_path != NULL && attributes.da_pool[0] != '\0' && attributes.da_cont[0] != '\0') {
		snprintf(name->pool, sizeof name->pool, "%s", attributes.da_pool);
		snprintf(name->container, sizeof name->container, "%s", attributes.da_cont);
		found = (size_t)snprintf(name->path, sizeof name->path, "%s%s",
				attributes.da_rel_path[0] == '/' ? "" : "/", attributes.da_rel_path) < sizeof name->path;
	}
	duns_destroy_attr(&attributes);
	return found;
}

/* The pool and container of the environment. */
static bool inherited(const char *text, struct mpiio_name *name)
{
	const char *pool = getenv("DAOS_POOL"), *container = getenv("DAOS_CONT");

	if (pool == NULL || container == NULL || !is_label(pool, name->pool) || !is_label(container, name->container) ||
		is_inside(text, pool, container))
		return false;
	return (size_t)snprintf(name->path, sizeof name->path, "%s%s", text[0] == '/' ? "" : "/", text) <
	       sizeof name->path;
}

static int explicitly(const char *text, struct mpiio_name *name, struct mpiio_failure *failure)
{
	const char *rest = text + strspn(text, "/");

	rest = label(rest, name->pool);
	if (rest != NULL && *rest == '/')
		rest = label(rest + strspn(rest, "/"), name->container);
	if (rest == NULL || *rest != '/')
		return mpiio_fail(failure, EDOM, "\"daos:%s\" names no file: write daos:/POOL/CONTAINER/path, or set DAOS_POOL "
			"and DAOS_CONT and write daos:path", text);
	if (strlen(rest) >= sizeof name->path)
		return mpiio_fail(failure, ENAMETOOLONG, "the path in container %s is longer than %d bytes", name->container,
			PATH_MAX - 1);
	snprintf(name->path, sizeof name->path, "%s", rest);
	return 0;
}

int mpiio_parse(const char *text, struct mpiio_name *name, struct mpiio_failure *failure)
{
	size_t length;
	int number = 0;

	/* With ROMIO_FSTYPE_FORCE the prefix may be there still. */
	if (strncasecmp(text, "daos:", 5) == 0)
		text += 5;
	if (strncmp(text, "//", 2) == 0)
		number = explicitly(text, name, failure);
	else if (!unified(text, name) && !inherited(text, name))
		number = explicitly(text, name, failure);
	if (number != 0)
		return number;
	length = strlen(name->path);
	if (name->path[length - 1] == '/')
		return mpiio_fail(failure, EISDIR, "%s in container %s is the name of a directory", name->path,
			name->container);
	return 0;
}

const char *mpiio_last_part(const char *path, char *directory)
{
	const char *slash = strrchr(path, '/');
	size_t length = (size_t)(slash - path);

	if (length == 0)
		length = 1;
	memcpy(directory, path, length);
	directory[length] = '\0';
	return slash + 1;
}
