/* A plug-in of QEMU: print how many instructions run between two marks of replay.c.
 *
 * Declared is what it takes of version 1 of the interface (QEMU 4.2 to 8.2), since
 * Debian ships no header of it.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_UINT64 = 0, READS_NO_REGISTERS = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id id, void (*translated)(plugin_id id, struct qemu_plugin_tb *block));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
                                                        size_t place);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *instruction, int operation, void *counter, uint64_t by);
extern void qemu_plugin_register_vcpu_insn_exec_cb(
    struct qemu_plugin_insn *instruction, void (*executed)(unsigned cpu, void *data),
    int flags, void *data);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

static const uint32_t mark = 0xD5032CBF; /* hint #101 */
static uint64_t n_executed, n_before;
static int is_open;

static void at_mark(unsigned cpu, void *data)
{
    (void)cpu, (void)data;
    if (is_open)
        fprintf(stderr, "%" PRIu64 "\n", n_executed - n_before - 1);
    n_before = n_executed;
    is_open = !is_open;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_UINT64, &n_executed, 1);
        if (memcmp(qemu_plugin_insn_data(instruction), &mark, sizeof mark) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_mark,
                                                   READS_NO_REGISTERS, NULL);
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void *about, int n_arguments,
                               char **arguments)
{
    (void)about, (void)n_arguments, (void)arguments;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
