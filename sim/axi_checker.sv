// Watches the accelerator's two AXI ports for what the protocol, or the memory's contract, forbids:
// counts violations and keeps the number and the cycle of the first one.
module axi_checker #(
    parameter int D = 16
) (
    input  logic           aclk,
    input  logic           aresetn,
    // master port
    input  logic [1:0]     awid,
    input  logic [39:0]    awaddr,
    input  logic [7:0]     awlen,
    input  logic [2:0]     awsize,
    input  logic [1:0]     awburst,
    input  logic           awvalid,
    input  logic           awready,
    input  logic [8*D-1:0] wdata,
    input  logic [D-1:0]   wstrb,
    input  logic           wlast,
    input  logic           wvalid,
    input  logic           wready,
    input  logic [1:0]     arid,
    input  logic [39:0]    araddr,
    input  logic [7:0]     arlen,
    input  logic [2:0]     arsize,
    input  logic [1:0]     arburst,
    input  logic           arvalid,
    input  logic           arready,
    // control port
    input  logic           s_awvalid,
    input  logic           s_awready,
    input  logic           s_wvalid,
    input  logic           s_wready,
    input  logic           s_bvalid,
    input  logic           s_bready,
    input  logic [1:0]     s_bresp,
    input  logic           s_arvalid,
    input  logic           s_arready,
    input  logic           s_rvalid,
    input  logic           s_rready,
    input  logic [31:0]    s_rdata,
    input  logic [1:0]     s_rresp,
    output logic [31:0]    errors,
    output logic [4:0]     first_code,  // protocol.py names them
    output logic [63:0]    first_cycle
);
    localparam logic [2:0] SIZE = 3'($clog2(D));
    localparam int CODES = 20;

    wire [54:0] aw = {awid, awaddr, awlen, awsize, awburst};
    wire [54:0] ar = {arid, araddr, arlen, arsize, arburst};
    wire aw_fire = awvalid && awready;
    wire w_fire = wvalid && wready;

    // What each channel showed in the cycle before, without being taken
    logic running, aw_held, w_held, ar_held, b_held, r_held;
    logic [54:0] aw_was, ar_was;
    logic [8*D-1:0] wdata_was;
    logic [D:0] w_was;
    logic [1:0] b_was;
    logic [33:0] r_was;

    // Lengths of the bursts whose data has not ended, to know where wlast belongs
    logic [7:0] lengths[256];
    logic [7:0] head, tail, beat;
    logic [7:0] s_writes, s_datas, s_reads;  // requests of the control port not yet answered
    logic [63:0] cycle;

    function automatic logic crosses(input logic [39:0] address, input logic [7:0] length);
        return 16'(address[11:0]) + (16'(length) + 16'd1) * 16'(D) > 16'd4096;
    endfunction

    function automatic logic unaligned(input logic [39:0] address);
        return (address & 40'(D - 1)) != 0;
    endfunction

    logic [CODES:1] bad;
    always_comb begin
        bad = 0;
        bad[1] = aw_held && !awvalid;
        bad[2] = aw_held && awvalid && aw != aw_was;
        bad[3] = w_held && !wvalid;
        bad[4] = w_held && wvalid && (wdata != wdata_was || {wlast, wstrb} != w_was);
        bad[5] = ar_held && !arvalid;
        bad[6] = ar_held && arvalid && ar != ar_was;
        bad[7] = aw_fire && crosses(awaddr, awlen);
        bad[8] = arvalid && arready && crosses(araddr, arlen);
        bad[9] = aw_fire && awburst != 2'b01;
        bad[10] = arvalid && arready && arburst != 2'b01;
        bad[11] = aw_fire && awsize != SIZE;
        bad[12] = arvalid && arready && arsize != SIZE;
        bad[13] = aw_fire && unaligned(awaddr);
        bad[14] = arvalid && arready && unaligned(araddr);
        bad[15] = w_fire && wlast != (beat == lengths[head]);
        bad[16] = !running && aresetn && (awvalid || wvalid || arvalid || s_bvalid || s_rvalid);
        bad[17] = b_held && (!s_bvalid || s_bresp != b_was);
        bad[18] = r_held && (!s_rvalid || {s_rresp, s_rdata} != r_was);
        bad[19] = s_bvalid && !b_held && (s_writes == 0 || s_datas == 0);
        bad[20] = s_rvalid && !r_held && s_reads == 0;
    end

    always_ff @(posedge aclk) begin
        running <= aresetn;
        aw_held <= aresetn && awvalid && !awready;
        w_held <= aresetn && wvalid && !wready;
        ar_held <= aresetn && arvalid && !arready;
        b_held <= aresetn && s_bvalid && !s_bready;
        r_held <= aresetn && s_rvalid && !s_rready;
        aw_was <= aw;
        ar_was <= ar;
        w_was <= {wlast, wstrb};
        if (wvalid && !wready) wdata_was <= wdata;
        b_was <= s_bresp;
        r_was <= {s_rresp, s_rdata};
    end

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            head <= 0;
            tail <= 0;
            beat <= 0;
            s_writes <= 0;
            s_datas <= 0;
            s_reads <= 0;
            cycle <= 0;
            errors <= 0;
            first_code <= 0;
            first_cycle <= 0;
        end else begin
            cycle <= cycle + 1;
            if (aw_fire) begin
                lengths[tail] <= awlen;
                tail <= tail + 1;
            end
            if (w_fire) begin
                beat <= beat == lengths[head] ? 0 : beat + 1;
                head <= head + 8'(beat == lengths[head]);
            end
            s_writes <= s_writes + 8'(s_awvalid && s_awready) - 8'(s_bvalid && s_bready);
            s_datas <= s_datas + 8'(s_wvalid && s_wready) - 8'(s_bvalid && s_bready);
            s_reads <= s_reads + 8'(s_arvalid && s_arready) - 8'(s_rvalid && s_rready);
            if (bad != 0) begin
                errors <= errors + 1;
                if (errors == 0) begin
                    first_cycle <= cycle;
                    for (int code = CODES; code >= 1; code--)
                        if (bad[code]) first_code <= 5'(code);
                end
            end
        end
    end
endmodule
