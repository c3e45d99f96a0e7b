/* A directory with a model of all that is in it. */
#ifndef TESTS_C_RANDOM_MODEL_FILES_H
#define TESTS_C_RANDOM_MODEL_FILES_H

#include "random_model.h"

#define NODES 40
#define NAMES 6
#define FILE_MAX 50000

enum kind { NONE, FOLDER, REGULAR, LINK };

/* What is under a name; of node 0, the directory of the thread, there is always one. */
struct node {
	enum kind kind;
	unsigned int parent;
	unsigned int name;
	size_t size;
	unsigned char *bytes;
	char target[16];
};

struct tree {
	dfs_t *dfs;
	char top[16];
	struct node nodes[NODES];
	unsigned char *buffer;
};

static const char *const names[NAMES] = {"a", "b", "long name with spaces", "\xc3\xa4\xc3\xb6", ".hidden", "z"};

static struct tree *
tree_open(dfs_t *dfs, unsigned int number)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	int rc;

	tree->dfs = dfs;
	tree->buffer = malloc(2 * FILE_MAX);
	snprintf(tree->top, sizeof(tree->top), "thread %u", number);
	rc = dfs_remove(dfs, NULL, tree->top, true, NULL);
	TRUE(rc == 0 || rc == ENOENT);
	DONE(dfs_mkdir(dfs, NULL, tree->top, 0755, 0));
	tree->nodes[0].kind = FOLDER;
	return tree;
}

/* A node under a name of a directory, NULL when there is none. */
static struct node *
tree_find(struct tree *tree, unsigned int parent, unsigned int name)
{
	unsigned int i;

	for (i = 1; i < NODES; i++)
		if (tree->nodes[i].kind != NONE && tree->nodes[i].parent == parent && tree->nodes[i].name == name)
			return &tree->nodes[i];
	return NULL;
}

static unsigned int
tree_count(struct tree *tree, unsigned int parent)
{
	unsigned int i, count = 0;

	for (i = 1; i < NODES; i++)
		count += tree->nodes[i].kind != NONE && tree->nodes[i].parent == parent;
	return count;
}

static struct node *
tree_free_node(struct tree *tree)
{
	unsigned int i;

	for (i = 1; i < NODES; i++)
		if (tree->nodes[i].kind == NONE)
			return &tree->nodes[i];
	return NULL;
}

static unsigned int
tree_random_folder(struct tree *tree, struct random *random)
{
	unsigned int i;

	do
		i = (unsigned int)below(random, NODES);
	while (tree->nodes[i].kind != FOLDER);
	return i;
}

static bool
tree_is_within(struct tree *tree, unsigned int node, unsigned int folder)
{
	while (node != folder && node != 0)
		node = tree->nodes[node].parent;
	return node == folder;
}

static void
tree_forget(struct tree *tree, struct node *node)
{
	unsigned int i, self = (unsigned int)(node - tree->nodes);

	for (i = 1; i < NODES; i++)
		if (tree->nodes[i].kind != NONE && tree->nodes[i].parent == self)
			tree_forget(tree, &tree->nodes[i]);
	free(node->bytes);
	memset(node, 0, sizeof(*node));
}

static void
tree_path(struct tree *tree, unsigned int node, char *path, size_t size)
{
	if (node == 0) {
		snprintf(path, size, "/%s", tree->top);
		return;
	}
	tree_path(tree, tree->nodes[node].parent, path, size);
	snprintf(path + strlen(path), size - strlen(path), "/%s", names[tree->nodes[node].name]);
}

static dfs_obj_t *
tree_lookup(struct tree *tree, unsigned int node, int flags)
{
	char path[1024];
	dfs_obj_t *object;

	tree_path(tree, node, path, sizeof(path));
	DONE(dfs_lookup(tree->dfs, path, flags, &object, NULL, NULL));
	return object;
}

/* Makes a directory, a file or a link. */
static void
tree_make(struct tree *tree, struct random *random)
{
	unsigned int parent = tree_random_folder(tree, random), name = (unsigned int)below(random, NAMES);
	struct node *old = tree_find(tree, parent, name), *new = tree_free_node(tree);
	dfs_obj_t *folder, *made = NULL;
	enum kind kind = FOLDER + (enum kind)below(random, 3);
	int rc = old != NULL ? EEXIST : 0;

	if (new == NULL)
		return;
	folder = tree_lookup(tree, parent, O_RDWR);
	if (kind == FOLDER)
		GIVES(dfs_mkdir(tree->dfs, folder, names[name], 0700, 0), rc);
	else if (kind == REGULAR)
		GIVES(dfs_open(tree->dfs, folder, names[name], S_IFREG | 0600, O_RDWR | O_CREAT | O_EXCL, 0,
			       one_in(random, 2) ? 4096 : 0, NULL, &made),
		      rc);
	else
		GIVES(dfs_open(tree->dfs, folder, names[name], S_IFLNK | 0600, O_RDWR | O_CREAT | O_EXCL, 0, 0, "../z", &made),
		      rc);
	if (rc == 0) {
		*new = (struct node){.kind = kind, .parent = parent, .name = name};
		strcpy(new->target, "../z");
		if (made != NULL)
			DONE(dfs_release(made));
	}
	DONE(dfs_release(folder));
}

static void
tree_resize(struct node *file, size_t size)
{
	if (size == 0) {
		free(file->bytes);
		file->bytes = NULL;
	} else {
		file->bytes = realloc(file->bytes, size);
		TRUE(file->bytes != NULL);
		if (size > file->size)
			memset(file->bytes + file->size, 0, size - file->size);
	}
	file->size = size;
}

static void
tree_read(struct tree *tree, struct node *file, dfs_obj_t *object, size_t offset, size_t length)
{
	size_t expected = offset >= file->size ? 0 : MIN(length, file->size - offset);
	daos_size_t found = 0;

	DONE(get(tree->dfs, object, tree->buffer, length, offset, &found));
	TRUE(found == expected);
	TRUE(expected == 0 || memcmp(tree->buffer, file->bytes + offset, expected) == 0);
}

/* Reads, writes, cuts or asks for the size of a file. */
static void
tree_use(struct tree *tree, struct random *random)
{
	unsigned int i = (unsigned int)below(random, NODES);
	struct node *file = &tree->nodes[i];
	size_t offset = below(random, FILE_MAX), length = 1 + below(random, one_in(random, 3) ? FILE_MAX : 100);
	daos_size_t size = 0;
	dfs_obj_t *object;
	size_t k;

	if (file->kind != REGULAR)
		return;
	object = tree_lookup(tree, i, O_RDWR);
	switch (below(random, 5)) {
	case 0:
	case 1:
		for (k = 0; k < length; k++)
			tree->buffer[k] = (unsigned char)below(random, 256);
		if (offset + length > file->size)
			tree_resize(file, offset + length);
		memcpy(file->bytes + offset, tree->buffer, length);
		DONE(put(tree->dfs, object, tree->buffer, length, offset));
		break;
	case 2:
		if (one_in(random, 2)) {
			DONE(dfs_punch(tree->dfs, object, offset, DFS_MAX_FSIZE));
			tree_resize(file, offset);
		} else {
			DONE(dfs_punch(tree->dfs, object, offset, length));
			if (offset + length < file->size)
				memset(file->bytes + offset, 0, length);
			else
				tree_resize(file, MIN(offset, file->size));
		}
		break;
	default:
		tree_read(tree, file, object, offset, length);
	}
	DONE(dfs_get_size(tree->dfs, object, &size));
	TRUE(size == file->size);
	DONE(dfs_release(object));
}

static void
tree_remove(struct tree *tree, struct random *random)
{
	unsigned int parent = tree_random_folder(tree, random), name = (unsigned int)below(random, NAMES);
	struct node *old = tree_find(tree, parent, name);
	dfs_obj_t *folder = tree_lookup(tree, parent, O_RDWR);
	bool force = one_in(random, 4);
	int rc = 0;

	if (old == NULL)
		rc = ENOENT;
	else if (old->kind == FOLDER && !force && tree_count(tree, (unsigned int)(old - tree->nodes)) > 0)
		rc = ENOTEMPTY;
	GIVES(dfs_remove(tree->dfs, folder, names[name], force, NULL), rc);
	if (rc == 0)
		tree_forget(tree, old);
	DONE(dfs_release(folder));
}

/* What a move must give. */
static int
tree_may_move(struct tree *tree, struct node *from, unsigned int to_parent, struct node *to)
{
	if (from == NULL)
		return ENOENT;
	if (from == to)
		return 0;
	if (from->kind == FOLDER && tree_is_within(tree, to_parent, (unsigned int)(from - tree->nodes)))
		return EINVAL;
	if (to == NULL)
		return 0;
	if (from->kind == FOLDER && to->kind != FOLDER)
		return ENOTDIR;
	if (from->kind != FOLDER && to->kind == FOLDER)
		return EISDIR;
	return to->kind == FOLDER && tree_count(tree, (unsigned int)(to - tree->nodes)) > 0 ? ENOTEMPTY : 0;
}

static void
tree_move(struct tree *tree, struct random *random)
{
	unsigned int parents[2] = {tree_random_folder(tree, random), tree_random_folder(tree, random)};
	unsigned int found[2] = {(unsigned int)below(random, NAMES), (unsigned int)below(random, NAMES)};
	struct node *from = tree_find(tree, parents[0], found[0]), *to = tree_find(tree, parents[1], found[1]);
	dfs_obj_t *folders[2] = {tree_lookup(tree, parents[0], O_RDWR), tree_lookup(tree, parents[1], O_RDWR)};
	int rc = tree_may_move(tree, from, parents[1], to);

	GIVES(dfs_move(tree->dfs, folders[0], names[found[0]], folders[1], names[found[1]], NULL), rc);
	if (rc == 0 && from != to) {
		if (to != NULL)
			tree_forget(tree, to);
		from->parent = parents[1];
		from->name = found[1];
	}
	DONE(dfs_release(folders[0]));
	DONE(dfs_release(folders[1]));
}

/* What there is in a directory is what the model has. */
static void
tree_compare(struct tree *tree, unsigned int node)
{
	dfs_obj_t *folder = tree_lookup(tree, node, O_RDONLY);
	daos_anchor_t anchor = {0};
	struct dirent entries[4];
	unsigned int count = 0, name;

	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t given = ARRAY_SIZE(entries), i;

		DONE(dfs_readdir(tree->dfs, folder, &anchor, &given, entries));
		for (i = 0; i < given; i++) {
			struct node *found;
			struct stat stat;

			for (name = 0; name < NAMES && strcmp(names[name], entries[i].d_name) != 0; name++)
				;
			TRUE(name < NAMES);
			found = tree_find(tree, node, name);
			TRUE(found != NULL);
			DONE(dfs_stat(tree->dfs, folder, names[name], &stat));
			TRUE(S_ISDIR(stat.st_mode) == (found->kind == FOLDER) && S_ISLNK(stat.st_mode) == (found->kind == LINK));
			TRUE(found->kind != REGULAR || (size_t)stat.st_size == found->size);
			count++;
		}
	}
	TRUE(count == tree_count(tree, node));
	DONE(dfs_release(folder));
}

static void
tree_step(struct tree *tree, struct random *random)
{
	switch (below(random, 8)) {
	case 0:
	case 1:
		tree_make(tree, random);
		break;
	case 2:
		tree_remove(tree, random);
		break;
	case 3:
		tree_move(tree, random);
		break;
	case 4:
		if (one_in(random, 4))
			tree_compare(tree, tree_random_folder(tree, random));
		break;
	default:
		tree_use(tree, random);
	}
}

/* All of it is compared, and removed. */
static void
tree_close(struct tree *tree)
{
	unsigned int i;
	dfs_obj_t *object;

	for (i = 0; i < NODES; i++) {
		char target[16] = "";
		daos_size_t size = sizeof(target);

		switch (tree->nodes[i].kind) {
		case FOLDER:
			tree_compare(tree, i);
			break;
		case REGULAR:
			object = tree_lookup(tree, i, O_RDONLY);
			tree_read(tree, &tree->nodes[i], object, 0, 2 * FILE_MAX);
			DONE(dfs_release(object));
			break;
		case LINK:
			object = tree_lookup(tree, i, O_RDONLY | O_NOFOLLOW);
			DONE(dfs_get_symlink_value(object, target, &size));
			TRUE(strcmp(target, tree->nodes[i].target) == 0);
			DONE(dfs_release(object));
			break;
		default:
			break;
		}
	}
	DONE(dfs_remove(tree->dfs, NULL, tree->top, true, NULL));
	for (i = 1; i < NODES; i++)
		free(tree->nodes[i].bytes);
	free(tree->buffer);
	free(tree);
}
#endif
