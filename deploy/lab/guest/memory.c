// memory.c: a thread that rewrites the pages of a working set at a set rate, and checks each page before it does so.
// Every word of a page is known from its number and its generation, and the generations are kept apart, so that a page
// that a migration lost or sent too early is seen.
#define _GNU_SOURCE
#include "guest.h"
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS (PAGE / 8)
#define SCAN_MIB_PER_SECOND 4.0 // checked even while nothing is dirtied

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t *pages;
static uint32_t *generations;
static size_t page_count;
static double wanted_rate;
static uint64_t dirtied_bytes, checked_bytes, errors;

static void fill(size_t page) {
  uint64_t *word = pages + page * WORDS, first = mix(page << 32 | ++generations[page]);
  for (int i = 0; i < WORDS; i++) word[i] = first + (uint64_t)i * 0x9e3779b97f4a7c15ULL;
}

static void check(size_t page) {
  uint64_t *word = pages + page * WORDS, first = mix(page << 32 | generations[page]), wrong = 0;
  for (int i = 0; i < WORDS; i++) wrong |= word[i] ^ (first + (uint64_t)i * 0x9e3779b97f4a7c15ULL);
  checked_bytes += PAGE;
  if (wrong) errors++;
}

static void *churn(void *unused) {
  (void)unused;
  double last = clock_seconds(), dirty_owed = 0, scan_owed = 0;
  size_t next = 0, scan = 0;
  for (;;) {
    usleep(5000);
    double now = clock_seconds(), passed = now - last;
    last = now;
    pthread_mutex_lock(&lock);
    if (!page_count) {
      dirty_owed = scan_owed = next = scan = 0;
      pthread_mutex_unlock(&lock);
      usleep(100000);
      continue;
    }
    if (passed > 0.2) passed = 0.2; // after a pause the guest must not make up for lost time
    dirty_owed += passed * wanted_rate * MIB;
    scan_owed += passed * SCAN_MIB_PER_SECOND * MIB;
    for (double end = now + 0.1; dirty_owed >= PAGE; dirty_owed -= PAGE) {
      if (next >= page_count) next = 0;
      check(next);
      fill(next++);
      dirtied_bytes += PAGE;
      if (clock_seconds() > end) dirty_owed = PAGE; // slower than asked for: let others have the lock
    }
    for (; scan_owed >= PAGE; scan_owed -= PAGE) {
      if (scan >= page_count) scan = 0;
      check(scan++);
    }
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

void memory_start(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, churn, NULL);
}

#define KEPT_FREE (8 * MIB) // for everything else in the guest

// available is how many bytes could be used without anything being killed for it, 0 if the kernel does not say.
static double available(void) {
  char line[128];
  double kibibytes = 0;
  FILE *meminfo = fopen("/proc/meminfo", "r");
  while (meminfo && fgets(line, sizeof line, meminfo))
    if (sscanf(line, "MemAvailable: %lf kB", &kibibytes) == 1) break;
  if (meminfo) fclose(meminfo);
  return kibibytes * 1024;
}

int memory_dirty(double working_set_mib, double rate_mib, char *reply) {
  size_t wanted = (size_t)(working_set_mib * MIB) / PAGE;
  pthread_mutex_lock(&lock);
  if (wanted != page_count) {
    if (page_count) {
      munmap(pages, page_count * PAGE);
      munmap(generations, page_count * sizeof *generations);
      page_count = 0;
    }
    if (wanted && working_set_mib * MIB + KEPT_FREE > available()) {
      pthread_mutex_unlock(&lock);
      snprintf(reply, REPLY_BYTES, "{\"error\":\"only %.0f MiB can be used; give the VM more memory\"}", (available() - KEPT_FREE) / MIB);
      return 1;
    }
    if (wanted) {
      pages = mmap(NULL, wanted * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      generations = mmap(NULL, wanted * sizeof *generations, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (pages == MAP_FAILED || generations == MAP_FAILED) {
        pthread_mutex_unlock(&lock);
        snprintf(reply, REPLY_BYTES, "{\"error\":\"no memory for a working set of %.0f MiB\"}", working_set_mib);
        return 1;
      }
      for (size_t page = 0; page < wanted; page++) {
        generations[page] = 0;
        page_count = page + 1;
        fill(page);
      }
    }
  }
  wanted_rate = rate_mib;
  pthread_mutex_unlock(&lock);
  snprintf(reply, REPLY_BYTES, "{\"working_set_mib\":%.0f,\"rate_mib\":%.1f}", working_set_mib, rate_mib);
  return 0;
}

uint64_t memory_errors(void) { return errors; }

int memory_stats(char *text, size_t size) {
  return snprintf(text, size,
                  "\"working_set_mib\":%llu,\"rate_mib\":%.1f,\"dirtied_bytes\":%llu,\"checked_bytes\":%llu,\"memory_errors\":%llu",
                  (unsigned long long)(page_count * PAGE / MIB), wanted_rate, (unsigned long long)dirtied_bytes,
                  (unsigned long long)checked_bytes, (unsigned long long)errors);
}
