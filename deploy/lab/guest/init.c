// init: the guest's first process. It mounts the kernel's file systems, loads the modules in the order of their names,
// and becomes busybox's init. In C, because each program that a shell would start costs 20 ms under emulation.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_module(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void load_modules(const char *directory) {
  struct dirent **names;
  char path[512];
  int count = scandir(directory, &names, is_module, alphasort);
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (syscall(SYS_finit_module, file, "", 0)) perror(path);
    close(file);
    unlink(path); // it is in memory twice until then
  }
}

int main(void) {
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("run", "/run", "tmpfs", 0, NULL);
  load_modules("/modules");
  mkdir("/dev/pts", 0755);
  mount("devpts", "/dev/pts", "devpts", 0, NULL);
  execl("/bin/busybox", "init", NULL);
  perror("/bin/busybox");
  return 1;
}
