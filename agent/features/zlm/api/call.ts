import { PerchError } from '../../../base/errors.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';

/** Codes of ZLMediaKit's answers. */
export const CODE = { failed: -1, unauthorized: -100, badArguments: -300, exception: -400, notFound: -500 } as const;

/** Author of configuration changes made by these calls, which may change neither commands nor permissions. */
export const EDITOR = { hasAllRights: false } as const;

const DEFAULT_WAIT_MS = 10_000;

/** Fields of the answer next to `code`, which is 0 by default. */
export type CallAnswer = Readonly<Record<string, unknown>>;

/** A failure with a code of its own. */
export const failure = (code: number, message: string): PerchError =>
  new PerchError('badInput', message, { zlmCode: code });

/** Reads a switch as ZLMediaKit does. */
export const isOn = (text: string | undefined): boolean => text !== undefined && /^(1|true|yes|on)$/i.test(text);

/** A duration parameter in milliseconds; 0 if it is missing. @param unitMs unit of its number in ms @throws PerchError with ZLMediaKit's code */
export function msOf(parameters: ZlmParameters, name: string, unitMs = 1000): number {
  const text = parameters.get(name) ?? '0';
  const value = Number(text);
  if (!(value >= 0)) {
    const unit = unitMs === 1 ? 'milliseconds' : 'seconds';
    throw failure(CODE.badArguments, `${name} '${text.slice(0, 20)}' is not a number of ${unit}`);
  }
  return value * unitMs;
}

/** How long a call waits, in milliseconds. @param unitMs unit of the parameter in ms @throws PerchError with ZLMediaKit's code */
export const waitMsOf = (parameters: ZlmParameters, name = 'timeout_sec', unitMs = 1000): number =>
  Math.min(msOf(parameters, name, unitMs) || DEFAULT_WAIT_MS, 30_000);
