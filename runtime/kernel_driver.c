// Runs kernels on a machine without a C library, such as qemu-aarch64 in user
// mode: reads calls from standard input, writes results to standard output.
//
//   call:   u64 index into kernel_table, u64 number of buffers (at most 7),
//           for each buffer u64 bytes and u64 offset argument,
//           then the bytes of every buffer
//   result: the bytes of the last buffer after the call
//
// Numbers are little-endian. Build with -ffreestanding -nostdlib -static and a
// file that defines kernel_table; test/kernels/harness.py does so.
//
// Part of ulq, under the Apache License v2.0 with LLVM Exceptions.

#include <stddef.h>
#include <stdint.h>

// A kernel takes a pointer and an offset for each buffer, then the workgroup.
// Arguments beyond those that it has do no harm.
typedef void (*kernel_function)(uint64_t, uint64_t, uint64_t, uint64_t,
                                uint64_t, uint64_t, uint64_t, uint64_t,
                                uint64_t, uint64_t, uint64_t, uint64_t,
                                uint64_t, uint64_t, uint64_t);
extern const kernel_function kernel_table[];

enum { max_buffers = 7, arena_bytes = 64 << 20 };
static uint8_t arena[arena_bytes] __attribute__((aligned(64)));

#if defined(__aarch64__)
enum { sys_read = 63, sys_write = 64, sys_exit = 93 };

static long system_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
#elif defined(__x86_64__)
enum { sys_read = 0, sys_write = 1, sys_exit = 60 };

static long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}
#else
#error "expected aarch64 or x86_64"
#endif

static void leave(int status) {
  for (;;)
    system_call(sys_exit, status, 0, 0);
}

// Fills all `bytes`; returns 0 at the end of the input.
static int read_all(void *to, uint64_t bytes) {
  for (uint8_t *next = to; bytes > 0;) {
    long got = system_call(sys_read, 0, (long)next, (long)bytes);
    if (got <= 0)
      return 0;
    next += got;
    bytes -= (uint64_t)got;
  }
  return 1;
}

static void write_all(const uint8_t *from, uint64_t bytes) {
  while (bytes > 0) {
    long put = system_call(sys_write, 1, (long)from, (long)bytes);
    if (put <= 0)
      leave(2);
    from += put;
    bytes -= (uint64_t)put;
  }
}

static void run_call(const uint64_t header[2]) {
  uint64_t sizes[max_buffers][2], a[2 * max_buffers + 1];
  if (header[1] == 0 || header[1] > max_buffers ||
      !read_all(sizes, header[1] * sizeof(sizes[0])))
    leave(3);
  for (unsigned i = 0; i < 2 * max_buffers + 1; ++i)
    a[i] = 0;
  uint64_t used = 0, last = 0;
  for (unsigned i = 0; i < header[1]; ++i) {
    if (sizes[i][0] > arena_bytes - used - 64 ||
        !read_all(arena + used, sizes[i][0]))
      leave(4);
    a[2 * i] = (uint64_t)(arena + used);
    a[2 * i + 1] = sizes[i][1];
    last = used;
    used += (sizes[i][0] + 63) / 64 * 64;
  }
  kernel_table[header[0]](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8],
                          a[9], a[10], a[11], a[12], a[13], a[14]);
  write_all(arena + last, sizes[header[1] - 1][0]);
}

void run_calls(void) {
  uint64_t header[2];
  while (read_all(header, sizeof(header)))
    run_call(header);
  leave(0);
}

// The stack pointer is aligned at entry; x86_64 wants the state after a call.
#if defined(__aarch64__)
__asm__(".globl _start\n_start:\n  bl run_calls\n");
#else
__asm__(".globl _start\n_start:\n  call run_calls\n");
#endif
