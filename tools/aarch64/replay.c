/* Call the kernels of a target as a file tells, and compare what they return with it.
 *
 *     replay TARGET FILE
 *
 * A record of the file, written by recorded.py, is a call: the name of the kernel, the
 * values that the bindings hand it, and what the reference returned. Every bit counts.
 */
#include "calls.h"

/* Counted are the instructions between two of these, by count.c. */
#ifdef __aarch64__
#define MARK() __asm__ volatile("hint #101" ::: "memory")
#else
#define MARK()
#endif

static size_t find_kernel(const char *name)
{
    for (size_t i = 0; i < N_KNOWN; ++i)
        if (strcmp(known[i].name, name) == 0)
            return i;
    fail("the file names an unknown kernel");
}

/* Make a call; return whether all that it gives is the reference's. */
static int is_equal(const struct quiver_kernels *kernels, const struct kernel *kernel,
                    struct call *call)
{
    MARK();
    int status = kernel->call(kernels, call);
    MARK();
    int equal = status == 0;
    for (int64_t i = 0; equal && i < call->n_outputs; ++i) {
        int64_t place = call->n_inputs + i;
        size_t n_bytes = bytes_of(call->values + place);
        equal = memcmp(call->written[i], call->arrays[place], n_bytes) == 0;
    }
    return equal;
}

int main(int n_arguments, char **arguments)
{
    static struct call call;
    size_t n_calls[N_KNOWN] = {0}, n_equal[N_KNOWN] = {0}, n_wrong = 0, number = 0;
    const char *lacks;
    if (n_arguments != 3)
        fail("usage: replay TARGET FILE");
    const struct quiver_kernels *kernels = quiver_find_kernels(arguments[1], &lacks);
    if (kernels == NULL) {
        printf("this processor lacks %s\n", lacks == NULL ? "the target" : lacks);
        return 3;
    }
    FILE *file = fopen(arguments[2], "rb");
    if (file == NULL)
        fail("the file cannot be opened");
    for (; n_used = 0, read_call(&call, file); ++number) {
        size_t kernel = find_kernel(call.kernel);
        int equal = is_equal(kernels, known + kernel, &call);
        if (!equal)
            printf("call %zu, %s: differs\n", number, call.kernel);
        n_wrong += !equal;
        n_equal[kernel] += (size_t)equal;
        ++n_calls[kernel];
    }
    for (size_t i = 0; i < N_KNOWN; ++i)
        if (n_calls[i] > 0)
            printf("%s: %zu of %zu equal\n", known[i].name, n_equal[i], n_calls[i]);
    return n_wrong > 0 || number == 0;
}
