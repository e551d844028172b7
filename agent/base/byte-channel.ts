/** Receives a channel's bytes. */
export interface ByteSink {
  /** @param chunk contains `length` bytes; valid only during the call */
  onBytes(chunk: Uint8Array, length: number): void;
  /** Called once at the end; `cause` is undefined after a regular close by the peer. */
  onEnd(cause: unknown): void;
}

/** An ordered byte stream in both directions: TCP, TLS, or a tunnel through HTTP or WebSocket. */
export interface ByteChannel {
  /** Set by the owner before the first read. */
  sink: ByteSink | undefined;
  /** Bytes not sent yet. At 0 no written buffer is referenced. */
  readonly queuedBytes: number;
  /** `address:port` of the peer, for logs and the API. */
  readonly remote: string;
  /** `address:port` of this side of an accepted connection; absent for tunnels. */
  readonly local?: string | undefined;
  /** Milliseconds spent waiting for permission to send a login; absent if there is none. */
  readonly heldMs?: number;
  /** Never blocks: bytes queue, and must not change until `queuedBytes` is 0. The caller limits the queue. */
  write(bytes: Uint8Array): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Stops reading until `resume`, which blocks the peer. Bytes read already are still delivered, and the end only after them. */
  pause(): void;
  resume(): void;
}
