// The AXI memory alone; cocotb is the master.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic           aclk,
    input  logic           aresetn,
    input  logic           wakeup,
    output logic           irq,
    input  logic [63:0]    base,
    input  logic [63:0]    size,
    input  logic [15:0]    latency,
    input  logic [15:0]    jitter,
    input  logic [7:0]     stall,
    input  logic [31:0]    seed,
    input  logic [1:0]     m_axi_awid,
    input  logic [39:0]    m_axi_awaddr,
    input  logic [7:0]     m_axi_awlen,
    input  logic [2:0]     m_axi_awsize,
    input  logic [1:0]     m_axi_awburst,
    input  logic           m_axi_awvalid,
    output logic           m_axi_awready,
    input  logic [8*D-1:0] m_axi_wdata,
    input  logic [D-1:0]   m_axi_wstrb,
    input  logic           m_axi_wlast,
    input  logic           m_axi_wvalid,
    output logic           m_axi_wready,
    output logic [1:0]     m_axi_bid,
    output logic [1:0]     m_axi_bresp,
    output logic           m_axi_bvalid,
    input  logic           m_axi_bready,
    input  logic [1:0]     m_axi_arid,
    input  logic [39:0]    m_axi_araddr,
    input  logic [7:0]     m_axi_arlen,
    input  logic [2:0]     m_axi_arsize,
    input  logic [1:0]     m_axi_arburst,
    input  logic           m_axi_arvalid,
    output logic           m_axi_arready,
    output logic [1:0]     m_axi_rid,
    output logic [8*D-1:0] m_axi_rdata,
    output logic [1:0]     m_axi_rresp,
    output logic           m_axi_rlast,
    output logic           m_axi_rvalid,
    input  logic           m_axi_rready,
    output logic [63:0]    read_beats,
    output logic [63:0]    write_beats
);
    /*verilator public_off*/
    logic [63:0] read_bursts, write_bursts, overlaps;
    assign irq = 0;
    axi_memory #(.D(D)) memory (
        .aclk, .aresetn, .base, .size, .latency, .jitter, .stall, .seed,
        .awid(m_axi_awid), .awaddr(m_axi_awaddr), .awlen(m_axi_awlen), .awvalid(m_axi_awvalid),
        .awready(m_axi_awready), .wdata(m_axi_wdata), .wstrb(m_axi_wstrb), .wvalid(m_axi_wvalid),
        .wready(m_axi_wready), .bid(m_axi_bid), .bresp(m_axi_bresp), .bvalid(m_axi_bvalid),
        .bready(m_axi_bready), .arid(m_axi_arid), .araddr(m_axi_araddr), .arlen(m_axi_arlen),
        .arvalid(m_axi_arvalid), .arready(m_axi_arready), .rid(m_axi_rid), .rdata(m_axi_rdata),
        .rresp(m_axi_rresp), .rlast(m_axi_rlast), .rvalid(m_axi_rvalid), .rready(m_axi_rready),
        .read_bursts, .read_beats, .write_bursts, .write_beats, .overlaps
    );
endmodule
