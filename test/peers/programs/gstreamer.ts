/**
 * GStreamer 1.22, occasionally: at its end, when all pictures have been read, its CLOSE interrupts its own PAUSE, which it
 * reports as an error of the connection.
 */
export const OWN_END = /gst_rtspsrc_pause \(\).*Could not send message\. \(Received end-of-file\)/s;

/** It occasionally releases an element too early when `num-buffers` ends a pipeline: everything was read. */
const OWN_DISPOSAL =
  /^\s*\(gst-launch-1\.0:\d+\): GStreamer-CRITICAL .*Trying to dispose element .*some element\.\s*$/s;

/** The warnings of a GStreamer player; empty if all is well, its own fault at the end included. */
export function gstreamerSaid(code: number | null, output: string): string {
  if (code === 0 ? OWN_DISPOSAL.test(output) : OWN_END.test(output)) {
    return '';
  }
  return code === 0 ? output.trim() : `ended with ${code}: ${output.trim()}`;
}

/** Worth another try: its end as above, or a fault between its elements while they are linked. */
export const isOwnFault = (output: string): boolean =>
  OWN_END.test(output) || /G(Streamer|Lib-GObject)-CRITICAL/.test(output);
