/** GStreamer 1.22, now and then: at its end its CLOSE interrupts its own PAUSE, which it reports as an error of the connection. */
export const OWN_END = /gst_rtspsrc_pause \(\).*Could not send message\. \(Received end-of-file\)\s*$/s;
