// The protocol checker alone, all of its inputs played by cocotb.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic           aclk,
    input  logic           aresetn,
    input  logic           wakeup,
    output logic           irq,
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
    output logic [4:0]     first_code,
    output logic [63:0]    first_cycle
);
    /*verilator public_off*/
    assign irq = 0;
    axi_checker #(.D(D)) checker_ (.*);
endmodule
