// The AXI memory alone, behind the ports of a master that cocotb plays.
module tb #(
    parameter int D = 16
) (
    input  logic           aclk /*verilator public_flat_rw*/,
    input  logic           aresetn /*verilator public_flat_rw*/,
    input  logic           wakeup /*verilator public_flat_rw*/,
    output logic           irq /*verilator public_flat_rd*/,
    input  logic [63:0]    base /*verilator public_flat_rw*/,
    input  logic [63:0]    size /*verilator public_flat_rw*/,
    input  logic [15:0]    latency /*verilator public_flat_rw*/,
    input  logic [15:0]    jitter /*verilator public_flat_rw*/,
    input  logic [7:0]     stall /*verilator public_flat_rw*/,
    input  logic [31:0]    seed /*verilator public_flat_rw*/,
    input  logic [1:0]     m_axi_awid /*verilator public_flat_rw*/,
    input  logic [39:0]    m_axi_awaddr /*verilator public_flat_rw*/,
    input  logic [7:0]     m_axi_awlen /*verilator public_flat_rw*/,
    input  logic [2:0]     m_axi_awsize /*verilator public_flat_rw*/,
    input  logic [1:0]     m_axi_awburst /*verilator public_flat_rw*/,
    input  logic           m_axi_awvalid /*verilator public_flat_rw*/,
    output logic           m_axi_awready /*verilator public_flat_rd*/,
    input  logic [8*D-1:0] m_axi_wdata /*verilator public_flat_rw*/,
    input  logic [D-1:0]   m_axi_wstrb /*verilator public_flat_rw*/,
    input  logic           m_axi_wlast /*verilator public_flat_rw*/,
    input  logic           m_axi_wvalid /*verilator public_flat_rw*/,
    output logic           m_axi_wready /*verilator public_flat_rd*/,
    output logic [1:0]     m_axi_bid /*verilator public_flat_rd*/,
    output logic [1:0]     m_axi_bresp /*verilator public_flat_rd*/,
    output logic           m_axi_bvalid /*verilator public_flat_rd*/,
    input  logic           m_axi_bready /*verilator public_flat_rw*/,
    input  logic [1:0]     m_axi_arid /*verilator public_flat_rw*/,
    input  logic [39:0]    m_axi_araddr /*verilator public_flat_rw*/,
    input  logic [7:0]     m_axi_arlen /*verilator public_flat_rw*/,
    input  logic [2:0]     m_axi_arsize /*verilator public_flat_rw*/,
    input  logic [1:0]     m_axi_arburst /*verilator public_flat_rw*/,
    input  logic           m_axi_arvalid /*verilator public_flat_rw*/,
    output logic           m_axi_arready /*verilator public_flat_rd*/,
    output logic [1:0]     m_axi_rid /*verilator public_flat_rd*/,
    output logic [8*D-1:0] m_axi_rdata /*verilator public_flat_rd*/,
    output logic [1:0]     m_axi_rresp /*verilator public_flat_rd*/,
    output logic           m_axi_rlast /*verilator public_flat_rd*/,
    output logic           m_axi_rvalid /*verilator public_flat_rd*/,
    input  logic           m_axi_rready /*verilator public_flat_rw*/,
    output logic [63:0]    read_beats /*verilator public_flat_rd*/,
    output logic [63:0]    write_beats /*verilator public_flat_rd*/
);
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
