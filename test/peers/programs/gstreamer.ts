/**
 * GStreamer 1.22, now and then: at its end, when all pictures have been read, its CLOSE interrupts its own PAUSE, which it
 * reports as an error of the connection.
 */
export const OWN_END = /gst_rtspsrc_pause \(\).*Could not send message\. \(Received end-of-file\)/s;

/** It takes an element apart too early, now and then, when `num-buffers` ends a pipeline: all was read. */
const OWN_DISPOSAL =
  /^\s*\(gst-launch-1\.0:\d+\): GStreamer-CRITICAL .*Trying to dispose element .*some element\.\s*$/s;

/** What a player of GStreamer's had to say; nothing, when all is well, its own fault at the end included. */
export function gstreamerSaid(code: number | null, output: string): string {
  if (code === 0 ? OWN_DISPOSAL.test(output) : OWN_END.test(output)) {
    return '';
  }
  return code === 0 ? output.trim() : `ended with ${code}: ${output.trim()}`;
}

/** Worth another try: its end as above, or its elements trip over each other while they are put together. */
export const isOwnFault = (output: string): boolean =>
  OWN_END.test(output) || /G(Streamer|Lib-GObject)-CRITICAL/.test(output);
