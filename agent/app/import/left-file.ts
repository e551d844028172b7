import { PerchError } from '../../base/errors.ts';
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

/** The error of a disk after which nothing more can be taken. */
export function diskFaultOf(cause: unknown, text: string): PerchError {
  const code = codeOf(cause);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const why = isFull ? 'full' : code === 'EROFS' ? 'readOnly' : 'disk';
  return new PerchError(isFull ? 'exhausted' : 'unavailable', text, { why, code }, cause);
}
