// guestd: the daemon answers lines on TCP port 7000; `guestctl WORDS…` (or `guestd WORDS…`) is its client, made for the
// guest agent's guest-exec. A reply is one line of JSON; a client ends with status 1 if it reports an error.
//
//   dirty WORKING_SET_MIB RATE_MIB     rewrite and check memory; 0 0 stops
//   write MIB [SEED [OFFSET_MIB]]      write checksummed blocks beyond the partitions
//   verify                             read them all back
//   speed [random-]read|write MIB SECONDS   how fast the disk is: steps of 1 MiB, or random 4 KiB four at a time
//   stats                              everything known of the guest
//   tick [MILLISECONDS]                stream a numbered line every 10 ms until the connection ends
//   heartbeat ADDRESS:PORT MILLISECONDS   send UDP datagrams; 0 milliseconds stops
#define _GNU_SOURCE
#include "guest.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7000

static char boot_id[40], host_name[65];
static struct sockaddr_in heartbeat_to;
static volatile int heartbeat_ms;
static uint64_t heartbeats;

static void read_word(const char *path, char *text, int size) {
  FILE *file = fopen(path, "r");
  text[0] = 0;
  if (file && fgets(text, size, file)) text[strcspn(text, "\n")] = 0;
  if (file) fclose(file);
}

static void *beat(void *unused) {
  (void)unused;
  int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(out, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  for (;;) {
    int pause = heartbeat_ms;
    if (!pause) {
      usleep(200000);
      continue;
    }
    char line[256];
    gethostname(host_name, sizeof host_name);
    int n = snprintf(line, sizeof line, "{\"name\":\"%s\",\"boot_id\":\"%s\",\"beat\":%llu,\"memory_errors\":%llu}\n", host_name, boot_id,
                     (unsigned long long)++heartbeats, (unsigned long long)memory_errors());
    sendto(out, line, n, 0, (struct sockaddr *)&heartbeat_to, sizeof heartbeat_to);
    usleep(pause * 1000);
  }
  return NULL;
}

static int set_heartbeat(const char *address, int milliseconds, char *reply) {
  char host[64];
  int port = 0;
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (sscanf(address, "%63[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &to.sin_addr) != 1) {
    snprintf(reply, REPLY_BYTES, "{\"error\":\"heartbeat wants ADDRESS:PORT MILLISECONDS\"}");
    return 1;
  }
  to.sin_port = htons(port);
  heartbeat_to = to;
  heartbeat_ms = milliseconds;
  snprintf(reply, REPLY_BYTES, "{\"to\":\"%s:%d\",\"milliseconds\":%d}", host, port, milliseconds);
  return 0;
}

static int stats(char *reply) {
  char memory[512];
  memory_stats(memory, sizeof memory);
  gethostname(host_name, sizeof host_name);
  snprintf(reply, REPLY_BYTES, "{\"name\":\"%s\",\"boot_id\":\"%s\",\"uptime_seconds\":%.2f,\"heartbeats\":%llu,%s}", host_name, boot_id,
           clock_seconds(), (unsigned long long)heartbeats, memory);
  return memory_errors() > 0;
}

// obey runs one line and leaves a line of JSON in reply; the result is a process's exit status.
static int obey(const char *line, char *reply) {
  char word[32] = "", address[64] = "";
  double a = 0, b = 0;
  unsigned long long n[3] = {0, 1, 0};
  int milliseconds = 0;
  sscanf(line, "%31s", word);
  if (!strcmp(word, "dirty") && sscanf(line, "%*s %lf %lf", &a, &b) == 2 && a >= 0 && b >= 0) return memory_dirty(a, b, reply);
  if (!strcmp(word, "write") && sscanf(line, "%*s %llu %llu %llu", &n[0], &n[1], &n[2]) >= 1) return disk_write(n[0], n[1], n[2], reply);
  if (!strcmp(word, "verify")) return disk_verify(reply);
  if (!strcmp(word, "speed") && sscanf(line, "%*s %63s %llu %lf", address, &n[0], &a) == 3) return disk_speed(address, n[0], a, reply);
  if (!strcmp(word, "stats")) return stats(reply);
  if (!strcmp(word, "heartbeat") && sscanf(line, "%*s %63s %d", address, &milliseconds) == 2) return set_heartbeat(address, milliseconds, reply);
  snprintf(reply, REPLY_BYTES, "{\"error\":\"say dirty MIB RATE, write MIB [SEED [OFFSET]], verify, speed KIND MIB SECONDS, stats, tick [MS] or heartbeat ADDRESS:PORT MS\"}");
  return 2;
}

// tick streams "NUMBER UPTIME BOOT_ID MEMORY_ERRORS" until the peer goes away.
static void tick(int peer, int milliseconds) {
  char line[128];
  for (uint64_t number = 1;; number++) {
    int n = snprintf(line, sizeof line, "%llu %.3f %s %llu\n", (unsigned long long)number, clock_seconds(), boot_id, (unsigned long long)memory_errors());
    if (send(peer, line, n, MSG_NOSIGNAL) < 0) return;
    usleep(milliseconds * 1000);
  }
}

static void *converse(void *argument) {
  int peer = (int)(intptr_t)argument, on = 1;
  char line[256], reply[REPLY_BYTES + 2];
  FILE *in = fdopen(peer, "r");
  setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  while (in && fgets(line, sizeof line, in)) {
    int milliseconds = 10;
    if (!strncmp(line, "tick", 4)) {
      sscanf(line, "tick %d", &milliseconds);
      tick(peer, milliseconds > 0 ? milliseconds : 10);
      break;
    }
    obey(line, reply);
    strcat(reply, "\n");
    if (send(peer, reply, strlen(reply), MSG_NOSIGNAL) < 0) break;
  }
  if (in) fclose(in);
  return NULL;
}

static int serve(void) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  pthread_t thread;
  pthread_attr_t small;
  signal(SIGPIPE, SIG_IGN);
  read_word("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 16)) return perror("guestd: port 7000"), 1;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 * 1024);
  pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
  memory_start();
  pthread_create(&thread, &small, beat, NULL);
  for (;;) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer >= 0 && pthread_create(&thread, &small, converse, (void *)(intptr_t)peer)) close(peer);
  }
}

static int ask(int count, char **words) {
  struct sockaddr_in daemon = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int peer = socket(AF_INET, SOCK_STREAM, 0);
  char line[REPLY_BYTES] = "";
  if (connect(peer, (struct sockaddr *)&daemon, sizeof daemon)) return perror("guestctl: guestd does not answer"), 1;
  for (int i = 0; i < count; i++) snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", words[i], i + 1 < count ? " " : "\n");
  if (send(peer, line, strlen(line), 0) < 0) return 1;
  FILE *in = fdopen(peer, "r");
  int failed = 1, streaming = !strncmp(line, "tick", 4);
  while (fgets(line, sizeof line, in)) {
    char *errors = strstr(line, "errors\":"); // of verify, or memory_errors of stats
    fputs(line, stdout);
    failed = strstr(line, "\"error\":") || (errors && atoll(errors + strlen("errors\":")) > 0);
    if (!streaming) break;
  }
  return failed;
}

int main(int count, char **words) { return count > 1 ? ask(count - 1, words + 1) : serve(); }
