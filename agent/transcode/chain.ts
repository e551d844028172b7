/** @param pts in ticks of the track that is made */
export type Emit = (pts: number, wall: number, data: Uint8Array) => void;

/** Turns the samples of one track, in the worker. */
export interface Chain {
  /**
   * Emits during the call what has become whole. Throws nothing for damaged data: their time is silent.
   * @param pts in ticks of the track that it is made of
   */
  push(data: Uint8Array, pts: number, wall: number): void;
  /** Gives back the memory that no collector knows of. Called once. */
  free(): void;
}
