// System calls that leave errno alone, for what runs between clone and exec in memory that others work in
// meanwhile: errno would be theirs too.
#ifndef GATEHOUSE_CALL_H
#define GATEHOUSE_CALL_H

// The kernel's own result: below 0 it is an errno, negated.
static inline long gh_call(long number, long a, long b, long c, long d, long e) {
#if defined __x86_64__
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__
    register long call __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                     : "memory", "cc");
    return first;
#else
#error "system calls of this processor are not known here"
#endif
}

#endif
