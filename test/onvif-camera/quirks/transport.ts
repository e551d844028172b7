/** Behaviour instead of a reply. */
export type Silence = 'never' | 'trickle' | 'reset' | 'endless' | 'half';

export interface TransportQuirks {
  /** By operation, `*` for all: no answer, one byte a second, a broken connection, one without end, half of one. */
  answers?: Readonly<Record<string, Silence>>;
  /** Only the first request of a connection is answered. */
  breaksKeepAlive?: boolean;
  /** With more calls at once than this the others get 503. */
  callsAtOnce?: number;
  /** No Date header; else it has the camera's own time. */
  hasNoDate?: boolean;
  /** Takes this long for every call. */
  takesMs?: number;
}
