/* What inline code of upstream's headers refers to is there, and says that no log is open and that no fault is injected: programs
 * that were compiled with those headers link and run. Declared here as they declare it.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct d_log_xstate {
	char *tag;
	void *dlog_facs;
	char *nodename;
	int fac_cnt;
};

extern struct d_log_xstate d_log_xst;
extern unsigned int d_fault_inject;
extern void *d_fault_attr_mem;
extern void (*d_alt_assert)(const int, const char *, const char *, const int);
extern uint64_t DB_ALL, DB_ANY, DB_TRACE, DB_MEM, DB_NET, DB_IO, DB_TEST;
extern int d_misc_logfac, d_mem_logfac, d_swim_logfac, d_fi_logfac, d_telem_logfac;
extern int d_misc_logfac_cache[17], d_mem_logfac_cache[17], d_swim_logfac_cache[17], d_fi_logfac_cache[17],
	d_telem_logfac_cache[17];

bool d_should_fail(void *attr);
void d_vlog(int flags, const char *fmt, va_list ap);

static void
say(int flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d_vlog(flags, fmt, ap);
	va_end(ap);
}

static void
must(bool condition)
{
	if (!condition)
		exit(1);
}

int
main(void)
{
	int i;

	must(d_log_xst.tag == NULL && d_log_xst.fac_cnt == 0 && d_alt_assert == NULL);
	must(d_fault_inject == 0 && d_fault_attr_mem == NULL && !d_should_fail(NULL));
	must((DB_ALL | DB_ANY | DB_TRACE | DB_MEM | DB_NET | DB_IO | DB_TEST) == 0);
	must((d_misc_logfac | d_mem_logfac | d_swim_logfac | d_fi_logfac | d_telem_logfac) == 0);
	for (i = 0; i < 17; i++)
		must((d_misc_logfac_cache[i] | d_mem_logfac_cache[i] | d_swim_logfac_cache[i] | d_fi_logfac_cache[i] |
		      d_telem_logfac_cache[i]) == 0);
	say(0, "%s is not printed\n", "this");
	say(1, "%s is %d words with a %.1f\n", "this", 7, 1.5);
	puts("done");
	return 0;
}
