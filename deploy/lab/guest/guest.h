// guest.h: what the parts of guestd share. guestd runs in the lab's guest image; it puts load on the guest and proves
// that neither memory nor disk was damaged by what was done to it from outside.
#ifndef GUEST_H
#define GUEST_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define DISK "/dev/vda"
#define PAGE 4096
#define MIB 1048576ULL
#define REPLY_BYTES 1024

// clock_seconds is the guest's monotonic clock.
static inline double clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

// mix spreads a number over 64 bits (the finaliser of splitmix64).
static inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// memory.c
void memory_start(void);
int memory_dirty(double working_set_mib, double rate_mib, char *reply);
uint64_t memory_errors(void);
int memory_stats(char *text, size_t size); // the fields of a JSON object

// disk.c
int disk_write(uint64_t mib, uint64_t seed, uint64_t offset_mib, char *reply);
int disk_verify(char *reply);
int disk_region(int disk, uint64_t *start, uint64_t *bytes);

// speed.c
int disk_speed(const char *kind, uint64_t mib, double seconds, char *reply);
#endif
