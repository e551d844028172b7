/** What a viewer of a stream with B-frames is told. */
export const REORDERED =
  "WebRTC doesn't support H264 streams with B-frames: turn them off in the camera, or watch it over HLS";
