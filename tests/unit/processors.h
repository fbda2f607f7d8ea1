/* processors.h: a machine of many processors, as the library sees it through OpenMP, on any machine the tests run on.
 * For the tests of calls that use several threads. */
#ifndef SJ_TEST_PROCESSORS_H
#define SJ_TEST_PROCESSORS_H

#define PROCESSORS 16

/* How often the library asked for the number of processors: it does before it uses threads, and only then. */
unsigned long processors_asked(void);

/* Threads this process has, those waiting for work among them; 0 where the system does not tell. */
unsigned threads_of_process(void);

#endif
