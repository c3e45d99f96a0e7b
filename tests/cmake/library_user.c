/* A program that links the library beside it and nothing else. */
int library_works(void);

int
main(void)
{
	return library_works() ? 0 : 1;
}
