// The accelerator's ports around a copying machine, to test the testbench with. Its program is 64
// bytes: source, destination, length (32 bits each, offsets from the base, multiples of the beat),
// and the number of a misbehaviour. Every byte is copied with its bits inverted.
module maccord (
    input aclk, input aresetn, output reg interrupt,
    input [11:0] s_axi_awaddr, input [2:0] s_axi_awprot, input s_axi_awvalid,
    output s_axi_awready, input [31:0] s_axi_wdata, input [3:0] s_axi_wstrb, input s_axi_wvalid,
    output s_axi_wready, output [1:0] s_axi_bresp, output reg s_axi_bvalid, input s_axi_bready,
    input [11:0] s_axi_araddr, input [2:0] s_axi_arprot, input s_axi_arvalid,
    output s_axi_arready, output reg [31:0] s_axi_rdata, output [1:0] s_axi_rresp,
    output reg s_axi_rvalid, input s_axi_rready,
    output [1:0] m_axi_awid, output reg [39:0] m_axi_awaddr, output reg [7:0] m_axi_awlen,
    output [2:0] m_axi_awsize, output [1:0] m_axi_awburst, output m_axi_awlock,
    output [3:0] m_axi_awcache, output [2:0] m_axi_awprot, output [3:0] m_axi_awqos,
    output reg m_axi_awvalid, input m_axi_awready,
    output [@TOP@:0] m_axi_wdata, output [@LAST@:0] m_axi_wstrb, output m_axi_wlast,
    output m_axi_wvalid, input m_axi_wready,
    input [1:0] m_axi_bid, input [1:0] m_axi_bresp, input m_axi_bvalid, output m_axi_bready,
    output [1:0] m_axi_arid, output reg [39:0] m_axi_araddr, output reg [7:0] m_axi_arlen,
    output [2:0] m_axi_arsize, output [1:0] m_axi_arburst, output m_axi_arlock,
    output [3:0] m_axi_arcache, output [2:0] m_axi_arprot, output [3:0] m_axi_arqos,
    output reg m_axi_arvalid, input m_axi_arready,
    input [1:0] m_axi_rid, input [@TOP@:0] m_axi_rdata, input [1:0] m_axi_rresp,
    input m_axi_rlast, input m_axi_rvalid, output m_axi_rready
);
    localparam D = @BYTES@;
    localparam BALLAST = @BALLAST@;  // multipliers that only make the model as heavy as a real one
    localparam DROPS_VALID = 1, WRONG_LAST = 2, CROSSES = 3, HANGS = 4, STRAYS = 5, FLICKERS = 6,
               MISSES_BYTES = 7, UNALIGNED = 8, OVERLAPS = 9, UNASKED_RESPONSE = 10;

    // Control registers: a write is taken when address and data are both there
    reg [31:0] program_offset;
    reg [63:0] base;
    reg enable, busy, done, failed, start;
    reg [7:0] code;
    reg [63:0] cycles;
    wire take = s_axi_awvalid && s_axi_wvalid && !s_axi_bvalid;
    assign s_axi_awready = take;
    assign s_axi_wready = take;
    assign s_axi_bresp = 0;
    assign s_axi_arready = !s_axi_rvalid;
    assign s_axi_rresp = 0;

    // Copy machine: read a burst into a buffer, write it out, next
    localparam IDLE = 0, ASK = 1, FILL = 2, SEND = 3, ANSWER = 4, FINISH = 5;
    reg [2:0] state;
    reg header;
    reg [511:0] head;
    reg [3:0] fault;
    reg [@TOP@:0] buffer[0:15];
    reg [31:0] source, target, left;
    reg [4:0] beats, at;
    reg [4:0] sent;
    reg sending;
    wire [31:0] room = (4096 - (source & 4095)) / D;
    wire [31:0] room_out = (4096 - (target & 4095)) / D;
    wire [31:0] want = left / D;
    wire [31:0] fit = fault == CROSSES ? 16 : room < room_out ? room : room_out;
    wire [31:0] some = want < 16 ? want : 16;
    wire [31:0] next_beats = some < fit ? some : fit;

    assign m_axi_arid = 0;
    assign m_axi_awid = 1;
    assign m_axi_arsize = $clog2(D);
    assign m_axi_awsize = $clog2(D);
    assign m_axi_arburst = 1;
    assign m_axi_awburst = 1;
    assign {m_axi_arlock, m_axi_arcache, m_axi_arprot, m_axi_arqos} = 12'b0_0011_000_0000;
    assign {m_axi_awlock, m_axi_awcache, m_axi_awprot, m_axi_awqos} = 12'b0_0011_000_0000;
    assign m_axi_rready = state == FILL;
    assign m_axi_bready = 1;
    assign m_axi_wvalid = sending;
    assign m_axi_wdata = ~buffer[sent[3:0]] ^ (fault == FLICKERS && !m_axi_wready ? 1 : 0);
    assign m_axi_wstrb = fault == MISSES_BYTES && sent == 1 ? {{(D-1){1'b1}}, 1'b0} : {D{1'b1}};
    assign m_axi_wlast = sent == beats - 1 || (fault == WRONG_LAST && sent == 0);

    wire [511:0] head_next = (head >> (8 * D)) | ({{(512-8*D){1'b0}}, m_axi_rdata} << (512 - 8*D));

    always @(posedge aclk) begin
        if (!aresetn) begin
            {interrupt, enable, busy, done, failed, start, code} <= 0;
            {s_axi_bvalid, s_axi_rvalid, m_axi_awvalid, m_axi_arvalid, sending} <= 0;
            {program_offset, base, cycles, fault} <= 0;
            state <= IDLE;
        end else begin
            start <= 0;
            if (busy) cycles <= cycles + 1;
            if (s_axi_bready) s_axi_bvalid <= 0;
            if (fault == UNASKED_RESPONSE && state == FINISH) s_axi_bvalid <= 1;
            if (take) begin
                s_axi_bvalid <= 1;
                case (s_axi_awaddr)
                    12'h008: start <= s_axi_wdata[0];
                    12'h00C: begin
                        if (s_axi_wdata[1]) done <= 0;
                        if (s_axi_wdata[2]) failed <= 0;
                        interrupt <= 0;
                    end
                    12'h010: enable <= s_axi_wdata[0];
                    12'h014: program_offset <= s_axi_wdata;
                    12'h018: base[31:0] <= s_axi_wdata;
                    12'h01C: base[63:32] <= s_axi_wdata;
                    default: ;
                endcase
            end
            if (s_axi_rready) s_axi_rvalid <= 0;
            if (s_axi_arvalid && s_axi_arready) begin
                s_axi_rvalid <= 1;
                case (s_axi_araddr)
                    12'h000: s_axi_rdata <= 32'h4D414343;
                    12'h00C: s_axi_rdata <= {16'd0, code, 5'd0, failed, done, busy};
                    12'h080: s_axi_rdata <= cycles[31:0];
                    12'h084: s_axi_rdata <= cycles[63:32];
                    default: s_axi_rdata <= 0;
                endcase
            end
            if (m_axi_arready || fault == DROPS_VALID) m_axi_arvalid <= 0;
            if (m_axi_awready) m_axi_awvalid <= 0;
            case (state)
                IDLE: if (start) begin
                    busy <= 1;
                    cycles <= 0;
                    header <= 1;
                    m_axi_arvalid <= 1;
                    m_axi_araddr <= base[39:0] + program_offset;
                    m_axi_arlen <= 64 / D - 1;
                    at <= 0;
                    state <= FILL;
                end
                ASK: if (left == 0) state <= fault == HANGS ? ASK : FINISH;
                else begin
                    m_axi_arvalid <= 1;
                    m_axi_araddr <= base[39:0] + source + (fault == UNALIGNED ? 1 : 0);
                    m_axi_arlen <= next_beats - 1;
                    beats <= next_beats;
                    at <= 0;
                    state <= FILL;
                end
                FILL: if (m_axi_rvalid) begin
                    at <= at + 1;
                    buffer[at[3:0]] <= m_axi_rdata;
                    head <= head_next;
                    if (m_axi_rresp != 0) begin
                        failed <= 1;
                        code <= 3;
                    end
                    if (m_axi_rlast) begin
                        state <= failed || m_axi_rresp != 0 ? FINISH : header ? ASK : SEND;
                        if (header) {fault, left, target, source} <= head_next[99:0];
                        header <= 0;
                    end
                end
                SEND: begin
                    m_axi_awvalid <= 1;
                    m_axi_awaddr <= base[39:0] + target + (fault == STRAYS ? 4096 : 0);
                    m_axi_awlen <= beats - 1;
                    sending <= 1;
                    sent <= 0;
                    state <= ANSWER;
                    if (fault == OVERLAPS) begin
                        m_axi_arvalid <= 1;
                        m_axi_araddr <= base[39:0] + target;
                        m_axi_arlen <= 0;
                    end
                end
                ANSWER: begin
                    if (sending && m_axi_wready) begin
                        sent <= sent + 1;
                        if (sent == beats - 1) sending <= 0;
                    end
                    if (m_axi_bvalid) begin
                        source <= source + beats * D;
                        target <= target + beats * D;
                        left <= left - beats * D;
                        if (m_axi_bresp != 0) begin
                            failed <= 1;
                            code <= 4;
                        end
                        state <= m_axi_bresp != 0 ? FINISH : ASK;
                    end
                end
                FINISH: begin
                    busy <= 0;
                    done <= 1;
                    interrupt <= enable;
                    state <= IDLE;
                end
                default: state <= IDLE;
            endcase
        end
    end

    reg signed [7:0] weight[0:BALLAST];
    reg signed [7:0] value[0:BALLAST];
    reg signed [31:0] sum[0:BALLAST];
    integer i;
    always @(posedge aclk) begin
        value[0] <= m_axi_rdata[7:0];
        weight[0] <= m_axi_rdata[15:8];
        sum[0] <= cycles[31:0];
        for (i = 1; i <= BALLAST; i = i + 1) begin
            value[i] <= value[i-1];
            weight[i] <= weight[i-1] ^ value[i][7:0];
            sum[i] <= sum[i-1] + value[i] * weight[i];
        end
        if (sum[BALLAST] == 32'h12345678 && BALLAST > 0) value[0] <= 0;
    end
endmodule
