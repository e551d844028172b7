/** What a channel gives its bytes to. */
export interface ByteSink {
  /** @param chunk holds `length` bytes, valid during the call only */
  onBytes(chunk: Uint8Array, length: number): void;
  /** Called once, when the channel has ended; `cause` is undefined when the other side ended it in order. */
  onEnd(cause: unknown): void;
}

/** Bytes both ways, in order: a TCP connection, TLS, or a tunnel through HTTP or WebSocket. */
export interface ByteChannel {
  /** Set by the owner before anything is read. */
  sink: ByteSink | undefined;
  /** Bytes that were written and have not left yet. At 0 nothing that was written is referred to any more. */
  readonly queuedBytes: number;
  /** `address:port` of the other side, for logs and the API. */
  readonly remote: string;
  /** `address:port` of this side of a connection that was accepted; not there where the bytes come through a tunnel. */
  readonly local?: string | undefined;
  /** How long it has waited until it may show a login, in milliseconds; not there where it shows none. */
  readonly heldMs?: number;
  /** Never blocks: bytes queue. The caller looks at `queuedBytes` and decides when it is enough. They are not to be changed before it is 0. */
  write(bytes: Uint8Array): void;
  /** Writes what is queued, then ends. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
  /**
   * Nothing more is read until `resume`, so that the other side has to wait. What was read already still comes,
   * and the end of the connection is heard of only afterwards.
   */
  pause(): void;
  resume(): void;
}
