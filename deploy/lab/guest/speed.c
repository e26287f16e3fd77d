// speed.c: how fast the disk is, measured past the guest's page cache on the part beyond its partitions. Writing ruins what
// disk.c left there.
#define _GNU_SOURCE
#include "guest.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_BYTES MIB
#define WORKERS 4 // that reach random places at once

struct work {
  int disk, writing, scattered;
  uint64_t start, bytes, seed, done; // done counts transfers
  double until;
  int failed;
};

static void *run(void *argument) {
  struct work *work = argument;
  uint64_t size = work->scattered ? PAGE : LONG_BYTES, places = work->bytes / size, state = work->seed;
  char *data = aligned_alloc(PAGE, size);
  memset(data, 0x5a, size);
  while (clock_seconds() < work->until && !work->failed) {
    state = mix(state + 1);
    uint64_t at = work->start + (work->scattered ? state % places : work->done % places) * size;
    ssize_t n = work->writing ? pwrite(work->disk, data, size, at) : pread(work->disk, data, size, at);
    work->failed = n != (ssize_t)size;
    work->done++;
  }
  free(data);
  return NULL;
}

static int measure(int disk, struct work common, double seconds, char *reply) {
  struct work work[WORKERS];
  pthread_t thread[WORKERS];
  uint64_t done = 0;
  int failed = 0, workers = common.scattered ? WORKERS : 1;
  double began = clock_seconds();
  common.until = began + seconds;
  for (int i = 0; i < workers; i++) {
    work[i] = common;
    work[i].seed = mix(i + 1);
    pthread_create(&thread[i], NULL, run, &work[i]);
  }
  for (int i = 0; i < workers; i++) {
    pthread_join(thread[i], NULL);
    done += work[i].done;
    failed |= work[i].failed;
  }
  if (failed || fdatasync(disk)) {
    snprintf(reply, REPLY_BYTES, "{\"error\":\"the disk cannot be used\"}");
    return 1;
  }
  snprintf(reply, REPLY_BYTES, "{\"transfers\":%llu,\"seconds\":%.3f}", (unsigned long long)done, clock_seconds() - began);
  return 0;
}

int disk_speed(const char *kind, uint64_t mib, double seconds, char *reply) {
  struct work common = {.writing = strstr(kind, "write") != NULL, .scattered = !strncmp(kind, "random-", 7)};
  uint64_t free_bytes;
  const char *plain = common.scattered ? kind + 7 : kind;
  if ((strcmp(plain, "read") && strcmp(plain, "write")) || !mib || seconds <= 0) {
    snprintf(reply, REPLY_BYTES, "{\"error\":\"speed wants read, write, random-read or random-write, MIB and SECONDS\"}");
    return 2;
  }
  common.disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
  common.bytes = mib * MIB;
  if (common.disk < 0 || disk_region(common.disk, &common.start, &free_bytes) || common.bytes > free_bytes) {
    if (common.disk >= 0) close(common.disk);
    snprintf(reply, REPLY_BYTES, "{\"error\":\"the disk has not so much room beyond its partitions\"}");
    return 1;
  }
  int result = measure(common.disk, common, seconds, reply);
  close(common.disk);
  return result;
}
