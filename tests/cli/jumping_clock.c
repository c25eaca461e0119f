// The wall clock while somebody sets it: every look at it jumps by days, forth and back. A test preloads this into the
// command; clocks that only run forward stay as they are.
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t jumped(time_t now) {
  static atomic_int n_looks;
  const int n = atomic_fetch_add(&n_looks, 1);
  return n % 2 ? now + 400 * 86400 : now - 3 * 86400;
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  const int code = (int)syscall(SYS_clock_gettime, clock, out);
  if (code == 0 && clock == CLOCK_REALTIME) out->tv_sec = jumped(out->tv_sec);
  return code;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* out, void* zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}
