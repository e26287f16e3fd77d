// disk.c: checksummed blocks in the part of the disk beyond its partitions. A block holds its number, the seed and the
// sequence of the write that made it, and a checksum; a header keeps which write is the latest for each block, so that a
// block that a copy or a backup left out shows, even though it is sound in itself. Writes are announced in the header
// before and confirmed after, so that a power cut in between is not mistaken for damage.
#define _GNU_SOURCE
#include "guest.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <unistd.h>

#define MAGIC 0x314b434f4c424e43ULL // "CNBLOCK1"
#define HEADER_BYTES (64 * 1024)
#define CHUNK (256 * 1024)
#define MAX_WRITES 1500

struct block { uint64_t magic, number, seed, sequence, words[PAGE / 8 - 5], checksum; };
struct extent { uint64_t start, count, seed, sequence, done; };
struct header { uint64_t magic, sequence, extents; struct extent extent[MAX_WRITES]; uint64_t checksum; };
_Static_assert(sizeof(struct block) == PAGE, "a block is a page");
_Static_assert(sizeof(struct header) <= HEADER_BYTES, "the header fits");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t checksum(const void *data, size_t bytes) {
  const uint64_t *word = data;
  uint64_t sum = 0xcbf29ce484222325ULL;
  for (size_t i = 0; i < bytes / 8; i++) sum = (sum ^ word[i]) * 0x100000001b3ULL + (sum >> 29);
  return sum;
}

static void make_block(struct block *block, uint64_t number, uint64_t seed, uint64_t sequence) {
  *block = (struct block){.magic = MAGIC, .number = number, .seed = seed, .sequence = sequence};
  uint64_t state = mix(seed ^ mix(number ^ mix(sequence)));
  for (size_t i = 0; i < sizeof block->words / 8; i++) {
    state ^= state << 13; state ^= state >> 7; state ^= state << 17;
    block->words[i] = state;
  }
  block->checksum = checksum(block, offsetof(struct block, checksum));
}

// disk_region finds where the partitions of the DOS label end, on a MiB boundary, and how many bytes follow.
int disk_region(int disk, uint64_t *start, uint64_t *bytes) {
  unsigned char *label = aligned_alloc(PAGE, PAGE);
  uint64_t size = 0, end = 0;
  int failed = pread(disk, label, PAGE, 0) != PAGE || ioctl(disk, BLKGETSIZE64, &size) || label[510] != 0x55;
  for (int i = 0; i < 4 && !failed; i++) {
    uint32_t first, count;
    memcpy(&first, label + 446 + 16 * i + 8, 4);
    memcpy(&count, label + 446 + 16 * i + 12, 4);
    if (end < 512ULL * (first + (uint64_t)count)) end = 512ULL * (first + (uint64_t)count);
  }
  free(label);
  *start = (end + MIB - 1) / MIB * MIB;
  *bytes = size > *start ? size - *start : 0;
  return failed || *bytes <= HEADER_BYTES;
}

static int transfer(int disk, void *data, size_t bytes, uint64_t at, int writing) {
  for (size_t done = 0; done < bytes;) {
    ssize_t n = writing ? pwrite(disk, (char *)data + done, bytes - done, at + done) : pread(disk, (char *)data + done, bytes - done, at + done);
    if (n <= 0) return 1;
    done += n;
  }
  return 0;
}

static int save_header(int disk, struct header *header, uint64_t start) {
  header->checksum = checksum(header, offsetof(struct header, checksum));
  return transfer(disk, header, HEADER_BYTES, start, 1) || fdatasync(disk);
}

// load_header returns 0, or 1 if the disk cannot be read, or 2 if the header is damaged; a disk never written is empty.
static int load_header(int disk, struct header *header, uint64_t start) {
  if (transfer(disk, header, HEADER_BYTES, start, 0)) return 1;
  if (header->magic == MAGIC) return header->checksum == checksum(header, offsetof(struct header, checksum)) ? 0 : 2;
  if (header->magic) return 2;
  *header = (struct header){.magic = MAGIC};
  return 0;
}

static int is_covered(struct header *header, uint64_t index) {
  struct extent *old = &header->extent[index];
  for (uint64_t i = index + 1; i < header->extents; i++) {
    struct extent *newer = &header->extent[i];
    if (newer->done && newer->start <= old->start && newer->start + newer->count >= old->start + old->count) return 1;
  }
  return 0;
}

static void drop_covered(struct header *header) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < header->extents; i++)
    if (!is_covered(header, i)) header->extent[kept++] = header->extent[i];
  memset(&header->extent[kept], 0, (header->extents - kept) * sizeof(struct extent));
  header->extents = kept;
}

static int complain(char *reply, const char *what) {
  snprintf(reply, REPLY_BYTES, "{\"error\":\"%s\"}", what);
  return 1;
}

static int write_extent(int disk, struct extent *extent, uint64_t start, char *chunk) {
  for (uint64_t done = 0; done < extent->count;) {
    uint64_t n = extent->count - done < CHUNK / PAGE ? extent->count - done : CHUNK / PAGE;
    for (uint64_t i = 0; i < n; i++) make_block((struct block *)(chunk + i * PAGE), extent->start + done + i, extent->seed, extent->sequence);
    if (transfer(disk, chunk, n * PAGE, start + HEADER_BYTES + (extent->start + done) * PAGE, 1)) return 1;
    done += n;
  }
  return fdatasync(disk);
}

static int write_locked(int disk, struct header *header, char *chunk, uint64_t mib, uint64_t seed, uint64_t offset_mib, char *reply) {
  uint64_t start, bytes;
  if (disk_region(disk, &start, &bytes)) return complain(reply, "the disk has no room beyond its partitions");
  if (!mib || (mib + offset_mib) * MIB > bytes - HEADER_BYTES) {
    snprintf(reply, REPLY_BYTES, "{\"error\":\"%llu MiB are free beyond the partitions\"}", (unsigned long long)((bytes - HEADER_BYTES) / MIB));
    return 1;
  }
  int state = load_header(disk, header, start);
  if (state) return complain(reply, state == 1 ? "the disk cannot be read" : "the header of the blocks is damaged");
  drop_covered(header);
  if (header->extents == MAX_WRITES) return complain(reply, "too many separate writes");
  struct extent *extent = &header->extent[header->extents++];
  *extent = (struct extent){.start = offset_mib * MIB / PAGE, .count = mib * MIB / PAGE, .seed = seed, .sequence = ++header->sequence};
  if (save_header(disk, header, start) || write_extent(disk, extent, start, chunk)) return complain(reply, "the disk cannot be written");
  extent->done = 1;
  if (save_header(disk, header, start)) return complain(reply, "the disk cannot be written");
  snprintf(reply, REPLY_BYTES, "{\"blocks\":%llu,\"seed\":%llu,\"sequence\":%llu}", (unsigned long long)extent->count,
           (unsigned long long)seed, (unsigned long long)header->sequence);
  return 0;
}

// is_expected tells whether a block is what the latest confirmed write left there, or a write that was cut short.
static int is_expected(struct header *header, struct block *block, uint64_t number) {
  if (block->magic == MAGIC && block->checksum != checksum(block, offsetof(struct block, checksum))) return 0;
  for (uint64_t i = header->extents; i-- > 0;) {
    struct extent *extent = &header->extent[i];
    if (number < extent->start || number >= extent->start + extent->count) continue;
    if (block->magic == MAGIC && block->number == number && block->seed == extent->seed && block->sequence == extent->sequence) return 1;
    if (extent->done) return 0;
  }
  return block->magic == 0; // never written, or only by a write that was cut short
}

static int verify_locked(int disk, struct header *header, char *chunk, char *reply) {
  uint64_t start, bytes, end = 0, blocks = 0, errors = 0, first_bad = 0, digest = 0;
  if (disk_region(disk, &start, &bytes)) return complain(reply, "the disk has no room beyond its partitions");
  int state = load_header(disk, header, start);
  if (state == 1) return complain(reply, "the disk cannot be read");
  if (state == 2) errors = 1;
  for (uint64_t i = 0; !state && i < header->extents; i++)
    if (end < header->extent[i].start + header->extent[i].count) end = header->extent[i].start + header->extent[i].count;
  for (uint64_t at = 0; at < end;) {
    uint64_t n = end - at < CHUNK / PAGE ? end - at : CHUNK / PAGE;
    if (transfer(disk, chunk, n * PAGE, start + HEADER_BYTES + at * PAGE, 0)) return complain(reply, "the disk cannot be read");
    for (uint64_t i = 0; i < n; i++, at++) {
      struct block *block = (struct block *)(chunk + i * PAGE);
      if (!is_expected(header, block, at) && !errors++) first_bad = at;
      blocks += block->magic == MAGIC;
      digest = mix(digest ^ checksum(block, PAGE)) + at;
    }
  }
  snprintf(reply, REPLY_BYTES, "{\"blocks\":%llu,\"errors\":%llu,\"first_bad\":%llu,\"sequence\":%llu,\"digest\":\"%016llx\"}",
           (unsigned long long)blocks, (unsigned long long)errors, (unsigned long long)first_bad,
           (unsigned long long)(state ? 0 : header->sequence), (unsigned long long)digest);
  return errors > 0;
}

// with_disk runs one of the two on the disk itself: O_DIRECT, so that the guest's page cache hides nothing.
static int with_disk(int writing, uint64_t mib, uint64_t seed, uint64_t offset_mib, char *reply) {
  int disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC), result;
  if (disk < 0) return complain(reply, "the disk cannot be opened");
  struct header *header = aligned_alloc(PAGE, HEADER_BYTES);
  char *chunk = aligned_alloc(PAGE, CHUNK);
  memset(header, 0, HEADER_BYTES);
  pthread_mutex_lock(&lock);
  result = writing ? write_locked(disk, header, chunk, mib, seed, offset_mib, reply) : verify_locked(disk, header, chunk, reply);
  pthread_mutex_unlock(&lock);
  free(chunk);
  free(header);
  close(disk);
  return result;
}

int disk_write(uint64_t mib, uint64_t seed, uint64_t offset_mib, char *reply) { return with_disk(1, mib, seed, offset_mib, reply); }
int disk_verify(char *reply) { return with_disk(0, 0, 0, 0, reply); }
