/* Bare-metal driver of the accelerator, in C99, depending only on stdint.h.

   maccord.h, which `maccord verilog` writes next to the Verilog, must be on the include path.

       static struct maccord device;
       struct maccord_io io;

       maccord_memory_mapped(&io, (volatile uint32_t *)0x43c00000);
       if (maccord_open(&device, &io) == MACCORD_OK
           && maccord_load(&device, shared, (uint64_t)(uintptr_t)shared, offset, program, bytes)
               == MACCORD_OK
           && maccord_start(&device, 0) == MACCORD_OK
           && maccord_wait(&device, 0) == MACCORD_OK)
           ... the outputs are in memory ...

   With caches, clean the lines that the accelerator reads before maccord_start, and invalidate
   those that it writes after the wait. */
#ifndef MACCORD_DRIVER_H
#define MACCORD_DRIVER_H

#include <stdint.h>

#include "maccord.h"

#ifdef __cplusplus
extern "C" {
#endif

enum maccord_result {
    MACCORD_OK = 0,
    MACCORD_NOT_FOUND,    /* the identification register does not match */
    MACCORD_BAD_VERSION,  /* the hardware's version differs from that of maccord.h */
    MACCORD_BAD_ARGUMENT, /* an address or size is misaligned or too large */
    MACCORD_BUSY,         /* a program is running */
    MACCORD_TIMEOUT,      /* the program is still running */
    MACCORD_FAILED        /* the program ended early; see maccord_error */
};

/* Register access functions; offsets are in bytes from the control port's base address. */
struct maccord_io {
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
    /* Barrier between memory and register accesses, like Arm's DSB or RISC-V's FENCE; 0 if none is
       needed. Called before the start and after the end of a program. */
    void (*barrier)(void *context);
    void *context;
};

struct maccord {
    struct maccord_io io;
    uint32_t rows, cols, lanes, axi_bytes;
    uint32_t activation_bytes, weight_bytes, output_bytes, accumulators, line_cells;
    uint32_t features; /* MACCORD_FEATURES_..._MASK */
    volatile uint32_t status;  /* STATUS at the end, 0 before */
    volatile uint32_t records; /* interrupts of RECORD instructions since the start */
};

/* Initialize `io` for memory-mapped registers. */
void maccord_memory_mapped(struct maccord_io *io, volatile uint32_t *registers);

/* Find the accelerator and read its parameters. */
enum maccord_result maccord_open(struct maccord *device, const struct maccord_io *io);

/* Whether the hardware has all of `features`, an OR of MACCORD_FEATURES_..._MASK. A program that
   needs a missing feature ends with MACCORD_ERROR_ILLEGAL_INSTRUCTION: check before loading it. */
int maccord_has(const struct maccord *device, uint32_t features);

/* Copy a program to `memory` + `offset`, unless `memory` or `program` is 0, and select it as the
   next program. `base` is the accelerator's address of `memory`, a multiple of 4096 below 2**40;
   `offset` is a multiple of 256, `bytes` of MACCORD_INSTRUCTION_BYTES. */
enum maccord_result maccord_load(struct maccord *device, void *memory, uint64_t base,
                                 uint32_t offset, const void *program, uint32_t bytes);

/* Start the program; `interrupt` enables the interrupt. */
enum maccord_result maccord_start(struct maccord *device, int interrupt);

/* Poll the status until the program has ended, at most `polls` times; 0 means no limit. */
enum maccord_result maccord_wait(struct maccord *device, uint32_t polls);

/* Abort the running program, with MACCORD_ERROR_ABORTED; no effect while none runs. Then wait for
   its end as usual: outstanding bursts are completed first. Only then may the next program start.
   To abort after a timeout:

       if (maccord_wait(&device, polls) == MACCORD_TIMEOUT) {
           maccord_abort(&device);
           maccord_wait(&device, 0);
       } */
void maccord_abort(struct maccord *device);

/* To be called by the interrupt handler: clears the interrupt and returns STATUS as read before. */
uint32_t maccord_interrupt(struct maccord *device);

/* Wait until maccord_interrupt has seen the end. `sleep`, if not 0, is called in each round; it
   must return if an interrupt is pending, even one raised before the call. Returns MACCORD_TIMEOUT
   after `sleeps` rounds; 0 means no limit. For a time limit, `sleep` must also return on a timer.
*/
enum maccord_result maccord_wait_interrupt(struct maccord *device, void (*sleep)(void *context),
                                           void *context, uint32_t sleeps);

/* The current STATUS; a unit's state from UNITS (MACCORD_STATE_...), where MACCORD_UNIT_STORE + 1
   is the fetch unit; the number of instructions dispatched. */
uint32_t maccord_status(const struct maccord *device);
uint32_t maccord_unit(const struct maccord *device, uint32_t unit);
uint32_t maccord_instructions(const struct maccord *device);

/* Why the last program ended early: MACCORD_ERROR_... */
uint32_t maccord_error(const struct maccord *device);

/* All counters, by MACCORD_COUNTER_...; consistent 64-bit reads even while a program runs. */
void maccord_counters(const struct maccord *device, uint64_t counters[MACCORD_COUNTERS]);

/* Access a field of an instruction, e.g. MACCORD_LOAD_ROWS_LSB and _BITS. Bits of `value` beyond
   the field are ignored; cast signed values. Initialize an instruction to
   MACCORD_INSTRUCTION_BYTES bytes of 0. */
void maccord_put(uint8_t *instruction, uint32_t lsb, uint32_t bits, uint64_t value);
uint64_t maccord_get(const uint8_t *instruction, uint32_t lsb, uint32_t bits);

#ifdef __cplusplus
}
#endif

#endif
