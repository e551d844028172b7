import { type ErrorCode, PerchError } from '../../../base/errors.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';

/** What a request is answered with; CSeq and Server are the connection's. */
export interface Answer {
  readonly status: number;
  readonly headers?: readonly HeaderField[];
  readonly body?: Uint8Array;
  /** Called in the same turn, when the answer has been written. */
  readonly after?: () => void;
  /** The connection ends with this answer, for this reason. */
  readonly ends?: string;
}

/** MediaMTX's statuses: whatever keeps a path from being used is the request's fault, except that there is nothing on it yet. */
const STATUS: Record<ErrorCode, number> = {
  badInput: 400,
  notFound: 404,
  unauthorized: 401,
  unavailable: 503,
  timeout: 400,
  unsupported: 461,
  conflict: 412,
  exhausted: 400,
};

/** The answer to a request that failed as requests may; undefined: the fault is ours. */
export function answerTo(error: unknown): Answer | undefined {
  return error instanceof PerchError ? { status: STATUS[error.code] } : undefined;
}
