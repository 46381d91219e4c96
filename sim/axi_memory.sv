// AXI4 slave with the timing of a memory behind a controller: each channel has its own handshake,
// responses come in order after `latency` cycles, one beat per cycle, with many bursts outstanding.
// memory.cpp stores the data. Full-width INCR bursts only; axi_checker.sv reports others.
module axi_memory #(
    parameter int D = 16,     // bytes per beat
    parameter int DEPTH = 64  // bursts outstanding in each direction
) (
    input  logic           aclk,
    input  logic           aresetn,
    input  logic [63:0]    base,     // first address that answers
    input  logic [63:0]    size,     // bytes, multiple of D
    input  logic [15:0]    latency,  // cycles from request to first answer, at least 2
    input  logic [15:0]    jitter,   // maximum random addition to it, cycles
    input  logic [7:0]     stall,    // probability, in 256ths, that a channel stalls in a cycle
    input  logic [31:0]    seed,
    input  logic [1:0]     awid,
    input  logic [39:0]    awaddr,
    input  logic [7:0]     awlen,
    input  logic           awvalid,
    output logic           awready,
    input  logic [8*D-1:0] wdata,
    input  logic [D-1:0]   wstrb,
    input  logic           wvalid,
    output logic           wready,
    output logic [1:0]     bid,
    output logic [1:0]     bresp,
    output logic           bvalid,
    input  logic           bready,
    input  logic [1:0]     arid,
    input  logic [39:0]    araddr,
    input  logic [7:0]     arlen,
    input  logic           arvalid,
    output logic           arready,
    output logic [1:0]     rid,
    output logic [8*D-1:0] rdata,
    output logic [1:0]     rresp,
    output logic           rlast,
    output logic           rvalid,
    input  logic           rready,
    output logic [63:0]    read_bursts,
    output logic [63:0]    read_beats,
    output logic [63:0]    write_bursts,
    output logic [63:0]    write_beats,
    output logic [63:0]    overlaps  // bursts that overlap one in flight in the other direction
);
    // Reads and writes return the response: OKAY, or that of an injected error
    import "DPI-C" function int memory_read(input longint unsigned offset, input int bytes,
                                            output bit [8*D-1:0] data);
    import "DPI-C" function int memory_write(input longint unsigned offset, input int bytes,
                                             input bit [8*D-1:0] data,
                                             input longint unsigned strobes);
    import "DPI-C" function int memory_open(input int writes, input longint unsigned first,
                                            input longint unsigned bytes);
    import "DPI-C" function void memory_close(input int writes);
    import "DPI-C" function void memory_forget();

    localparam int P = $clog2(DEPTH);
    localparam logic [1:0] OKAY = 2'b00, DECERR = 2'b11;
    localparam logic [P:0] FULL = (P + 1)'(DEPTH - 1);

    logic [63:0] cycle;
    logic [63:0] random;  // xorshift64: a byte per channel, two for the latency

    function automatic logic [63:0] xorshift(input logic [63:0] state);
        logic [63:0] x;
        x = state ^ (state << 13);
        x = x ^ (x >> 7);
        return x ^ (x << 17);
    endfunction

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            cycle  <= 0;
            random <= {32'h9E3779B9, seed} ^ {seed, 32'h85EBCA6B};
        end else begin
            cycle <= cycle + 1;
            if (stall != 0 || jitter != 0) random <= xorshift(random);
        end
    end

    wire [32:0] extra = 33'(random[63:48]) * (33'(jitter) + 33'd1);
    wire [63:0] due = cycle + 64'(latency) - 64'd1 + 64'(extra[32:16]);

    function automatic logic inside_memory(input logic [39:0] address);
        return 64'(address) >= base && 64'(address) - base + 64'(D) <= size;
    endfunction

    // Reads: a queue of bursts, answered in order
    logic [1:0]  read_id[DEPTH];
    logic [39:0] read_address[DEPTH];
    logic [7:0]  read_length[DEPTH];
    logic [63:0] read_due[DEPTH];
    logic [P-1:0] read_head, read_tail;
    logic [P:0]   read_count;
    logic [7:0]   read_beat;

    wire ar_fire = arvalid && arready;
    wire read_go = (!rvalid || rready) && read_count != 0 && cycle >= read_due[read_head]
                   && random[7:0] >= stall;
    wire read_last = read_beat == read_length[read_head];
    wire [39:0] read_now = read_address[read_head] + 40'(read_beat) * D;

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            arready <= 0;
            rvalid <= 0;
            read_head <= 0;
            read_tail <= 0;
            read_count <= 0;
            read_beat <= 0;
            read_bursts <= 0;
            read_beats <= 0;
        end else begin
            arready <= read_count + (P + 1)'(ar_fire) < FULL && random[15:8] >= stall;
            if (ar_fire) begin
                read_id[read_tail] <= arid;
                read_address[read_tail] <= araddr;
                read_length[read_tail] <= arlen;
                read_due[read_tail] <= due;
                read_tail <= read_tail + 1;
                read_bursts <= read_bursts + 1;
            end
            if (read_go) begin
                read_beat <= read_last ? 0 : read_beat + 1;
                read_head <= read_head + P'(read_last);
            end
            read_count <= read_count + (P + 1)'(ar_fire) - (P + 1)'(read_go && read_last);
            rvalid <= read_go || (rvalid && !rready);
            if (rvalid && rready) read_beats <= read_beats + 1;
        end
    end

    always_ff @(posedge aclk) begin
        if (read_go) begin
            bit [8*D-1:0] beat;
            bit [1:0] response;
            beat = {D{8'hDE}};
            response = DECERR;
            if (inside_memory(read_now)) response = 2'(memory_read(64'(read_now) - base, D, beat));
            rdata <= beat;
            rresp <= response;
            rid <= read_id[read_head];
            rlast <= read_last;
        end
    end

    // Writes: a queue of addresses, data against its head, a queue of responses
    logic [1:0]  write_id[DEPTH];
    logic [39:0] write_address[DEPTH];
    logic [7:0]  write_length[DEPTH];
    logic [63:0] response_due[DEPTH];
    logic [1:0]  responses[DEPTH];
    logic [P-1:0] write_tail, write_head, response_head;
    logic [P:0]   write_count, response_count;
    logic [7:0]   write_beat;
    logic [1:0]   write_response;  // of the burst's beats so far
    logic         write_awake;

    wire aw_fire = awvalid && awready;
    assign wready = write_awake && write_count != 0;
    wire w_fire = wvalid && wready;
    wire write_last = write_beat == write_length[write_head];
    wire [39:0] write_now = write_address[write_head] + 40'(write_beat) * D;
    wire w_done = w_fire && write_last;
    wire respond = (!bvalid || bready) && response_count != 0
                   && cycle >= response_due[response_head] && random[23:16] >= stall;

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            awready <= 0;
            write_awake <= 0;
            bvalid <= 0;
            write_head <= 0;
            write_tail <= 0;
            response_head <= 0;
            write_count <= 0;
            response_count <= 0;
            write_beat <= 0;
            write_response <= OKAY;
            write_bursts <= 0;
            write_beats <= 0;
        end else begin
            awready <= write_count + response_count + (P + 1)'(aw_fire) < FULL
                       && random[31:24] >= stall;
            write_awake <= random[39:32] >= stall;
            if (aw_fire) begin
                write_id[write_tail] <= awid;
                write_address[write_tail] <= awaddr;
                write_length[write_tail] <= awlen;
                write_tail <= write_tail + 1;
                write_bursts <= write_bursts + 1;
            end
            if (w_fire) begin
                bit [1:0] worst;
                worst = DECERR;
                if (inside_memory(write_now))
                    worst = 2'(memory_write(64'(write_now) - base, D, wdata, 64'(wstrb)));
                if (write_response > worst) worst = write_response;
                write_beat <= write_last ? 0 : write_beat + 1;
                write_head <= write_head + P'(write_last);
                write_response <= write_last ? OKAY : worst;
                if (write_last) responses[write_head] <= worst;
                write_beats <= write_beats + 1;
            end
            if (w_done) response_due[write_head] <= due;
            write_count <= write_count + (P + 1)'(aw_fire) - (P + 1)'(w_done);
            response_count <= response_count + (P + 1)'(w_done) - (P + 1)'(respond);
            if (respond) begin
                bid <= write_id[response_head];
                bresp <= responses[response_head];
                response_head <= response_head + 1;
            end
            bvalid <= respond || (bvalid && !bready);
        end
    end

    // AXI leaves the order of a read and a write undefined until the first is answered
    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            overlaps <= 0;
            memory_forget();
        end else begin
            bit [63:0] met;
            met = 0;
            if (rvalid && rready && rlast) memory_close(0);
            if (bvalid && bready) memory_close(1);
            if (ar_fire) met += 64'(memory_open(0, 64'(araddr), (64'(arlen) + 1) * D));
            if (aw_fire) met += 64'(memory_open(1, 64'(awaddr), (64'(awlen) + 1) * D));
            overlaps <= overlaps + met;
        end
    end
endmodule
