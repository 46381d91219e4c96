// Checks both ports of the accelerator, and the memory behind the master port, for violations of
// the AXI protocol and of the port's contract. Counts cycles with violations; keeps code and cycle
// of the first one.
//
// X is not checked: Verilator has two-state logic. An undriven or uninitialized signal shows, if at
// all, as a wrong value.
module axi_checker #(
    parameter int D = 16,
    localparam int CODES = 46
) (
    input  logic           aclk,
    input  logic           aresetn,
    input  logic           irq,
    // master port
    input  logic [1:0]     awid,
    input  logic [39:0]    awaddr,
    input  logic [7:0]     awlen,
    input  logic [2:0]     awsize,
    input  logic [1:0]     awburst,
    input  logic           awlock,
    input  logic [3:0]     awcache,
    input  logic [2:0]     awprot,
    input  logic [3:0]     awqos,
    input  logic           awvalid,
    input  logic           awready,
    input  logic [8*D-1:0] wdata,
    input  logic [D-1:0]   wstrb,
    input  logic           wlast,
    input  logic           wvalid,
    input  logic           wready,
    input  logic [1:0]     bid,
    input  logic [1:0]     bresp,
    input  logic           bvalid,
    input  logic           bready,
    input  logic [1:0]     arid,
    input  logic [39:0]    araddr,
    input  logic [7:0]     arlen,
    input  logic [2:0]     arsize,
    input  logic [1:0]     arburst,
    input  logic           arlock,
    input  logic [3:0]     arcache,
    input  logic [2:0]     arprot,
    input  logic [3:0]     arqos,
    input  logic           arvalid,
    input  logic           arready,
    input  logic [1:0]     rid,
    input  logic [8*D-1:0] rdata,
    input  logic [1:0]     rresp,
    input  logic           rlast,
    input  logic           rvalid,
    input  logic           rready,
    // control port
    input  logic [11:0]    s_awaddr,
    input  logic [2:0]     s_awprot,
    input  logic           s_awvalid,
    input  logic           s_awready,
    input  logic [31:0]    s_wdata,
    input  logic [3:0]     s_wstrb,
    input  logic           s_wvalid,
    input  logic           s_wready,
    input  logic           s_bvalid,
    input  logic           s_bready,
    input  logic [1:0]     s_bresp,
    input  logic [11:0]    s_araddr,
    input  logic [2:0]     s_arprot,
    input  logic           s_arvalid,
    input  logic           s_arready,
    input  logic           s_rvalid,
    input  logic           s_rready,
    input  logic [31:0]    s_rdata,
    input  logic [1:0]     s_rresp,
    output logic [31:0]    errors,      // since the last reset began
    output logic [5:0]     first_code,  // protocol.py names them
    output logic [63:0]    first_cycle,
    output logic [CODES:1] found
);
    localparam logic [2:0] SIZE = 3'($clog2(D));
    localparam logic [1:0] INCR = 2'b01, EXOKAY = 2'b01;
    localparam logic [3:0] CACHE = 4'b0011;  // normal, non-cacheable, bufferable
    localparam logic [9:0] STATUS = 10'h003;  // the register's word
    localparam int DONE = 1, ERROR = 2, RECORDED = 3;  // its bits
    localparam logic [3:0] SETTLE = 12;  // cycles in reset until valid signals have to be low

    function automatic logic crosses(input logic [39:0] address, input logic [7:0] length);
        return 16'(address[11:0]) + (16'(length) + 16'd1) * 16'(D) > 16'd4096;
    endfunction

    function automatic logic unaligned(input logic [39:0] address);
        return (address & 40'(D - 1)) != 0;
    endfunction

    wire aw_fire = awvalid && awready, w_fire = wvalid && wready, b_fire = bvalid && bready;
    wire ar_fire = arvalid && arready, r_fire = rvalid && rready;
    wire s_aw_fire = s_awvalid && s_awready, s_w_fire = s_wvalid && s_wready;
    wire s_b_fire = s_bvalid && s_bready;
    wire s_ar_fire = s_arvalid && s_arready, s_r_fire = s_rvalid && s_rready;

    // Payload of each channel in the previous cycle, if it was not accepted
    logic aw_held, w_held, b_held, ar_held, r_held;
    logic s_aw_held, s_w_held, s_b_held, s_ar_held, s_r_held;
    wire [54:0] aw = {awid, awaddr, awlen, awsize, awburst};
    wire [54:0] ar = {arid, araddr, arlen, arsize, arburst};
    logic [54:0] aw_was, ar_was;
    logic [8*D-1:0] wdata_was, rdata_was;
    logic [D:0] w_was;
    logic [3:0] b_was;
    logic [4:0] r_was;
    logic [14:0] s_aw_was, s_ar_was;
    logic [35:0] s_w_was;
    logic [1:0] s_b_was;
    logic [33:0] s_r_was;

    always_ff @(posedge aclk) begin
        aw_held <= aresetn && awvalid && !awready;
        w_held <= aresetn && wvalid && !wready;
        b_held <= aresetn && bvalid && !bready;
        ar_held <= aresetn && arvalid && !arready;
        r_held <= aresetn && rvalid && !rready;
        s_aw_held <= aresetn && s_awvalid && !s_awready;
        s_w_held <= aresetn && s_wvalid && !s_wready;
        s_b_held <= aresetn && s_bvalid && !s_bready;
        s_ar_held <= aresetn && s_arvalid && !s_arready;
        s_r_held <= aresetn && s_rvalid && !s_rready;
        if (awvalid && !awready) aw_was <= aw;
        if (wvalid && !wready) begin
            wdata_was <= wdata;
            w_was <= {wlast, wstrb};
        end
        if (bvalid && !bready) b_was <= {bid, bresp};
        if (arvalid && !arready) ar_was <= ar;
        if (rvalid && !rready) begin
            rdata_was <= rdata;
            r_was <= {rid, rresp, rlast};
        end
        if (s_awvalid && !s_awready) s_aw_was <= {s_awaddr, s_awprot};
        if (s_wvalid && !s_wready) s_w_was <= {s_wdata, s_wstrb};
        if (s_bvalid && !s_bready) s_b_was <= s_bresp;
        if (s_arvalid && !s_arready) s_ar_was <= {s_araddr, s_arprot};
        if (s_rvalid && !s_rready) s_r_was <= {s_rresp, s_rdata};
    end

    // Write bursts by number: address and data may come in either order, up to 127 bursts apart. An
    // entry is read only between the two, so no entry survives a reset.
    logic [9:0] writes[256];  // ID and length of bursts with only one of address and data
    logic [7:0] addresses, datas, beat;  // next burst per channel, next beat
    wire signed [7:0] lead = addresses - datas;
    wire known = lead > 0 || (lead == 0 && aw_fire);
    wire [7:0] length = lead > 0 ? writes[datas][7:0] : awlen;
    wire w_ends = w_fire && (known ? beat >= length : wlast);
    wire completes = (w_ends && known) || (aw_fire && lead < 0);
    wire [1:0] completed_id = lead > 0 ? writes[datas][9:8] : awid;

    // Complete writes without a response, in total and by ID; addresses without one
    logic [7:0] complete, complete_by_id[4], unanswered;
    wire b_due = complete_by_id[bid] != 0;

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            addresses <= 0;
            datas <= 0;
            beat <= 0;
            complete <= 0;
            unanswered <= 0;
            for (int id = 0; id < 4; id++) complete_by_id[id] <= 0;
        end else begin
            if (aw_fire && lead >= 0) writes[addresses] <= {awid, awlen};
            else if (w_ends && !known) writes[datas] <= {2'b00, beat};
            if (aw_fire) addresses <= addresses + 1;
            if (w_fire) begin
                beat <= w_ends ? 0 : beat + 1;
                datas <= datas + 8'(w_ends);
            end
            if (!(completes && b_fire && b_due && completed_id == bid)) begin
                if (completes) complete_by_id[completed_id] <= complete_by_id[completed_id] + 1;
                if (b_fire && b_due) complete_by_id[bid] <= complete_by_id[bid] - 1;
            end
            complete <= complete + 8'(completes) - 8'(b_fire && b_due);
            unanswered <= unanswered + 8'(aw_fire) - 8'(b_fire && b_due);
        end
    end

    // Read bursts: in order within an ID
    logic [7:0] reads[1024];  // lengths, by ID and number
    logic [7:0] r_head[4], r_tail[4], r_beat[4];
    logic [7:0] unread;  // bursts whose data has not ended
    wire r_due = r_head[rid] != r_tail[rid];
    wire [7:0] r_length = reads[{rid, r_head[rid]}];
    wire r_ends = r_fire && r_due && r_beat[rid] >= r_length;

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            unread <= 0;
            for (int id = 0; id < 4; id++) begin
                r_head[id] <= 0;
                r_tail[id] <= 0;
                r_beat[id] <= 0;
            end
        end else begin
            if (ar_fire) begin
                reads[{arid, r_tail[arid]}] <= arlen;
                r_tail[arid] <= r_tail[arid] + 1;
            end
            if (r_fire && r_due) begin
                r_beat[rid] <= r_ends ? 0 : r_beat[rid] + 1;
                r_head[rid] <= r_head[rid] + 8'(r_ends);
            end
            unread <= unread + 8'(ar_fire) - 8'(r_ends);
        end
    end

    // Unanswered requests on the control port. A program has ended when software reads DONE: the
    // interrupt also rises for records, while the program continues.
    logic [7:0] s_writes, s_datas, s_reads;
    logic of_status, irq_was;
    logic [2:0] open_at_irq;
    wire [2:0] open = {unread != 0, unanswered != 0, lead < 0 || (lead == 0 && beat != 0)};
    wire s_r_new = s_rvalid && !s_r_held;
    wire ended = s_r_new && of_status && (s_rdata[DONE] || s_rdata[ERROR]);
    wire [2:0] left_open = s_rdata[RECORDED] ? open : open | open_at_irq;

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            s_writes <= 0;
            s_datas <= 0;
            s_reads <= 0;
            of_status <= 0;
            irq_was <= 0;
            open_at_irq <= 0;
        end else begin
            s_writes <= s_writes + 8'(s_aw_fire) - 8'(s_b_fire);
            s_datas <= s_datas + 8'(s_w_fire) - 8'(s_b_fire);
            s_reads <= s_reads + 8'(s_ar_fire) - 8'(s_r_fire);
            if (s_ar_fire) of_status <= s_araddr[11:2] == STATUS;
            irq_was <= irq;
            if (irq && !irq_was) open_at_irq <= open;
            // Bursts open when it rose for a record do not concern the end
            else if (!irq || (s_r_new && of_status && s_rdata[RECORDED])) open_at_irq <= 0;
        end
    end

    logic running;
    logic [3:0] in_reset;  // cycles, up to SETTLE
    logic [63:0] cycle;
    wire valid = awvalid || wvalid || bvalid || arvalid || rvalid
                 || s_awvalid || s_wvalid || s_bvalid || s_arvalid || s_rvalid;

    // A variable, because nets are evaluated again whenever an input of the top changes
    always_ff @(posedge aclk) begin
        bit [CODES:1] bad;
        bad = 0;
        bad[21] = !aresetn && in_reset == SETTLE && valid;
        if (aresetn) begin
            bad[1] = aw_held && !awvalid;
            bad[2] = aw_held && awvalid && aw != aw_was;
            bad[3] = w_held && !wvalid;
            if (w_held && wvalid) bad[4] = wdata != wdata_was || {wlast, wstrb} != w_was;
            bad[5] = ar_held && !arvalid;
            bad[6] = ar_held && arvalid && ar != ar_was;
            if (aw_fire) begin
                bad[7] = crosses(awaddr, awlen);
                bad[9] = awburst != INCR;
                bad[11] = awsize != SIZE;
                bad[13] = unaligned(awaddr);
                // Data that came before the address
                bad[15] = (lead == 0 && awlen < beat)
                          || (lead < 0 && awlen != writes[addresses][7:0]);
            end
            if (ar_fire) begin
                bad[8] = crosses(araddr, arlen);
                bad[10] = arburst != INCR;
                bad[12] = arsize != SIZE;
                bad[14] = unaligned(araddr);
            end
            if (w_fire && known) bad[15] |= wlast != (beat >= length);
            bad[16] = !running && valid;
            bad[17] = s_b_held && (!s_bvalid || s_bresp != s_b_was);
            bad[18] = s_r_held && (!s_rvalid || {s_rresp, s_rdata} != s_r_was);
            bad[19] = s_bvalid && !s_b_held && (s_writes == 0 || s_datas == 0);
            bad[20] = s_r_new && s_reads == 0;
            bad[22] = awvalid && awlock;
            bad[23] = arvalid && arlock;
            bad[24] = awvalid && awcache != CACHE;
            bad[25] = arvalid && arcache != CACHE;
            bad[26] = awvalid && awprot != 0;
            bad[27] = arvalid && arprot != 0;
            bad[28] = awvalid && awqos != 0;
            bad[29] = arvalid && arqos != 0;
            bad[30] = b_held && (!bvalid || {bid, bresp} != b_was);
            if (r_held) bad[31] = !rvalid || rdata != rdata_was || {rid, rresp, rlast} != r_was;
            bad[32] = bvalid && !b_held && complete == 0;
            bad[33] = rvalid && !r_held && unread == 0;
            bad[34] = bvalid && !b_held && complete != 0 && !b_due;
            bad[35] = rvalid && !r_held && unread != 0 && !r_due;
            bad[36] = r_fire && r_due && rlast != (r_beat[rid] >= r_length);
            bad[37] = b_fire && bresp == EXOKAY;
            bad[38] = r_fire && rresp == EXOKAY;
            bad[39] = s_b_fire && s_bresp == EXOKAY;
            bad[40] = s_r_fire && s_rresp == EXOKAY;
            bad[41] = s_aw_held && (!s_awvalid || {s_awaddr, s_awprot} != s_aw_was);
            bad[42] = s_w_held && (!s_wvalid || {s_wdata, s_wstrb} != s_w_was);
            bad[43] = s_ar_held && (!s_arvalid || {s_araddr, s_arprot} != s_ar_was);
            if (ended) {bad[46], bad[45], bad[44]} = left_open;
        end

        running <= aresetn;
        in_reset <= aresetn ? 0 : in_reset + 4'(in_reset != SETTLE);
        cycle <= aresetn ? cycle + 1 : 0;
        if (!aresetn && in_reset == 0) begin
            errors <= 0;
            first_code <= 0;
            first_cycle <= 0;
            found <= 0;
        end else if (bad != 0) begin
            errors <= errors + 1;
            found <= found | bad;
            if (errors == 0) begin
                first_cycle <= cycle;
                for (int code = CODES; code >= 1; code--) if (bad[code]) first_code <= 6'(code);
            end
        end
    end
endmodule
