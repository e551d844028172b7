/** Where a packetizer puts its RTP payloads. Nothing is allocated per payload: it is passed as numbers and a view. */
export interface PayloadSink {
  /**
   * One RTP payload: `prefixBytes` bytes of `prefix` (big-endian, 0 to 4), then `data[start, end)`.
   * @param data the sample's own bytes (MJPEG: the packetizer's, made for this sample alone), never to be written to
   * @param marker RTP marker bit
   */
  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void;
}

/**
 * Cuts one sample (`Sample.data`) into RTP payloads of at most `maxPayloadBytes`, prefix included.
 * Throws a PerchError 'unsupported' when the codec's RTP format cannot express the sample; the reader gets the error.
 * @param isLast the sample's last payload ends the access unit, so it may carry the marker (false for parameter sets sent ahead)
 */
export type Packetize = (data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink) => void;
