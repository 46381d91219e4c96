/* Bare-metal driver of the accelerator, in C99 with nothing but stdint.h.

   maccord.h, which `maccord verilog` writes beside the Verilog, must be found.

       static struct maccord device;
       struct maccord_io io;

       maccord_memory_mapped(&io, (volatile uint32_t *)0x43c00000);
       if (maccord_open(&device, &io) == MACCORD_OK
           && maccord_load(&device, shared, (uint64_t)(uintptr_t)shared, offset, program, bytes)
               == MACCORD_OK
           && maccord_start(&device, 0) == MACCORD_OK
           && maccord_wait(&device, 0) == MACCORD_OK)
           ... the outputs are in memory ...

   With caches, write back what the accelerator reads before maccord_start, and invalidate what it
   writes after the wait. */
#ifndef MACCORD_DRIVER_H
#define MACCORD_DRIVER_H

#include <stdint.h>

#include "maccord.h"

#ifdef __cplusplus
extern "C" {
#endif

enum maccord_result {
    MACCORD_OK = 0,
    MACCORD_NOT_FOUND,    /* the identification is another */
    MACCORD_BAD_VERSION,  /* the hardware is of another version than maccord.h */
    MACCORD_BAD_ARGUMENT, /* an address or a size is not aligned or too large */
    MACCORD_BUSY,         /* a program runs */
    MACCORD_TIMEOUT,      /* it still runs */
    MACCORD_FAILED        /* it ended early; maccord_error says why */
};

/* How registers are reached; offsets are bytes from the control port's address. */
struct maccord_io {
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
    /* Orders memory against registers, as Arm's DSB and RISC-V's FENCE do; 0 if there is no need.
       Called before the start, and after the end. */
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

/* Fill in `io` for registers in the address space. */
void maccord_memory_mapped(struct maccord_io *io, volatile uint32_t *registers);

/* Find the accelerator and read its parameters. */
enum maccord_result maccord_open(struct maccord *device, const struct maccord_io *io);

/* Whether the hardware has all of `features`, an OR of MACCORD_FEATURES_..._MASK. A program that
   needs what is missing ends with MACCORD_ERROR_ILLEGAL_INSTRUCTION: ask before it is loaded. */
int maccord_has(const struct maccord *device, uint32_t features);

/* Copy a program to `offset` bytes from `memory`, unless `memory` or `program` is 0, and make it
   the next to run. `base` is the address at which the accelerator sees `memory`, a multiple of 4096
   below 2**40; `offset` is a multiple of 256, `bytes` of MACCORD_INSTRUCTION_BYTES. */
enum maccord_result maccord_load(struct maccord *device, void *memory, uint64_t base,
                                 uint32_t offset, const void *program, uint32_t bytes);

/* Start the program, with the interrupt enabled or not. */
enum maccord_result maccord_start(struct maccord *device, int interrupt);

/* Read the status until the program has ended: `polls` times, without end if that is 0. */
enum maccord_result maccord_wait(struct maccord *device, uint32_t polls);

/* End the program that runs, MACCORD_ERROR_ABORTED; no effect while none does. Wait for its end
   then, as for any other: memory still answers what it was asked for. The next program may start
   after that. For one that takes too long:

       if (maccord_wait(&device, polls) == MACCORD_TIMEOUT) {
           maccord_abort(&device);
           maccord_wait(&device, 0);
       } */
void maccord_abort(struct maccord *device);

/* To be called by the interrupt handler: lowers the interrupt, and returns the STATUS it found. */
uint32_t maccord_interrupt(struct maccord *device);

/* Wait until maccord_interrupt has seen the end. `sleep`, if not 0, is called in between; it must
   return when an interrupt is pending, even one that came before it was called. MACCORD_TIMEOUT
   after `sleeps` rounds, each a call of `sleep`; without end if that is 0. For a limit in time,
   `sleep` must also return on a timer. */
enum maccord_result maccord_wait_interrupt(struct maccord *device, void (*sleep)(void *context),
                                           void *context, uint32_t sleeps);

/* STATUS now; of UNITS, what a unit does now (MACCORD_STATE_...), MACCORD_UNIT_STORE + 1 is the
   fetch; how many instructions were handed out. */
uint32_t maccord_status(const struct maccord *device);
uint32_t maccord_unit(const struct maccord *device, uint32_t unit);
uint32_t maccord_instructions(const struct maccord *device);

/* Why the last program ended early: MACCORD_ERROR_... */
uint32_t maccord_error(const struct maccord *device);

/* All counters, by MACCORD_COUNTER_...; of one that runs, no carry is lost. */
void maccord_counters(const struct maccord *device, uint64_t counters[MACCORD_COUNTERS]);

/* A field of an instruction: MACCORD_LOAD_ROWS_LSB and _BITS, for one. Bits of `value` beyond the
   field are ignored; signed values are cast. A new instruction is MACCORD_INSTRUCTION_BYTES of 0. */
void maccord_put(uint8_t *instruction, uint32_t lsb, uint32_t bits, uint32_t value);
uint32_t maccord_get(const uint8_t *instruction, uint32_t lsb, uint32_t bits);

#ifdef __cplusplus
}
#endif

#endif
