import { PerchError } from '../../base/errors.ts';
import { isOwnFault, isSqliteError } from '../../base/files/sqlite.ts';
import { codeOf } from '../../record/file/disk-fault.ts';

/** Why a recording is left out, for programs. */
type WhyLeft =
  | 'noTime'
  | 'otherCamera'
  | 'future'
  | 'old'
  | 'busy'
  | 'unreadable'
  | 'damaged'
  | 'foreign'
  | 'unfinished'
  | 'overlap'
  | 'tooLarge'
  | 'clockSet'
  | 'taken';

export interface LeftFile {
  readonly file: string;
  readonly why: WhyLeft;
  /** The reason as text, for people. */
  readonly reason: string;
}

/** A recording that is left out. */
export const leftOut = (why: WhyLeft, reason: string): PerchError => new PerchError('badInput', reason, { why });

export const whyOf = ({ context: { why } }: PerchError): WhyLeft =>
  typeof why === 'string' ? (why as WhyLeft) : 'damaged';

/** Codes of system calls, unlike Node's own: `ERR_…`. */
const SYSTEM_CODE = /^E[A-Z\d]+$/;

/** The error of a disk after which nothing more can be taken. @throws the cause, if it is a bug and no fault of a disk */
export function diskFaultOf(cause: unknown, text: string): PerchError {
  const code = codeOf(cause);
  const isOfIndex = isSqliteError(cause) && !isOwnFault(cause);
  if (!SYSTEM_CODE.test(code) && !isOfIndex) {
    throw cause;
  }
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const why = isFull ? 'full' : code === 'EROFS' ? 'readOnly' : 'disk';
  return new PerchError(isFull ? 'exhausted' : 'unavailable', text, { why, code }, cause);
}
