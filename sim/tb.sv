// Top of the Verilated model: the accelerator, the memory behind its master port, the protocol
// checker, and an independent stopwatch. cocotb or plain.cpp drives the control port.
module tb #(
    parameter int D = 16  // bytes per beat of the master port
) (
    input  logic        aclk,
    input  logic        aresetn,
    input  logic        wakeup,  // toggled by main.cpp when a free run ends
    output logic        irq,  // `interrupt` is a reserved word in Verilator
    input  logic [11:0] s_axi_awaddr,
    input  logic [2:0]  s_axi_awprot,
    input  logic        s_axi_awvalid,
    output logic        s_axi_awready,
    input  logic [31:0] s_axi_wdata,
    input  logic [3:0]  s_axi_wstrb,
    input  logic        s_axi_wvalid,
    output logic        s_axi_wready,
    output logic [1:0]  s_axi_bresp,
    output logic        s_axi_bvalid,
    input  logic        s_axi_bready,
    input  logic [11:0] s_axi_araddr,
    input  logic [2:0]  s_axi_arprot,
    input  logic        s_axi_arvalid,
    output logic        s_axi_arready,
    output logic [31:0] s_axi_rdata,
    output logic [1:0]  s_axi_rresp,
    output logic        s_axi_rvalid,
    input  logic        s_axi_rready,
    input  logic [63:0] memory_base,
    input  logic [63:0] memory_size,
    input  logic [15:0] memory_latency,
    input  logic [15:0] memory_jitter,
    input  logic [7:0]  memory_stall,
    input  logic [31:0] memory_seed,
    output logic [63:0] cycle,        // since reset
    output logic [63:0] start_cycle,  // when the last start was written
    output logic [63:0] stop_cycle,   // when the interrupt last rose
    output logic [63:0] read_bursts,
    output logic [63:0] read_beats,
    output logic [63:0] write_bursts,
    output logic [63:0] write_beats,
    output logic [63:0] overlaps,
    output logic [31:0] protocol_errors,
    output logic [5:0]  protocol_code,
    output logic [63:0] protocol_cycle
);
    logic [1:0] awid, awburst, bid, bresp, arid, arburst, rid, rresp;
    logic [39:0] awaddr, araddr;
    logic [7:0] awlen, arlen;
    logic [2:0] awsize, arsize;
    logic [8*D-1:0] wdata, rdata;
    logic [D-1:0] wstrb;
    logic awlock, arlock;
    logic [3:0] awcache, awqos, arcache, arqos;
    logic [2:0] awprot, arprot;
    logic awvalid, awready, wlast, wvalid, wready, bvalid, bready;
    logic arvalid, arready, rlast, rvalid, rready;

    // High fan-out inputs are registered: otherwise Verilator evaluates all logic behind them twice
    // per clock edge
    logic resetn;
    logic [63:0] base, size;
    logic [15:0] latency, jitter;
    logic [7:0] stall;
    logic [31:0] seed;
    always_ff @(posedge aclk) begin
        resetn <= aresetn;
        base <= memory_base;
        size <= memory_size;
        latency <= memory_latency;
        jitter <= memory_jitter;
        stall <= memory_stall;
        seed <= memory_seed;
    end

    maccord dut (
        .aclk, .aresetn(resetn), .interrupt(irq),
        .s_axi_awaddr, .s_axi_awprot, .s_axi_awvalid, .s_axi_awready,
        .s_axi_wdata, .s_axi_wstrb, .s_axi_wvalid, .s_axi_wready,
        .s_axi_bresp, .s_axi_bvalid, .s_axi_bready,
        .s_axi_araddr, .s_axi_arprot, .s_axi_arvalid, .s_axi_arready,
        .s_axi_rdata, .s_axi_rresp, .s_axi_rvalid, .s_axi_rready,
        .m_axi_awid(awid), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awsize(awsize),
        .m_axi_awburst(awburst), .m_axi_awlock(awlock), .m_axi_awcache(awcache),
        .m_axi_awprot(awprot), .m_axi_awqos(awqos), .m_axi_awvalid(awvalid), .m_axi_awready(awready),
        .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid),
        .m_axi_wready(wready),
        .m_axi_bid(bid), .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready),
        .m_axi_arid(arid), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize),
        .m_axi_arburst(arburst), .m_axi_arlock(arlock), .m_axi_arcache(arcache),
        .m_axi_arprot(arprot), .m_axi_arqos(arqos), .m_axi_arvalid(arvalid), .m_axi_arready(arready),
        .m_axi_rid(rid), .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rlast(rlast),
        .m_axi_rvalid(rvalid), .m_axi_rready(rready)
    );

    axi_memory #(.D(D)) memory (
        .aclk, .aresetn(resetn), .base, .size, .latency, .jitter, .stall, .seed,
        .awid, .awaddr, .awlen, .awvalid, .awready, .wdata, .wstrb, .wvalid, .wready,
        .bid, .bresp, .bvalid, .bready, .arid, .araddr, .arlen, .arvalid, .arready,
        .rid, .rdata, .rresp, .rlast, .rvalid, .rready,
        .read_bursts, .read_beats, .write_bursts, .write_beats, .overlaps
    );

    /* verilator lint_off PINCONNECTEMPTY */
    axi_checker #(.D(D)) checker_ (
        .aclk, .aresetn(resetn), .irq,
        .awid, .awaddr, .awlen, .awsize, .awburst, .awlock, .awcache, .awprot, .awqos,
        .awvalid, .awready, .wdata, .wstrb, .wlast, .wvalid, .wready,
        .bid, .bresp, .bvalid, .bready,
        .arid, .araddr, .arlen, .arsize, .arburst, .arlock, .arcache, .arprot, .arqos,
        .arvalid, .arready, .rid, .rdata, .rresp, .rlast, .rvalid, .rready,
        .s_awaddr(s_axi_awaddr), .s_awprot(s_axi_awprot),
        .s_awvalid(s_axi_awvalid), .s_awready(s_axi_awready),
        .s_wdata(s_axi_wdata), .s_wstrb(s_axi_wstrb),
        .s_wvalid(s_axi_wvalid), .s_wready(s_axi_wready),
        .s_bvalid(s_axi_bvalid), .s_bready(s_axi_bready), .s_bresp(s_axi_bresp),
        .s_araddr(s_axi_araddr), .s_arprot(s_axi_arprot),
        .s_arvalid(s_axi_arvalid), .s_arready(s_axi_arready),
        .s_rvalid(s_axi_rvalid), .s_rready(s_axi_rready),
        .s_rdata(s_axi_rdata), .s_rresp(s_axi_rresp),
        .errors(protocol_errors), .first_code(protocol_code), .first_cycle(protocol_cycle),
        .found()
    );
    /* verilator lint_on PINCONNECTEMPTY */

    // Stopwatch: from the cycle in which CTRL.start is on the bus to the interrupt
    localparam logic [11:0] CTRL = 12'h008;
    logic address_taken, data_taken, address_start, data_start, irq_was;
    wire address_now = s_axi_awvalid && s_axi_awready;
    wire data_now = s_axi_wvalid && s_axi_wready;
    wire starts = (address_now ? s_axi_awaddr == CTRL : address_taken && address_start)
                  && (data_now ? s_axi_wdata[0] && s_axi_wstrb[0] : data_taken && data_start)
                  && (address_now || data_now);
    wire whole = (address_now || address_taken) && (data_now || data_taken);

    always_ff @(posedge aclk) begin
        if (!resetn) begin
            cycle <= 0;
            start_cycle <= 0;
            stop_cycle <= 0;
            address_taken <= 0;
            data_taken <= 0;
            irq_was <= 0;
        end else begin
            cycle <= cycle + 1;
            if (starts) start_cycle <= cycle;
            irq_was <= irq;
            if (irq && !irq_was) stop_cycle <= cycle;
            address_taken <= (address_taken || address_now) && !whole;
            data_taken <= (data_taken || data_now) && !whole;
            if (address_now) address_start <= s_axi_awaddr == CTRL;
            if (data_now) data_start <= s_axi_wdata[0] && s_axi_wstrb[0];
        end
    end
endmodule
