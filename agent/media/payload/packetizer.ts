/** Receives the RTP payloads of a packetizer. Nothing is allocated per payload: it is passed as numbers and a view. */
export interface PayloadSink {
  /**
   * One RTP payload: `prefixBytes` bytes of `prefix` (big-endian, 0 to 4), then `data[start, end)`.
   * @param data bytes of the sample (MJPEG: of a buffer made for this sample), read only
   * @param marker RTP marker bit
   */
  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void;
}

/**
 * Cuts one sample (`Sample.data`) into RTP payloads of at most `maxPayloadBytes`, prefix included.
 * Throws a PerchError 'unsupported' when the codec's RTP format cannot express the sample; the reader gets the error.
 * @param isLast the last payload of the sample ends the access unit and carries the marker; false for parameter sets sent ahead
 */
export type Packetize = (data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink) => void;

/**
 * The sample unchanged, split anywhere. MPEG-4 part 2 (RFC 6416 §5; the headers are in the first payload, §5.2) and KLV
 * (RFC 6597 §4.2).
 */
export const packetizeUnchanged: Packetize = (data, maxPayloadBytes, isLast, sink) => {
  for (let at = 0; at < data.length; at += maxPayloadBytes) {
    const to = Math.min(at + maxPayloadBytes, data.length);
    sink.onPayload(0, 0, data, at, to, isLast && to === data.length);
  }
};
