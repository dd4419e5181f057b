/* Loaded into a process before its libraries: its clock of the day is five seconds behind; the clock that durations come from is right. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (!failed && clock == CLOCK_REALTIME) {
    now->tv_sec -= 5;
  }
  return failed;
}
