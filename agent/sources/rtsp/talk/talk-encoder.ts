/** Receives the payloads of an encoder. */
export interface TalkSink {
  /** @param ticks time of its first sample, by the camera's clock @param marker marker bit of its packet */
  onPayload(payload: Uint8Array, ticks: number, marker: boolean): void;
}

/** Turns a speaker's audio, µ-law of 8 kHz, into that of the camera. */
export interface TalkEncoder {
  /** @param ticks time of its first sample, from any start; pauses are gaps */
  encode(audio: Uint8Array, ticks: number, sink: TalkSink): void;
}
