#include "maccord_driver.h"

#define ENDED (MACCORD_STATUS_DONE_MASK | MACCORD_STATUS_ERROR_MASK)
#define EVENTS (ENDED | MACCORD_STATUS_RECORDED_MASK)

static uint32_t read_mapped(void *context, uint32_t offset) {
    return ((volatile uint32_t *)context)[offset / 4u];
}

static void write_mapped(void *context, uint32_t offset, uint32_t value) {
    ((volatile uint32_t *)context)[offset / 4u] = value;
}

void maccord_memory_mapped(struct maccord_io *io, volatile uint32_t *registers) {
    io->read = read_mapped;
    io->write = write_mapped;
    io->barrier = 0;
    io->context = (void *)(uintptr_t)registers;
}

static uint32_t get(const struct maccord *device, uint32_t offset) {
    return device->io.read(device->io.context, offset);
}

static void set(const struct maccord *device, uint32_t offset, uint32_t value) {
    device->io.write(device->io.context, offset, value);
}

static void order(const struct maccord *device) {
    if (device->io.barrier) device->io.barrier(device->io.context);
}

static int is_busy(const struct maccord *device) {
    return (get(device, MACCORD_REG_STATUS) & MACCORD_STATUS_BUSY_MASK) != 0;
}

enum maccord_result maccord_open(struct maccord *device, const struct maccord_io *io) {
    device->io.read = io->read;
    device->io.write = io->write;
    device->io.barrier = io->barrier;
    device->io.context = io->context;
    device->status = 0;
    device->records = 0;
    if (get(device, MACCORD_REG_ID) != MACCORD_ID_VALUE) return MACCORD_NOT_FOUND;
    /* Patch versions change neither registers nor instructions */
    if (get(device, MACCORD_REG_VERSION) >> 16 != MACCORD_VERSION_VALUE >> 16)
        return MACCORD_BAD_VERSION;
    device->rows = get(device, MACCORD_REG_ROWS);
    device->cols = get(device, MACCORD_REG_COLS);
    device->lanes = get(device, MACCORD_REG_LANES);
    device->axi_bytes = get(device, MACCORD_REG_AXI_BYTES);
    device->activation_bytes = get(device, MACCORD_REG_ACTIVATION_BYTES);
    device->weight_bytes = get(device, MACCORD_REG_WEIGHT_BYTES);
    device->output_bytes = get(device, MACCORD_REG_OUTPUT_BYTES);
    device->accumulators = get(device, MACCORD_REG_ACCUMULATORS);
    device->line_cells = get(device, MACCORD_REG_LINE_CELLS);
    device->features = get(device, MACCORD_REG_FEATURES);
    return MACCORD_OK;
}

int maccord_has(const struct maccord *device, uint32_t features) {
    return (features & ~device->features) == 0;
}

enum maccord_result maccord_load(struct maccord *device, void *memory, uint64_t base,
                                 uint32_t offset, const void *program, uint32_t bytes) {
    const uint32_t low = (uint32_t)base, high = (uint32_t)(base >> 32);
    volatile uint8_t *to = (volatile uint8_t *)memory;
    const uint8_t *from = (const uint8_t *)program;
    uint32_t i;

    if ((low & ~MACCORD_BASE_LOW_ADDRESS_MASK) || (high & ~MACCORD_BASE_HIGH_ADDRESS_MASK)
        || (offset & ~MACCORD_PROGRAM_OFFSET_MASK) || bytes % MACCORD_INSTRUCTION_BYTES)
        return MACCORD_BAD_ARGUMENT;
    if (is_busy(device)) return MACCORD_BUSY;
    if (to && from)
        for (i = 0; i < bytes; ++i) to[offset + i] = from[i];
    set(device, MACCORD_REG_BASE_LOW, low);
    set(device, MACCORD_REG_BASE_HIGH, high);
    set(device, MACCORD_REG_PROGRAM, offset);
    return MACCORD_OK;
}

enum maccord_result maccord_start(struct maccord *device, int interrupt) {
    if (is_busy(device)) return MACCORD_BUSY;
    device->status = 0;
    device->records = 0;
    /* A pending interrupt of the last program must not be taken for the new program's */
    set(device, MACCORD_REG_STATUS, EVENTS);
    set(device, MACCORD_REG_IRQ_ENABLE, interrupt ? MACCORD_IRQ_ENABLE_ENABLE_MASK : 0u);
    order(device);
    set(device, MACCORD_REG_CONTROL, MACCORD_CONTROL_START_MASK);
    return MACCORD_OK;
}

static enum maccord_result ended(struct maccord *device, uint32_t status) {
    order(device);
    device->status = status;
    return status & MACCORD_STATUS_ERROR_MASK ? MACCORD_FAILED : MACCORD_OK;
}

enum maccord_result maccord_wait(struct maccord *device, uint32_t polls) {
    uint32_t done = 0;

    do {
        const uint32_t status = get(device, MACCORD_REG_STATUS);
        if (status & ENDED) return ended(device, status);
    } while (polls == 0 || ++done < polls);
    return MACCORD_TIMEOUT;
}

void maccord_abort(struct maccord *device) {
    set(device, MACCORD_REG_CONTROL, MACCORD_CONTROL_ABORT_MASK);
}

uint32_t maccord_interrupt(struct maccord *device) {
    const uint32_t status = get(device, MACCORD_REG_STATUS);

    /* Clear only the bits read: a later event raises the interrupt again */
    set(device, MACCORD_REG_STATUS, status & EVENTS);
    if (status & MACCORD_STATUS_RECORDED_MASK) device->records = device->records + 1u;
    if (status & ENDED) device->status = status;
    return status;
}

enum maccord_result maccord_wait_interrupt(struct maccord *device, void (*sleep)(void *context),
                                           void *context, uint32_t sleeps) {
    uint32_t done = 0;

    while (device->status == 0) {
        if (sleeps != 0 && done++ == sleeps) return MACCORD_TIMEOUT;
        if (sleep) sleep(context);
    }
    return ended(device, device->status);
}

uint32_t maccord_status(const struct maccord *device) { return get(device, MACCORD_REG_STATUS); }

uint32_t maccord_unit(const struct maccord *device, uint32_t unit) {
    return get(device, MACCORD_REG_UNITS) >> (4u * unit) & 15u;
}

uint32_t maccord_instructions(const struct maccord *device) {
    return get(device, MACCORD_REG_INSTRUCTION);
}

uint32_t maccord_error(const struct maccord *device) {
    return (device->status & MACCORD_STATUS_ERROR_CODE_MASK) >> MACCORD_STATUS_ERROR_CODE_LSB;
}

void maccord_counters(const struct maccord *device, uint64_t counters[MACCORD_COUNTERS]) {
    uint32_t i;

    for (i = 0; i < MACCORD_COUNTERS; ++i) {
        const uint32_t at = MACCORD_REG_CYCLES_LOW + 8u * i;
        uint32_t low, high = get(device, at + 4u), before;
        do {
            before = high;
            low = get(device, at);
            high = get(device, at + 4u);
        } while (high != before);
        counters[i] = (uint64_t)high << 32 | low;
    }
}

void maccord_put(uint8_t *instruction, uint32_t lsb, uint32_t bits, uint64_t value) {
    uint32_t i;

    for (i = 0; i < bits; ++i) {
        const uint32_t at = (lsb + i) / 8u, bit = (lsb + i) % 8u;
        const uint32_t kept = instruction[at] & ~(1u << bit);
        instruction[at] = (uint8_t)(kept | (uint32_t)(value >> i & 1u) << bit);
    }
}

uint64_t maccord_get(const uint8_t *instruction, uint32_t lsb, uint32_t bits) {
    uint64_t value = 0;
    uint32_t i;

    for (i = 0; i < bits; ++i)
        value |= (uint64_t)(instruction[(lsb + i) / 8u] >> (lsb + i) % 8u & 1u) << i;
    return value;
}
